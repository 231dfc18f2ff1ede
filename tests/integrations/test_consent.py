"""The way to Microsoft and back, with a real Microsoft at its end: how it succeeds, and what the callback refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, User
from integrations import connecting, disconnecting, states, tokens
from integrations.connecting import Narrowed
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from tests.integrations.wired import BROWSER, answered, assert_ended, begun, connected, redeemed
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
SEALED = ("flow", "answer", "tokens")


# ── It succeeds ─────────────────────────────────────────────────────────────
def test_the_whole_way_ends_connected(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft, calendar_write=True)
    assert consent.step == Step.ANSWERED

    redeemed(consent)

    connection, entry = Connection.objects.get(user=alice), AuditEntry.objects.get()
    person = next(p for p in microsoft.control("GET", "state")["people"] if p["sign_in_name"] == alice.email)
    assert (consent.step, consent.claimed_until) == (Step.DONE, None)
    assert connection.state == State.CONNECTED
    assert connection.object_id == person["id"]
    assert connection.tenant_id
    assert connection.address == "alice@kestrel.example"
    assert (connection.calendar_write, connection.contacts_write) == (True, False)
    assert "Calendars.ReadWrite" in connection.granted
    assert connection.connected_at == connection.last_good_at
    assert connection.refresh_due_at is not None
    assert (entry.action, entry.actor) == ("calendar.connected", alice)
    assert entry.after == {"calendar_write": True, "contacts_write": False}
    assert [getattr(consent, column) for column in SEALED] == ["", "", ""]


@pytest.mark.parametrize("calendar_write", [True, False])
@pytest.mark.parametrize("contacts_write", [True, False])
def test_never_more_is_asked_for_than_was_ticked(
    calendar_write: bool, contacts_write: bool, alice: User, microsoft: Simulator
) -> None:
    connection = connected(alice, microsoft, calendar_write=calendar_write, contacts_write=contacts_write)

    assert ("Calendars.ReadWrite" in connection.granted) == calendar_write
    assert ("Contacts.ReadWrite" in connection.granted) == contacts_write
    assert ("Calendars.Read" in connection.granted) == (not calendar_write)


def test_reconnecting_keeps_the_row_and_its_history(alice: User, microsoft: Simulator) -> None:
    before = connected(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")
    Connection.objects.filter(pk=before.pk).update(access_token="")
    tokens.refresh(Connection.objects.get(pk=before.pk), now=timezone.now())
    assert Connection.objects.get().state == State.NEEDS_REAUTH

    after = connected(alice, microsoft)

    assert (after.pk, after.connected_at, after.state, after.reason) == (
        before.pk,
        before.connected_at,
        State.CONNECTED,
        "",
    )
    assert after.token_version > before.token_version


def test_who_disconnected_may_connect_another_account(alice: User, microsoft: Simulator) -> None:
    first = connected(alice, microsoft)
    disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    second = connected(alice, microsoft, name="bob@kestrel.example")

    assert second.pk == first.pk
    assert second.object_id != first.object_id
    assert second.connected_at != first.connected_at


# ── The callback writes down, once, and only what is ours ───────────────────
def refuse(person: User, said: dict[str, str], *, browser: str = BROWSER, after: timedelta = timedelta()) -> None:
    """The callback is refused, and nothing has changed."""
    before = list(ConsentRequest.objects.order_by("pk").values())

    with pytest.raises(connecting.NotOurs):
        connecting.record_answer(person, said, browser=browser, now=timezone.now() + after)

    assert list(ConsentRequest.objects.order_by("pk").values()) == before
    assert not Connection.objects.exists()


def test_a_replayed_answer_is_refused(alice: User, microsoft: Simulator) -> None:
    said = microsoft.sign_in(begun(alice), alice.email)
    connecting.record_answer(alice, said, browser=BROWSER, now=timezone.now())

    refuse(alice, said)


@pytest.mark.parametrize("state", ["", "forged", "A" * 5000])
def test_a_forged_state_is_refused(state: str, alice: User, microsoft: Simulator) -> None:
    said = microsoft.sign_in(begun(alice), alice.email)

    refuse(alice, said | {"state": state})


def test_an_answer_without_a_state_is_refused(alice: User, microsoft: Simulator) -> None:
    begun(alice)

    refuse(alice, {"code": "1.A"})


@pytest.mark.parametrize("browser", ["", "another browser"])
def test_an_answer_in_another_browser_is_refused(browser: str, alice: User, microsoft: Simulator) -> None:
    refuse(alice, microsoft.sign_in(begun(alice), alice.email), browser=browser)


def test_an_answer_for_another_person_is_refused(alice: User, bob: User, microsoft: Simulator) -> None:
    refuse(bob, microsoft.sign_in(begun(alice), alice.email))


def test_an_answer_after_ten_minutes_is_refused(alice: User, microsoft: Simulator) -> None:
    refuse(alice, microsoft.sign_in(begun(alice), alice.email), after=connecting.LASTS)


def test_the_older_of_two_ways_is_refused_and_the_newer_goes_on(alice: User, microsoft: Simulator) -> None:
    older, newer = begun(alice), begun(alice)

    refuse(alice, microsoft.sign_in(older, alice.email))

    said = microsoft.sign_in(newer, alice.email)
    consent = connecting.record_answer(alice, said, browser=BROWSER, now=timezone.now())
    assert redeemed(consent).step == Step.DONE
    assert ConsentRequest.objects.get(step=Step.FAILED).reason == Ending.SUPERSEDED


def test_what_nobody_finished_is_ended_and_forgotten_in_time(alice: User, microsoft: Simulator) -> None:
    begun(alice)
    now = timezone.now()

    connecting.forget_old(now=now + connecting.LASTS)
    assert_ended(ConsentRequest.objects.get(), Ending.EXPIRED)
    connecting.forget_old(now=now + connecting.LASTS + connecting.KEEP - timedelta(seconds=1))
    assert ConsentRequest.objects.exists()
    connecting.forget_old(now=now + connecting.LASTS + connecting.KEEP)

    assert not ConsentRequest.objects.exists()


# ── Permissions that are taken back ─────────────────────────────────────────
def test_less_is_taken_at_once_and_logged(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft, calendar_write=True, contacts_write=True)
    now = timezone.now()

    assert connecting.narrow(alice, calendar_write=False, contacts_write=True, now=now) is Narrowed.YES

    connection, entry = Connection.objects.get(), AuditEntry.objects.latest("id")
    assert (connection.calendar_write, connection.contacts_write) == (False, True)
    assert (entry.action, entry.actor, entry.at) == ("calendar.narrowed", alice, now)
    assert entry.before == {"calendar_write": True, "contacts_write": True}
    assert entry.after == {"calendar_write": False, "contacts_write": True}


def test_more_is_not_less(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft, calendar_write=True)

    assert connecting.narrow(alice, calendar_write=False, contacts_write=True, now=timezone.now()) is Narrowed.NO

    assert Connection.objects.get().calendar_write


def test_taking_permissions_back_does_not_cost_the_connection(alice: User, microsoft: Simulator) -> None:
    """Microsoft cannot narrow a consent, and refuses a refresh in words that were never consented to."""
    connection = connected(alice, microsoft, calendar_write=True, contacts_write=True)
    connecting.narrow(alice, calendar_write=False, contacts_write=False, now=timezone.now())

    tokens.refresh(Connection.objects.get(pk=connection.pk), now=timezone.now())

    after = Connection.objects.get()
    assert (after.state, after.token_version) == (State.CONNECTED, 2)
    assert (after.calendar_write, after.contacts_write) == (False, False)


def test_the_same_again_changes_nothing_and_is_not_audited(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft, calendar_write=True)
    before = AuditEntry.objects.count()

    assert connecting.narrow(alice, calendar_write=True, contacts_write=False, now=timezone.now()) is Narrowed.UNCHANGED
    assert AuditEntry.objects.count() == before


def test_a_connection_that_is_lost_cannot_be_narrowed(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft, calendar_write=True)
    states.disconnected(connection, now=timezone.now())

    assert connecting.narrow(alice, calendar_write=False, contacts_write=False, now=timezone.now()) is Narrowed.NO
