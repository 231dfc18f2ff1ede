"""The sheet *Review changes* for Application Permissions: its live checklist, whom it lets through, and its button."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import reviewing
from accounts.models import Account, AuditEntry, Group, PendingChange, User
from accounts.reviewing import NotReady
from integrations.models import LinkRequest, LinkState, TenantLink
from integrations.organization import answers, checklist, endings, trips, whose
from integrations.organization.whose import Whose
from integrations.preferences import Api, Method, ServicePolicy
from tests.cast import FOUNDED, Cast, ClientOf
from tests.integrations.authorized import authorized
from tests.integrations.stopped import CORVID, KESTREL
from tests.integrations.tied import set_to
from tests.integrations.travelling import BY_ADMIN, decided, learnt, own, sheet
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
NOW = timezone.now


def _items(account: Account, by: User, policy: ServicePolicy = BY_ADMIN) -> dict[str, str]:
    from accounts import domains

    made = checklist.made(policy, whose.known(domains.verified(account)), by=by, now=NOW())
    return {item.says: item.state for item in made.items}


def _confirm(client: Any, change: PendingChange) -> Any:
    return client.post(reverse("change", args=[change.pk]), {"said": "0", "reason": ""})


# ── The checklist ───────────────────────────────────────────────────────────
def test_without_a_verified_domain_nobody_is_sent_to_microsoft(cast: Cast, client_of: ClientOf) -> None:
    page = client_of(cast.dana).get(reverse("change", args=[sheet(cast.dana).pk])).content.decode()

    assert "No associated domain is verified" in page
    assert reverse("account_profile") in page
    assert 'formaction="/integrations/authorize/begin/"' not in page


def test_a_worker_learns_whose_the_domain_is_and_the_page_follows(
    cast: Cast, client_of: ClientOf, microsoft: Simulator
) -> None:
    own(cast.kestrel, "kestrel.example")
    dana, change = client_of(cast.dana), sheet(cast.dana)
    address = reverse("authorize_checklist", args=[change.pk])

    before = dana.get(reverse("change", args=[change.pk])).content.decode()
    learnt(cast.kestrel)
    after = dana.get(address).content.decode()

    assert f'hx-get="{address}"' in before
    assert "Meridian asks Microsoft whose kestrel.example is" in before
    assert "hx-get" not in after
    assert "kestrel.example belongs to one Microsoft 365 organization" in after
    assert "Global Administrator or a Privileged Role Administrator" in after
    assert 'formaction="/integrations/authorize/begin/"' in after


def test_domains_are_told_apart_by_their_organization(cast: Cast, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example", "kestrelandco.example", "corvid.example", "nowhere.example")
    learnt(cast.kestrel)

    made = checklist.made(BY_ADMIN, whose.known(["corvid.example", "kestrel.example"]), by=cast.dana, now=NOW())

    assert {one.tenant_id: one.domains for one in made.organizations} == {
        KESTREL: ("kestrel.example",),
        CORVID: ("corvid.example",),
    }
    assert _items(cast.kestrel, cast.dana)["Microsoft knows no organization of nowhere.example"] == "next"


def test_a_domain_that_microsoft_does_not_know_is_not_enough(cast: Cast, microsoft: Simulator) -> None:
    own(cast.kestrel, "nowhere.example")
    learnt(cast.kestrel)

    made = checklist.made(BY_ADMIN, whose.known(["nowhere.example"]), by=cast.dana, now=NOW())

    assert (made.is_ready, made.is_asking) == (False, False)
    assert _items(cast.kestrel, cast.dana)["Microsoft knows no organization of nowhere.example"] == "failed"


def test_while_microsoft_does_not_answer_the_checklist_says_so(cast: Cast, settings: Any) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"
    own(cast.kestrel, "kestrel.example")

    learnt(cast.kestrel)

    (told,) = whose.known(["kestrel.example"])
    assert (told.tenant_id, told.is_troubled) == (None, True)
    items = checklist.made(BY_ADMIN, [told], by=cast.dana, now=NOW()).items
    assert any("Microsoft does not answer at the moment" in item.detail for item in items)


def test_once_exchange_online_has_ended_ews_there_is_no_way(cast: Cast, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    authorized(cast.kestrel)
    policy = ServicePolicy(authorize_with=Api.EWS, who_can_set_up=Method.APPLICATION_PERMISSIONS)
    told, last_day = whose.known(["kestrel.example"]), datetime(2027, 3, 31, tzinfo=UTC)
    until_then = checklist.made(policy, told, by=cast.dana, now=last_day)
    made = checklist.made(policy, told, by=cast.dana, now=last_day + timedelta(days=1))

    assert until_then.is_ready
    assert not made.is_ready
    assert [item.says for item in made.items if item.state == "failed"] == ["Exchange Web Services (EWS) is chosen"]


def test_an_admin_of_a_group_is_told_who_can_authorize(cast: Cast, microsoft: Simulator, client_of: ClientOf) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    change = sheet(cast.gus, at=cast.sales)

    page = client_of(cast.gus).get(reverse("change", args=[change.pk])).content.decode()
    answer = client_of(cast.gus).post(reverse("authorize_begin"), {"domain": "kestrel.example", "change": change.pk})

    assert "An owner or an admin of the account has to authorize" in page
    assert 'formaction="/integrations/authorize/begin/"' not in page
    assert answer.status_code == 403
    assert not LinkRequest.objects.exists()


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", None, "t1", "t2", "t3"])), unique_by=lambda p: p[0]
    )
)
def test_each_domain_is_of_one_organization_and_none_is_lost(pairs: list[tuple[str, str | None]]) -> None:
    told = [Whose(f"{name}.example", tenant) for name, tenant in pairs]

    found = checklist.organizations_in(told)

    listed = [(one.tenant_id, domain) for one in found for domain in one.domains]
    assert sorted(listed) == sorted((one.tenant_id, one.domain) for one in told if one.tenant_id)
    assert len({one.tenant_id for one in found}) == len(found)


def test_the_checklist_of_many_domains_asks_as_little(cast: Cast, client_of: ClientOf) -> None:
    dana, change = client_of(cast.dana), sheet(cast.dana)
    address = reverse("authorize_checklist", args=[change.pk])
    counts = []

    for names in (["a.example"], [f"b{number}.example" for number in range(40)]):
        own(cast.kestrel, *names)
        with CaptureQueriesContext(connection) as asked:
            assert dana.get(address).status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1] <= 6


# ── The gate ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("place", ["kestrel", "sales"])
def test_without_a_link_the_button_alone_saves_nothing(
    cast: Cast, client_of: ClientOf, microsoft: Simulator, place: str
) -> None:
    own(cast.kestrel, "kestrel.example")
    at: Account | Group = getattr(cast, place)
    change = sheet(cast.dana, at=at)

    answer = _confirm(client_of(cast.dana), change)

    assert answer.status_code == 409
    assert "Before you authorize" in answer.content.decode()
    assert PendingChange.objects.filter(pk=change.pk).exists()
    assert decided(at) is None
    with pytest.raises(NotReady):
        reviewing.confirm(change, actor=cast.dana, reason="", now=NOW())


@pytest.mark.parametrize("place", ["kestrel", "sales"])
@pytest.mark.parametrize("state", [LinkState.WORKING, LinkState.DEGRADED])
def test_with_a_link_the_sheet_just_saves(cast: Cast, client_of: ClientOf, place: str, state: str) -> None:
    own(cast.kestrel, "kestrel.example")
    authorized(cast.kestrel, state=state)
    at: Account | Group = getattr(cast, place)
    change = sheet(cast.dana, at=at)

    page = client_of(cast.dana).get(reverse("change", args=[change.pk])).content.decode()
    answer = _confirm(client_of(cast.dana), change)

    assert "Before you authorize" not in page
    assert answer.status_code == 302
    assert decided(at) is Method.APPLICATION_PERMISSIONS


@pytest.mark.parametrize("end", [{"ended_at": FOUNDED}, {"state": LinkState.PAUSED}])
def test_a_link_that_is_no_good_opens_nothing(cast: Cast, end: dict[str, Any]) -> None:
    own(cast.kestrel, "kestrel.example")
    authorized(cast.kestrel, **end)

    with pytest.raises(NotReady):
        reviewing.confirm(sheet(cast.dana), actor=cast.dana, reason="", now=NOW())


def test_another_account_s_link_opens_nothing(cast: Cast) -> None:
    authorized(cast.corvid)

    with pytest.raises(NotReady):
        reviewing.confirm(sheet(cast.dana), actor=cast.dana, reason="", now=NOW())


def test_what_was_chosen_before_can_be_changed_without_a_link(cast: Cast) -> None:
    set_to("services", BY_ADMIN, at=cast.kestrel, by=cast.dana)
    wider = ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS, organization_contacts=True)

    reviewing.confirm(sheet(cast.dana, policy=wider), actor=cast.dana, reason="", now=NOW())

    assert AuditEntry.objects.filter(setting_key="integrations.services").count() == 2


def test_back_to_oauth_needs_nobody(cast: Cast) -> None:
    set_to("services", BY_ADMIN, at=cast.kestrel, by=cast.dana)

    reviewing.confirm(sheet(cast.dana, policy=ServicePolicy()), actor=cast.dana, reason="", now=NOW())

    assert decided(cast.kestrel) is Method.OAUTH


# ── Beginning ───────────────────────────────────────────────────────────────
@pytest.mark.parametrize("domain", ["", "corvid.example", "kestrel.example\0", "lapsed.example"])
def test_only_for_a_verified_domain(cast: Cast, client_of: ClientOf, microsoft: Simulator, domain: str) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)

    client_of(cast.dana).post(reverse("authorize_begin"), {"domain": domain})

    assert not LinkRequest.objects.exists()


def test_not_before_microsoft_has_said_whose_the_domain_is(cast: Cast, client_of: ClientOf) -> None:
    own(cast.kestrel, "kestrel.example")

    answer = client_of(cast.dana).post(reverse("authorize_begin"), {"domain": "kestrel.example"}, follow=True)

    assert "Microsoft has not said yet" in answer.content.decode()
    assert not LinkRequest.objects.exists()


@pytest.mark.parametrize("change", ["somebody else’s", "nonsense", "expired"])
def test_only_with_a_change_of_one_s_own(cast: Cast, client_of: ClientOf, microsoft: Simulator, change: str) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    sent = {
        "somebody else’s": str(sheet(cast.gus, at=cast.sales).pk),
        "nonsense": "1",
        "expired": str(sheet(cast.dana).pk),
    }[change]
    PendingChange.objects.filter(by=cast.dana).update(expires_at=NOW())

    answer = client_of(cast.dana).post(reverse("authorize_begin"), {"domain": "kestrel.example", "change": sent})

    assert answer.status_code == 404
    assert not LinkRequest.objects.exists()


def test_a_reason_that_is_too_long_is_said_on_the_sheet(cast: Cast, client_of: ClientOf, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    sent = {"domain": "kestrel.example", "change": sheet(cast.dana).pk, "reason": "x" * 501}

    answer = client_of(cast.dana).post(reverse("authorize_begin"), sent)

    assert answer.status_code == 422
    assert "At most 500 characters" in answer.content.decode()


def test_a_new_one_ends_the_one_before_and_waits_for_one_that_is_being_proved(
    cast: Cast, client_of: ClientOf, microsoft: Simulator
) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    begin = {"domain": "kestrel.example"}
    dana = client_of(cast.dana)
    for _ in range(2):
        dana.post(reverse("authorize_begin"), begin)
    first, second = LinkRequest.objects.order_by("created_at")
    LinkRequest.objects.filter(pk=second.pk).update(step="answered", answered_at=NOW())

    answer = dana.post(reverse("authorize_begin"), begin)

    assert (first.reason, second.ended_at) == ("superseded", None)
    assert answer["Location"] == reverse("authorize", args=[second.pk])
    assert LinkRequest.objects.count() == 2


def test_while_microsoft_does_not_answer_the_button_says_so(
    cast: Cast, client_of: ClientOf, microsoft: Simulator, settings: Any
) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"

    answer = client_of(cast.dana).post(reverse("authorize_begin"), {"domain": "kestrel.example"}, follow=True)

    assert "Microsoft does not answer at the moment" in answer.content.decode()
    assert LinkRequest.objects.get().step == "made"


def test_another_admin_sees_it_and_cannot_go_on_with_it(cast: Cast, client_of: ClientOf, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    User.objects.filter(pk=cast.bob.pk).update(role="admin")
    client_of(cast.dana).post(reverse("authorize_begin"), {"domain": "kestrel.example"})
    request = LinkRequest.objects.get()
    bob = client_of(User.objects.get(pk=cast.bob.pk))

    page = bob.get(reverse("authorize", args=[request.pk]))
    answer = bob.post(reverse("authorize_go", args=[request.pk]))

    assert "Dana" in page.content.decode()
    assert answer.status_code == 403


def test_what_nobody_finished_is_forgotten(cast: Cast, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    begun = trips.begin(cast.kestrel, domain="kestrel.example", by=cast.dana, now=NOW())

    assert trips.forget_old(now=NOW() + trips.LASTS) == 0
    assert LinkRequest.objects.get(pk=begun.pk).reason == "expired"
    assert trips.forget_old(now=NOW() + trips.LASTS + trips.KEEP + timedelta(minutes=1)) == 1


def test_a_link_stands_in_for_what_is_not_remembered(cast: Cast) -> None:
    own(cast.kestrel, "kestrel.example")
    link = authorized(cast.kestrel)

    begun = trips.begin(cast.kestrel, domain="kestrel.example", by=cast.dana, now=NOW())

    assert begun.tenant_id == link.tenant_id
    assert TenantLink.objects.count() == 1


# ── Words ───────────────────────────────────────────────────────────────────
def test_every_ending_has_its_words() -> None:
    assert all(endings.told(one).title.endswith(".") for one in endings.Ending)
    assert endings.in_words("never heard of") == "Microsoft gave no reason that Meridian knows"


@given(st.dictionaries(st.sampled_from(["state", "code", "error", "tenant", "admin_consent"]), st.text(max_size=40)))
def test_belonging_is_told_by_the_state_alone(answer: dict[str, str]) -> None:
    assert answers.belongs(answer) is answer.get("state", "").startswith("organization.")
