"""*Authorize and Save* for Exchange Web Services: a consent of its own, and the pages that tell what it means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations.models import Connection, LinkStep, State, TenantLink
from integrations.organization import drift, mailbox_rights, trips, validating
from integrations.organization.needs import FULL_ACCESS
from integrations.preferences import Api
from tests.cast import Cast, ClientOf, crowd
from tests.integrations.authorized import authorized, connected_by
from tests.integrations.followed import followed
from tests.integrations.linked import at, consented
from tests.integrations.linked_by_ews import BY_EWS, ROLE, allowed
from tests.integrations.tied import set_to
from tests.integrations.travelling import Admin, learnt, own, proved, sheet
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(cast: Cast, microsoft: Simulator, client_of: ClientOf) -> Admin:
    """Kestrel has proved its domain, and a worker has asked Microsoft whose it is."""
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    return Admin(microsoft, client_of(cast.dana))


@pytest.fixture
def link(cast: Cast) -> TenantLink:
    """It works, without Microsoft."""
    set_to("services", BY_EWS, at=cast.kestrel, by=cast.dana)
    return authorized(cast.kestrel, api=Api.EWS.value, roles=[FULL_ACCESS])


# ── The trip ────────────────────────────────────────────────────────────────
def test_a_consent_to_ews_links_and_saves_and_connects(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    allowed(microsoft)
    request = admin.authorize_and_save(sheet(cast.dana, policy=BY_EWS))

    admin.walk()
    request = proved(request)

    assert (request.step, request.reason, request.not_saved) == (LinkStep.DONE, "", "")
    link = TenantLink.objects.get()
    assert (link.api, link.roles, link.domains) == (Api.EWS, [FULL_ACCESS], ["kestrel.example"])
    followed(link)
    assert Connection.objects.get(user=cast.alice).state == State.CONNECTED


def test_microsoft_is_asked_for_exchange_online_and_nothing_else(cast: Cast, admin: Admin) -> None:
    admin.authorize_and_save(sheet(cast.dana, policy=BY_EWS))

    assert admin.last is not None
    asked = parse_qs(urlsplit(admin.last["Location"]).query)
    assert asked["scope"] == ["https://outlook.office365.com/.default"]


def test_the_settings_say_which_api_and_not_what_is_sent(cast: Cast, admin: Admin) -> None:
    by_graph = admin.authorize_and_save(sheet(cast.dana), api="ews")

    assert by_graph.api == Api.GRAPH


@pytest.mark.parametrize(("sent", "api"), [("ews", Api.EWS), ("graph", Api.GRAPH), ("", Api.GRAPH), ("x", Api.GRAPH)])
def test_without_a_change_it_is_chosen(sent: str, api: Api, admin: Admin) -> None:
    assert admin.authorize_and_save(api=sent).api == api


def test_a_consent_to_graph_is_none_to_ews(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    request = admin.authorize_and_save(sheet(cast.dana, policy=BY_EWS))
    admin.walk()
    at(microsoft, "remove-roles", roles=[ROLE])

    request = proved(request)

    assert (request.step, request.reason) == (LinkStep.IDENTIFIED, "no_permissions")
    assert not TenantLink.objects.exists()


def test_one_by_each_api_may_be_under_way(cast: Cast, admin: Admin) -> None:
    by_graph, by_ews = admin.authorize_and_save(api="graph"), admin.authorize_and_save(api="ews")

    by_graph.refresh_from_db()
    assert (by_graph.ended_at, by_ews.ended_at) == (None, None)


def test_a_link_for_graph_does_not_open_the_gate_to_ews(cast: Cast, admin: Admin, client_of: ClientOf) -> None:
    authorized(cast.kestrel)
    change = sheet(cast.dana, policy=BY_EWS)

    page = client_of(cast.dana).get(reverse("change", args=[change.pk])).content.decode()

    assert "Before you authorize" in page
    assert "EWS opens the whole mailbox" in page
    assert "1 April 2027" in page
    assert FULL_ACCESS in page


def test_a_link_for_ews_opens_it(cast: Cast, link: TenantLink, admin: Admin, client_of: ClientOf) -> None:
    set_to("services", type(BY_EWS)(), at=cast.kestrel, by=cast.dana)
    change = sheet(cast.dana, policy=BY_EWS)

    page = client_of(cast.dana).get(reverse("change", args=[change.pk])).content.decode()

    assert "Authorized already" in page


def test_whom_it_is_handed_on_to_reads_what_it_gives(cast: Cast, admin: Admin, client_of: ClientOf) -> None:
    request = admin.authorize_and_save(sheet(cast.dana, policy=BY_EWS), hand_on="1")
    client = client_of(cast.mallory)
    client.get(reverse("authorize_link", args=[trips.word_of(request)]))

    page = client.get(reverse("authorize_handed_on")).content.decode()

    assert FULL_ACCESS in page
    assert "the legacy way" in page
    assert "User.Read.All" not in page


# ── The pages ───────────────────────────────────────────────────────────────
def test_its_page_says_what_is_given_and_how_to_limit_it(cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    page = client_of(cast.dana).get(reverse("organization", args=[link.pk])).content.decode()

    assert "legacy way" in page
    assert "it knows no smaller permission" in page
    assert "Application EWS.AccessAsApp" in page
    assert "EwsAllowedAppIDs" in page
    assert "dc890d15-9560-4a4c-9b7f-a736ec74ec40" in page
    assert "Calendars.ReadWrite" not in page
    assert f'href="{reverse("ews")}"' in page


def test_its_end_leaves_what_graph_was_given(cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    page = client_of(cast.dana).get(reverse("organization_end", args=[link.pk])).content.decode()

    assert "Remove-MgServicePrincipalAppRoleAssignment" in page
    assert "Remove-MgServicePrincipal -ServicePrincipalId" not in page
    assert "&#x27;Application EWS.AccessAsApp&#x27;" in page


def test_among_the_organizations_it_is_one_of_its_own(cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    authorized(cast.kestrel)
    client = client_of(cast.dana)

    page = client.get(reverse("organizations")).content.decode()
    other = client.get(reverse("organizations") + "?api=ews").content.decode()

    assert "kestrel.example (EWS)" in page
    assert "organizations/?api=ews" in page
    assert "Authorize an organization for Exchange Web Services (EWS)" in other


@pytest.mark.parametrize("number", [5, 500])
def test_pages_cost_the_same_however_many_there_are(
    number: int, cast: Cast, link: TenantLink, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    connected_by(link, crowd(cast.kestrel, number), api=Api.EWS.value)
    client = client_of(cast.dana)
    client.get(reverse("organizations"))

    with django_assert_num_queries(9):
        client.get(reverse("organizations"))
    with django_assert_num_queries(5):
        client.get(reverse("organization", args=[link.pk]))


# ── Checked again ───────────────────────────────────────────────────────────
def test_a_check_asks_the_calendar_alone(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    link = _alive(cast, microsoft)
    followed(link)
    at(microsoft, "access-policy", kind="deny", people=["bob@kestrel.example"])

    validating.ask(link, inside="alice@kestrel.example", outside="bob@kestrel.example", now=timezone.now())
    validating.carry_out(link.pk, now=timezone.now())

    found = validating.latest(link, now=timezone.now())
    assert found is not None
    assert (found.is_fine, found.says) == (True, "It is as it should be.")
    assert [one.said for one in found.mailboxes] == [{"calendar": "ok"}, {"calendar": "refused"}]


def test_nothing_is_written_by_ews_whatever_is_granted(cast: Cast, link: TenantLink) -> None:
    TenantLink.objects.filter(pk=link.pk).update(roles=[FULL_ACCESS, "Calendars.ReadWrite"])
    link.refresh_from_db()

    assert not mailbox_rights.may_write_calendars(link)


def test_what_is_granted_besides_is_told_once(cast: Cast, link: TenantLink) -> None:
    now = timezone.now()
    drift.look(link.pk, now=now)
    TenantLink.objects.filter(pk=link.pk).update(roles=[FULL_ACCESS, "Mail.ReadWrite"])

    told = [drift.look(link.pk, now=now + timedelta(minutes=one)) for one in (1, 2)]

    link.refresh_from_db()
    assert told == [True, False]
    assert link.drift["more"] == ["Mail.ReadWrite"]
    assert {name: link.drift[name] for name in ("missing", "without")} == {"missing": [], "without": []}


def _alive(cast: Cast, microsoft: Simulator) -> TenantLink:
    allowed(microsoft)
    set_to("services", BY_EWS, at=cast.kestrel, by=cast.dana)
    return authorized(cast.kestrel, api=Api.EWS.value, tenant_id=consented(microsoft, [ROLE]), roles=[], roles_at=None)
