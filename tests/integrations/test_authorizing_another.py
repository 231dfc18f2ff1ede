"""An organization authorized without a change of the settings; and the sheet where one is linked already."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import reviewing
from accounts.models import AssociatedDomain, DomainState
from accounts.reviewing import NotReady
from integrations.models import LinkRequest
from integrations.organization import links
from integrations.preferences import Api, Method, ServicePolicy
from tests.cast import Cast, ClientOf
from tests.integrations.authorized import authorized, set_up_by_admin
from tests.integrations.stopped import CORVID, KESTREL
from tests.integrations.tied import set_to
from tests.integrations.travelling import learnt, own, sheet
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db


def _page(client: Any) -> str:
    page: str = client.get(reverse("organizations")).content.decode()
    return page


def test_after_the_end_it_can_be_authorized_again(cast: Cast, client_of: ClientOf, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    set_up_by_admin(cast.kestrel, by=cast.dana)
    links.ended(authorized(cast.kestrel, tenant_id=KESTREL), actor=cast.dana, now=timezone.now())
    dana = client_of(cast.dana)

    page = _page(dana)
    answer = dana.post(reverse("authorize_begin"), {"domain": "kestrel.example"})

    assert "Authorize an organization" in page
    assert f'action="{reverse("authorize_begin")}"' in page
    assert 'name="domain" value="kestrel.example" checked' in page
    assert answer["Location"].startswith(microsoft.human_url)


def test_another_one_can_be_authorized_and_the_first_anew(
    cast: Cast, client_of: ClientOf, microsoft: Simulator
) -> None:
    own(cast.kestrel, "corvid.example", "kestrel.example")
    learnt(cast.kestrel)
    authorized(cast.kestrel, tenant_id=KESTREL)

    page = _page(client_of(cast.dana))

    assert "Authorize another organization" in page
    assert page.index(f"Organization {CORVID}") < page.index(f"Organization {KESTREL}")
    assert page.count("this renews its consent") == 1
    assert 'value="corvid.example" checked' in page


def test_the_list_follows_what_a_worker_learns(cast: Cast, client_of: ClientOf, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example")
    dana = client_of(cast.dana)

    before = _page(dana)
    learnt(cast.kestrel)
    after = _page(dana)

    assert f'hx-get="{reverse("organizations")}"' in before
    assert 'name="domain"' not in before
    assert "hx-get" not in after.split('id="another"')[1].split("</section>")[0]
    assert 'name="domain"' in after


def test_many_domains_cost_as_few_queries(cast: Cast, client_of: ClientOf) -> None:
    dana, counts = client_of(cast.dana), []

    for names in (["a.example"], [f"b{number}.example" for number in range(40)]):
        own(cast.kestrel, *names)
        with CaptureQueriesContext(connection) as asked:
            _page(dana)
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_what_cannot_be_begun_leads_back_to_the_organization(cast: Cast, client_of: ClientOf) -> None:
    link = authorized(cast.kestrel)  # its domain is no longer a verified one

    answer = client_of(cast.dana).post(reverse("authorize_begin"), {"domain": "kestrel.example"})

    assert answer["Location"] == reverse("organization", args=[link.pk])
    assert not LinkRequest.objects.exists()


# ── The sheet ───────────────────────────────────────────────────────────────
def test_with_a_link_the_sheet_still_says_what_this_way_cannot_do(cast: Cast, client_of: ClientOf) -> None:
    own(cast.kestrel, "kestrel.example")
    authorized(cast.kestrel)
    change = sheet(cast.dana, at=cast.sales)

    page = client_of(cast.dana).get(reverse("change", args=[change.pk])).content.decode()

    assert "Only each person’s primary calendar is reached." in page
    assert "Authorized for people whose address is of kestrel.example" in page
    assert "Authorize and Save" not in page


@pytest.mark.parametrize("lost", ["no domain of the link", "lapsed"])
def test_a_link_that_serves_no_domain_opens_nothing(cast: Cast, lost: str) -> None:
    own(cast.kestrel, "kestrel.example")
    authorized(cast.kestrel, domains=[] if lost == "no domain of the link" else ["kestrel.example"])
    if lost == "lapsed":
        AssociatedDomain.objects.update(state=DomainState.LAPSED)

    with pytest.raises(NotReady):
        reviewing.confirm(sheet(cast.dana), actor=cast.dana, reason="", now=timezone.now())


def test_from_exchange_web_services_to_graph_needs_a_link(cast: Cast) -> None:
    of_old = ServicePolicy(authorize_with=Api.EWS, who_can_set_up=Method.APPLICATION_PERMISSIONS)
    set_to("services", of_old, at=cast.kestrel, by=cast.dana)

    with pytest.raises(NotReady):
        reviewing.confirm(sheet(cast.dana), actor=cast.dana, reason="", now=timezone.now())


def test_an_admin_of_a_group_is_not_sent_to_a_page_of_others(cast: Cast, client_of: ClientOf) -> None:
    change = sheet(cast.gus, at=cast.sales)

    page = client_of(cast.gus).get(reverse("change", args=[change.pk])).content.decode()

    assert "No associated domain is verified" in page
    assert f'href="{reverse("account_profile")}"' not in page
