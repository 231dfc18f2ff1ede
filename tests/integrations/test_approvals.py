"""Who waits for an administrator at Microsoft, since when, for what; and every way in which that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import deleting
from accounts import people as people_of_account
from accounts.domain_names import NotADomain
from accounts.models import AuditEntry, User
from integrations import approvals, connecting, disconnecting, tenancy
from integrations.domains import DomainRule
from integrations.models import AwaitedApproval, Connection, State
from integrations.preferences import ServicePolicy
from integrations.tasks import apply_policy, apply_policy_to
from tests.cast import FOUNDED, Cast, ClientOf, crowd, joined
from tests.integrations.stopped import KESTREL, close, is_released, looked_up, queue, stopped, waits
from tests.integrations.tied import connect, set_to, state_of
from tests.integrations.wired import answered, connected, redeemed
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


def stopped_as(person: User, microsoft: Simulator) -> AwaitedApproval:
    """With another address than Microsoft knows."""
    redeemed(answered(person, microsoft, name=f"{person.name.lower()}@kestrel.example"))
    return AwaitedApproval.objects.get(user=person)


# ── Being stopped ───────────────────────────────────────────────────────────
@pytest.mark.parametrize("may_ask", [False, True])
def test_who_is_stopped_waits_with_what_they_ticked(alice: User, microsoft: Simulator, may_ask: bool) -> None:
    close(microsoft)
    microsoft.control("POST", "tenants/kestrel.example/consent-workflow", {"on": may_ask})

    row = stopped(alice, microsoft, calendar_write=True)

    assert (row.calendar_write, row.contacts_write, row.domain) == (True, False, "kestrel.example")
    assert row.code == ("AADSTS90095" if may_ask else "AADSTS90094")
    assert row.released_at is None
    assert state_of(alice) == State.AWAITING_ADMIN


def test_a_tenant_of_the_seed_stops_its_people_too(cast: Cast, microsoft: Simulator) -> None:
    joost = joined(cast.kestrel, name="Joost", email="joost@plover.example")

    row = stopped(joost, microsoft)

    assert (row.domain, row.code) == ("plover.example", "AADSTS90095")


def test_whoever_is_stopped_again_keeps_the_place_and_waits_for_what_was_ticked_last(
    alice: User, microsoft: Simulator
) -> None:
    close(microsoft)
    first = stopped(alice, microsoft, calendar_write=True)

    again = stopped(alice, microsoft, contacts_write=True)

    assert again.since_at == first.since_at
    assert (again.calendar_write, again.contacts_write) == (False, True)
    assert AuditEntry.objects.filter(action="approval.awaited").count() == 1


def test_a_working_connection_goes_on_while_its_owner_waits_for_more(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    close(microsoft)

    row = stopped(alice, microsoft, calendar_write=True)

    assert state_of(alice) == State.CONNECTED
    assert (row.tenant_id, row.calendar_write) == (KESTREL, True)


def test_somebody_deleted_while_at_microsoft_waits_for_nothing(alice: User, microsoft: Simulator) -> None:
    close(microsoft)
    consent = answered(alice, microsoft)
    deleting.delete(alice, actor=None, now=timezone.now())

    approvals._wait(consent.user_id, consent, code="", actor=None, now=timezone.now())

    assert not AwaitedApproval.objects.exists()


def test_what_an_admin_named_stays_and_holds_for_colleagues(cast: Cast, microsoft: Simulator) -> None:
    close(microsoft)
    queue([cast.alice], domain="kestrel.example")
    User.objects.filter(pk__in=[cast.alice.pk, cast.bob.pk]).update(email=Concat("name", Value("@alias.example")))
    alice, bob = User.objects.get(pk=cast.alice.pk), User.objects.get(pk=cast.bob.pk)

    rows = [stopped_as(alice, microsoft), stopped_as(bob, microsoft)]

    assert [(row.domain, row.tenant_id) for row in rows] == [("kestrel.example", KESTREL)] * 2


def test_what_a_colleague_has_connected_elsewhere_says_nothing_of_others(cast: Cast, microsoft: Simulator) -> None:
    close(microsoft)
    connect([cast.alice], State.NEEDS_REAUTH, connected_at=FOUNDED, address="alice@corvid.example")
    queue([cast.alice], domain="corvid.example", tenant_id="another")

    row = stopped(cast.bob, microsoft)

    assert (row.domain, row.tenant_id) == ("kestrel.example", "")


# ── Asking by hand ──────────────────────────────────────────────────────────
def test_after_a_bare_cancel_one_asks_by_hand(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    redeemed(answered(alice, microsoft, answer="cancel", calendar_write=True))
    assert approvals.of(alice) is None

    client_of(alice).post(reverse("ask_admin"))

    row = approvals.of(alice)
    assert row is not None
    assert row.calendar_write
    assert state_of(alice) == State.AWAITING_ADMIN
    assert AuditEntry.objects.get(action="approval.awaited").actor == alice


def test_who_was_not_at_microsoft_has_nothing_to_ask_for(alice: User, client_of: ClientOf) -> None:
    page = client_of(alice).post(reverse("ask_admin"), follow=True)

    assert "nothing to ask for yet" in page.content.decode()
    assert approvals.of(alice) is None


def test_who_may_not_connect_may_not_ask(cast: Cast, microsoft: Simulator) -> None:
    redeemed(answered(cast.alice, microsoft, answer="cancel"))
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)

    with pytest.raises(connecting.NotAllowed):
        approvals.ask(cast.alice, now=timezone.now())

    assert approvals.of(cast.alice) is None


# ── How it ends ─────────────────────────────────────────────────────────────
def test_it_is_taken_back(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    close(microsoft)
    stopped(alice, microsoft)

    client_of(alice).post(reverse("approval_take_back"))

    assert approvals.of(alice) is None
    assert state_of(alice) == State.DISCONNECTED
    assert AuditEntry.objects.filter(action="approval.taken_back", actor=alice, about_id=alice.pk).exists()


def test_to_take_back_nothing_changes_nothing(alice: User, client_of: ClientOf) -> None:
    client_of(alice).post(reverse("approval_take_back"))

    assert not AuditEntry.objects.filter(action="approval.taken_back").exists()


def test_a_connection_ends_it(alice: User, microsoft: Simulator) -> None:
    close(microsoft)
    stopped(alice, microsoft)
    microsoft.control("POST", "tenants/kestrel.example/user-consent", {"setting": "allowed"})

    connected(alice, microsoft)

    assert approvals.of(alice) is None


def test_to_delete_the_connection_ends_it(alice: User, microsoft: Simulator) -> None:
    close(microsoft)
    stopped(alice, microsoft)

    assert disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    assert approvals.of(alice) is None
    assert state_of(alice) == State.DISCONNECTED


def test_who_is_deactivated_waits_no_longer(cast: Cast, microsoft: Simulator) -> None:
    close(microsoft)
    stopped(cast.alice, microsoft)

    people_of_account.deactivate(cast.alice, actor=cast.dana, now=timezone.now())

    assert not AwaitedApproval.objects.exists()


def test_the_settings_end_it_for_those_who_may_no_longer_connect(cast: Cast) -> None:
    connect([cast.alice], State.AWAITING_ADMIN)
    queue([cast.alice, cast.bob])
    set_to("enabled", False, at=cast.sales, by=cast.dana)

    ended = approvals.fit(cast.kestrel, now=timezone.now())

    assert ended == 1
    assert (approvals.of(cast.alice), waits(cast.bob)) == (None, True)
    assert state_of(cast.alice) == State.DISCONNECTED
    entry = AuditEntry.objects.get(action="approval.overruled")
    assert (entry.about_id, entry.after) == (cast.alice.pk, {"reason": "turned_off"})


def test_a_list_of_domains_ends_it_for_those_of_others(cast: Cast) -> None:
    queue([cast.alice])
    queue([cast.bob], domain="plover.example")
    set_to("domains", DomainRule(is_on=True, domains=("kestrel.example",)), at=cast.kestrel, by=cast.dana)

    approvals.fit(cast.kestrel, now=timezone.now())

    assert (waits(cast.alice), approvals.of(cast.bob)) == (True, None)


def test_a_lower_ceiling_ends_nothing(cast: Cast) -> None:
    queue([cast.alice], calendar_write=True)
    set_to("services", ServicePolicy(calendar_write=False), at=cast.kestrel, by=cast.dana, is_locked=True)

    assert approvals.fit(cast.kestrel, now=timezone.now()) == 0

    assert waits(cast.alice)


def test_the_worker_looks_at_those_who_wait_when_the_settings_change(cast: Cast) -> None:
    queue([cast.alice, cast.mallory])
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)

    apply_policy_to(account_id=cast.kestrel.pk)

    assert list(AwaitedApproval.objects.values_list("user", flat=True)) == [cast.mallory.pk]


def test_the_sweep_finds_accounts_in_which_somebody_waits_and_nobody_is_connected(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    nudged: list[int] = []
    monkeypatch.setattr(apply_policy_to, "apply_async", lambda **sent: nudged.append(sent["kwargs"]["account_id"]))
    queue([cast.mallory])

    apply_policy()

    assert nudged == [cast.corvid.pk]


@pytest.mark.parametrize("number", [5, 500])
def test_the_settings_are_read_once_however_many_wait(
    cast: Cast, number: int, django_assert_max_num_queries: object
) -> None:
    queue(crowd(cast.kestrel, number))

    with django_assert_max_num_queries(4):  # type: ignore[operator]
        approvals.fit(cast.kestrel, now=timezone.now())


# ── Released by an admin's word ─────────────────────────────────────────────
def test_an_admin_says_that_they_are_approved_and_microsoft_has_the_last_word(
    cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    close(microsoft)
    stopped(cast.alice, microsoft)
    looked_up()

    client_of(cast.dana).post(reverse("approvals_act"), {"organization": KESTREL, "do": "release"})

    assert is_released(cast.alice)
    assert AuditEntry.objects.get(action="approval.by_word").affected == 1
    since = AwaitedApproval.objects.get(user=cast.alice).since_at
    again = stopped(cast.alice, microsoft)  # Microsoft was never told
    assert waits(cast.alice)
    assert again.since_at > since


# ── Whose domain it is ──────────────────────────────────────────────────────
def test_a_worker_looks_up_whose_domain_it_is(cast: Cast, microsoft: Simulator) -> None:
    queue([cast.alice], tenant_id="", looked_up_at=None)
    queue([cast.bob], domain="kestrelandco.example", tenant_id="", looked_up_at=None)
    queue([cast.mallory], domain="nobody.example", tenant_id="", looked_up_at=None)

    looked_up()

    found = dict(AwaitedApproval.objects.values_list("user", "tenant_id"))
    assert found == {cast.alice.pk: KESTREL, cast.bob.pk: KESTREL, cast.mallory.pk: ""}
    assert not AwaitedApproval.objects.filter(looked_up_at=None).exists()


@pytest.mark.parametrize("domain", ["", "common", "a/../../b.example", "../oauth2", "kestrel.example/x", "a b.example"])
def test_what_is_no_domain_is_not_asked_about(cast: Cast, microsoft: Simulator, domain: str) -> None:
    queue([cast.alice], domain=domain, tenant_id="", looked_up_at=None)
    before = microsoft.control("GET", "log")

    looked_up()

    row = AwaitedApproval.objects.get()
    assert (row.tenant_id, row.looked_up_at is None) == ("", False)
    assert microsoft.control("GET", "log") == before


def test_an_application_of_one_organization_asks_about_that_one_alone(
    cast: Cast, microsoft: Simulator, settings: object
) -> None:
    settings.MICROSOFT_TENANT = "kestrel.example"  # type: ignore[attr-defined]
    queue([cast.alice], domain="whatever.example", tenant_id="", looked_up_at=None)

    looked_up()

    assert AwaitedApproval.objects.get().tenant_id == KESTREL


def test_while_microsoft_does_not_answer_nothing_is_concluded(cast: Cast, settings: object) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"  # type: ignore[attr-defined]
    queue([cast.alice], tenant_id="", looked_up_at=None)

    looked_up()

    assert AwaitedApproval.objects.get().looked_up_at is None


def test_an_admin_names_the_domain_that_microsoft_knows(cast: Cast, microsoft: Simulator, client_of: ClientOf) -> None:
    queue([cast.alice, cast.mallory], domain="nobody.example", tenant_id="")
    form = {"organization": "nobody.example", "do": "domain", "domain": "Kestrel.example"}

    client_of(cast.dana).post(reverse("approvals_act"), form)
    looked_up()

    found = dict(AwaitedApproval.objects.values_list("user", "domain"))
    assert found == {cast.alice.pk: "kestrel.example", cast.mallory.pk: "nobody.example"}
    assert AwaitedApproval.objects.get(user=cast.alice).tenant_id == KESTREL


def test_what_an_admin_names_must_be_a_domain(cast: Cast) -> None:
    with pytest.raises(NotADomain):
        tenancy.name_domain(cast.kestrel, instead_of="nobody.example", domain="dana@kestrel.example")


def test_the_only_domain_that_may_be_connected_is_taken_for_theirs(cast: Cast, microsoft: Simulator) -> None:
    close(microsoft)
    set_to("domains", DomainRule(is_on=True, domains=("kestrel.example",)), at=cast.corvid, by=cast.mallory)
    said = microsoft.sign_in(begun_by(cast.mallory), "alice@kestrel.example")
    consent = connecting.record_answer(cast.mallory, said, browser="b", now=timezone.now())

    redeemed(consent)

    row = approvals.of(cast.mallory)
    assert row is not None
    assert row.domain == "kestrel.example"


def begun_by(person: User) -> str:
    return connecting.start(person, calendar_write=False, contacts_write=False, browser="b", now=timezone.now())


# ── Strangers ───────────────────────────────────────────────────────────────
def test_the_queue_is_the_account_s_own(cast: Cast) -> None:
    queue([cast.alice, cast.mallory])

    assert [row.user for row in approvals.waiting(cast.kestrel)] == [cast.alice]
    assert approvals.release_by_word(cast.corvid, KESTREL, actor=cast.mallory, now=timezone.now()) == 1
    assert waits(cast.alice)


def test_members_do_not_see_the_queue(cast: Cast, client_of: ClientOf) -> None:
    assert client_of(cast.alice).get(reverse("approvals")).status_code == 403
    assert client_of(cast.gus).post(reverse("approvals_act")).status_code == 403
    assert Client().get(reverse("approvals")).status_code == 302


def test_who_waited_longest_comes_first(cast: Cast) -> None:
    queue([cast.alice], since_at=FOUNDED + timedelta(days=2))
    queue([cast.bob], since_at=FOUNDED + timedelta(days=1))

    assert [row.user for row in approvals.waiting(cast.kestrel)] == [cast.bob, cast.alice]


def test_nobody_else_s_connection_is_touched(cast: Cast, microsoft: Simulator) -> None:
    connect([cast.bob], State.AWAITING_ADMIN)
    queue([cast.bob])
    close(microsoft)
    stopped(cast.alice, microsoft)

    approvals.take_back(cast.alice, actor=cast.alice, now=timezone.now())

    assert Connection.objects.get(user=cast.bob).state == State.AWAITING_ADMIN
    assert waits(cast.bob)
