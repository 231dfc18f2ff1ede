"""The way to Microsoft and back, with a real Microsoft at its end: how it succeeds, and every way in which it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone

from accounts.cascade import declare
from accounts.cascade.write import choose
from accounts.models import Account, AuditEntry, User
from integrations import connecting, disconnecting, redeeming, states, tokens, vault
from integrations.connecting import Narrowed
from integrations.microsoft import identity
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from integrations.preferences import Integrations, ServicePolicy
from tests.cast import joined
from tests.integrations.wired import BROWSER, answered, asked, begun, connected, redeemed
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
ENABLED = declare.setting_of(Integrations, "enabled")
SERVICES = declare.setting_of(Integrations, "services")
SEALED = ("flow", "answer", "tokens")


def row(model: Any, pk: object) -> dict[str, Any]:
    """As it stands in the database."""
    found: dict[str, Any] = model.objects.filter(pk=pk).values().get()
    return found


def assert_ended(consent: ConsentRequest, reason: str) -> None:
    """With its reason, and without a secret."""
    consent.refresh_from_db()
    assert (consent.step, consent.reason) == (Step.FAILED, reason)
    assert consent.ended_at is not None
    assert [getattr(consent, column) for column in SEALED] == ["", "", ""]


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


# ── How it ends ─────────────────────────────────────────────────────────────
def test_leaving_the_consent_page_ends_it_without_asking_microsoft(alice: User, microsoft: Simulator) -> None:
    consent = redeemed(answered(alice, microsoft, answer="cancel"))

    assert consent.reason in ("declined", "cancelled")
    assert_ended(consent, consent.reason)
    assert asked(microsoft, "authorization_code") == 0
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"error": "access_denied", "error_description": "AADSTS65004: User declined."}, "declined"),
        ({"error": "access_denied", "error_subcode": "cancel"}, "cancelled"),
        ({"error": "access_denied", "error_description": "AADSTS90094: Admin."}, "admin_approval"),
        ({"error": "server_error"}, "service_trouble"),
        ({"error": "invalid_request", "code": "1.A"}, "request_rejected"),
    ],
)
def test_each_refusal_by_way_of_the_browser_ends_it(
    said: dict[str, str], reason: str, alice: User, microsoft: Simulator
) -> None:
    answer = microsoft.sign_in(begun(alice), alice.email)
    consent = connecting.record_answer(alice, said | {"state": answer["state"]}, browser=BROWSER, now=timezone.now())

    redeemed(consent)

    assert_ended(consent, reason)
    assert not Connection.objects.exists()


def test_a_refusal_leaves_an_existing_connection_as_it_was(alice: User, microsoft: Simulator) -> None:
    before = row(Connection, connected(alice, microsoft).pk)

    consent = redeemed(answered(alice, microsoft, answer="cancel", calendar_write=True))

    assert consent.step == Step.FAILED
    assert row(Connection, before["id"]) == before


def test_a_mailbox_is_connected_once(alice: User, bob: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)

    consent = redeemed(answered(bob, microsoft, name="alice@kestrel.example"))

    assert_ended(consent, Ending.TAKEN)
    assert list(Connection.objects.values_list("user__name", "state")) == [("Alice", State.CONNECTED)]


def test_a_mailbox_that_was_given_up_is_free(alice: User, bob: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    assert connected(bob, microsoft, name="alice@kestrel.example").state == State.CONNECTED
    consent = redeemed(answered(alice, microsoft))

    assert_ended(consent, Ending.TAKEN)
    assert Connection.objects.get(user=alice).state == State.DISCONNECTED


def test_reconnecting_with_another_account_is_refused_and_changes_nothing(alice: User, microsoft: Simulator) -> None:
    before = row(Connection, connected(alice, microsoft).pk)

    consent = redeemed(answered(alice, microsoft, name="bob@kestrel.example"))

    assert_ended(consent, Ending.ANOTHER_ACCOUNT)
    assert row(Connection, before["id"]) == before


@pytest.mark.parametrize("name", ["nora", "erin"])
def test_an_account_without_a_mailbox_is_not_eligible(name: str, kestrel: Account, microsoft: Simulator) -> None:
    person = joined(kestrel, name=name.title(), email=f"{name}@kestrel.example")
    signs_in_as = next(
        known["sign_in_name"]
        for known in microsoft.control("GET", "state")["people"]
        if known["name"].startswith(name.title())
    )

    consent = redeemed(answered(person, microsoft, name=signs_in_as))

    assert_ended(consent, "no_mailbox")
    assert Connection.objects.get(user=person).state == State.NOT_ELIGIBLE


def test_consent_withdrawn_before_the_code_is_redeemed(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/withdraw-consent")

    assert_ended(redeemed(consent), "consent_withdrawn")
    assert not Connection.objects.exists()


def test_a_person_disabled_meanwhile(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/disable")

    assert redeemed(consent).step == Step.FAILED
    assert not Connection.objects.exists()


def with_flow(consent: ConsentRequest, change: Callable[[dict[str, Any]], None]) -> None:
    flow = connecting.opened(consent, "flow")
    change(flow)
    sealed = vault.seal(json.dumps(flow), bound_to=connecting.place(consent, "flow"))
    ConsentRequest.objects.filter(pk=consent.pk).update(flow=sealed)


def test_less_than_reading_the_calendar_is_not_enough(alice: User, microsoft: Simulator, settings: Any) -> None:
    begun(alice)
    consent = ConsentRequest.objects.get()
    flow = identity.begin(
        scopes=["User.Read"],
        redirect_uri=f"{settings.PUBLIC_URL}/integrations/microsoft/callback/",
        login_hint=alice.email,
    )
    answer = microsoft.sign_in(flow["auth_uri"], alice.email)
    ConsentRequest.objects.filter(pk=consent.pk).update(
        flow=vault.seal(json.dumps(flow), bound_to=connecting.place(consent, "flow")),
        answer=vault.seal(json.dumps(answer), bound_to=connecting.place(consent, "answer")),
        step=Step.ANSWERED,
        answered_at=timezone.now(),
    )

    assert_ended(redeemed(consent), Ending.LESS_GRANTED)
    assert not Connection.objects.exists()


def test_an_id_token_for_another_attempt_is_not_trusted(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    with_flow(consent, lambda flow: flow.update(nonce="of another attempt"))

    assert_ended(redeemed(consent), Ending.UNTRUSTED)
    assert not Connection.objects.exists()


def test_a_code_without_its_verifier_is_worth_nothing(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    with_flow(consent, lambda flow: flow.update(code_verifier="x" * 43))

    assert redeemed(consent).step == Step.FAILED
    assert not Connection.objects.exists()


def test_a_code_that_was_spent_already_asks_for_another_try(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    identity.redeem(connecting.opened(consent, "flow"), connecting.opened(consent, "answer"))

    assert_ended(redeemed(consent), Ending.INTERRUPTED)


def test_settings_that_were_turned_off_meanwhile_win(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    choose(ENABLED, False, at=kestrel, actor=dana, now=timezone.now())

    assert_ended(redeemed(consent), Ending.NOT_ALLOWED)
    assert not Connection.objects.exists()


def test_a_ceiling_that_came_down_meanwhile_wins(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft, calendar_write=True)
    choose(SERVICES, ServicePolicy(calendar_write=False), at=kestrel, actor=dana, now=timezone.now())

    assert_ended(redeemed(consent), Ending.NOT_ALLOWED)


def test_what_the_settings_do_not_allow_is_not_begun(alice: User, dana: User, kestrel: Account) -> None:
    choose(ENABLED, False, at=kestrel, actor=dana, now=timezone.now())

    with pytest.raises(connecting.NotAllowed):
        begun(alice)

    assert not ConsentRequest.objects.exists()


def test_a_key_that_is_gone_interrupts(alice: User, microsoft: Simulator, settings: Any) -> None:
    consent = answered(alice, microsoft)
    settings.TOKEN_KEYS = {"other": bytes(32)}

    assert_ended(redeemed(consent), Ending.INTERRUPTED)


# ── Passing trouble ─────────────────────────────────────────────────────────
@pytest.mark.parametrize(("target", "step"), [("token", Step.ANSWERED), ("graph", Step.STORED)])
@pytest.mark.parametrize("status", [429, 503])
def test_passing_trouble_is_waited_out_at_the_step_where_it_stands(
    target: str, step: Step, status: int, alice: User, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": target, "status": status, "seconds": 60})

    redeemed(consent)

    now = timezone.now()
    assert (consent.step, consent.attempts, consent.ended_at, consent.claimed_until) == (step, 1, None, None)
    assert consent.not_before is not None
    assert now < consent.not_before <= now + timedelta(minutes=2)
    assert connecting.to_redeem(now=now) == []
    assert connecting.to_redeem(now=consent.not_before) == [consent.pk]
    microsoft.control("DELETE", "faults")
    assert redeemed(consent).step == Step.DONE
    assert Connection.objects.get().state == State.CONNECTED


def test_a_first_connection_whose_mailbox_never_answers_is_given_up(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    redeemed(consent)
    redeemed(consent, after=redeeming.GIVE_UP + timedelta(seconds=1))

    connection = Connection.objects.get()
    assert_ended(consent, "service_trouble")
    assert (connection.state, connection.refresh_token, connection.access_token) == (State.DISCONNECTED, "", "")


def test_an_older_connection_outlives_a_mailbox_that_does_not_answer(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    consent = answered(alice, microsoft, calendar_write=True)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    redeemed(consent)
    redeemed(consent, after=redeeming.GIVE_UP + timedelta(seconds=1))

    connection = Connection.objects.get()
    assert_ended(consent, "service_trouble")
    assert (connection.state, bool(connection.refresh_token)) == (State.DEGRADED, True)
    microsoft.control("DELETE", "faults")
    tokens.refresh(connection, now=timezone.now())
    assert Connection.objects.get().state == State.CONNECTED


def test_a_refused_access_token_is_renewed_before_the_mailbox_is_tried_again(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})
    redeemed(consent)
    microsoft.control("DELETE", "faults")
    microsoft.control("POST", "people/alice@kestrel.example/expire-tokens")

    redeemed(consent)
    redeemed(consent)

    assert consent.step == Step.DONE
    assert asked(microsoft, "refresh_token") == 1


@pytest.mark.django_db(transaction=True)
def test_our_own_credential_is_told_to_the_operator_and_the_way_goes_on_when_it_is_mended(
    alice: User, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": "another-secret"})

    redeemed(consent)
    redeemed(consent)

    assert (consent.step, consent.attempts, consent.reason) == (Step.ANSWERED, 2, "credential_wrong")
    assert [message.to for message in mail.outbox] == [["operator@meridian.example"]]
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": microsoft.client_secret})
    assert redeemed(consent).step == Step.DONE


def test_what_fails_in_unforeseen_ways_is_not_tried_for_ever(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)

    assert_ended(redeemed(consent, after=timedelta(days=1, seconds=1)), Ending.INTERRUPTED)


# ── Two at once, and what happens meanwhile ─────────────────────────────────
def test_a_request_in_somebodys_hands_is_left_alone_until_the_claim_ends(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    now = timezone.now()
    ConsentRequest.objects.filter(pk=consent.pk).update(claimed_until=now + redeeming.CLAIM)

    assert connecting.to_redeem(now=now) == []
    assert redeemed(consent).step == Step.ANSWERED
    assert connecting.to_redeem(now=now + redeeming.CLAIM) == [consent.pk]
    assert redeemed(consent, after=redeeming.CLAIM).step == Step.DONE
    assert redeeming.ATTEMPT < redeeming.CLAIM


def redeem_at_once(*consents: ConsentRequest) -> None:
    """Each in a thread of its own."""
    ready = threading.Barrier(len(consents))

    def work(consent: ConsentRequest) -> None:
        ready.wait()
        redeeming.redeem(consent.pk, now=timezone.now())
        databases.close_all()

    threads = [threading.Thread(target=work, args=(consent,)) for consent in consents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_two_ways_of_one_person_at_once_end_in_one_connection(alice: User, microsoft: Simulator) -> None:
    """Neither finds a row to lock; nobody may be told that the mailbox is somebody else's."""
    first, second = answered(alice, microsoft), answered(alice, microsoft)

    redeem_at_once(first, second)

    assert Connection.objects.get().state == State.CONNECTED
    assert sorted(ConsentRequest.objects.values_list("step", "reason")) == [(Step.DONE, ""), (Step.DONE, "")]


@pytest.mark.django_db(transaction=True)
def test_two_people_with_one_mailbox_at_once_end_with_one_of_them(alice: User, bob: User, microsoft: Simulator) -> None:
    ways = [answered(person, microsoft, name="alice@kestrel.example") for person in (alice, bob)]

    redeem_at_once(*ways)

    assert Connection.objects.get().state == State.CONNECTED
    assert sorted(ConsentRequest.objects.values_list("step", "reason")) == [
        (Step.DONE, ""),
        (Step.FAILED, Ending.TAKEN),
    ]


@pytest.mark.django_db(transaction=True)
def test_redeemed_twice_at_once_it_connects_once(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)

    redeem_at_once(consent, consent)

    assert Connection.objects.get().state == State.CONNECTED
    assert asked(microsoft, "authorization_code") == 1
    assert AuditEntry.objects.count() == 1


def test_redeeming_again_what_is_done_changes_nothing(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    consent = ConsentRequest.objects.get()
    before = row(Connection, connection.pk), row(ConsentRequest, consent.pk)

    redeemed(consent)

    assert (row(Connection, connection.pk), row(ConsentRequest, consent.pk)) == before


@contextmanager
def before_statement(number: int, what: Callable[[], None]) -> Iterator[list[str]]:
    """`what` happens just before the database is changed for the `number`th time."""
    changes: list[str] = []

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(("UPDATE", "INSERT", "DELETE")):
            changes.append(sql)
            if len(changes) == number:
                what()
        return execute(sql, *rest)

    with database.execute_wrapper(watch):
        yield changes


class Killed(BaseException):
    """The worker, at this moment."""


def die() -> None:
    raise Killed


def afresh(person: User, microsoft: Simulator) -> ConsentRequest:
    Connection.objects.all().delete()
    ConsentRequest.objects.all().delete()
    return answered(person, microsoft)


def times_connected() -> int:
    return AuditEntry.objects.filter(action="calendar.connected").count()


def test_a_worker_may_die_before_any_of_its_changes_and_it_ends_connected(alice: User, microsoft: Simulator) -> None:
    number, interrupted = 0, []
    while True:
        number += 1
        consent, before = afresh(alice, microsoft), times_connected()
        with before_statement(number, die) as changes:
            try:
                redeeming.redeem(consent.pk, now=timezone.now())
            except Killed:
                pass
            else:
                break

        redeemed(consent, after=redeeming.CLAIM)

        if consent.reason == Ending.INTERRUPTED:
            interrupted.append(number)
            assert_ended(consent, Ending.INTERRUPTED)
            assert not Connection.objects.exists()
        else:
            assert consent.step == Step.DONE, (number, changes[-1], consent.reason)
            assert Connection.objects.get().state == State.CONNECTED
            assert times_connected() == before + 1

    # Microsoft takes a code once: only who dies with the fresh tokens in hand, before the second change (the first
    # is the claim), has to ask again.
    assert interrupted == [2]
    assert number > 8


def test_who_disconnects_meanwhile_is_not_connected_behind_their_back(alice: User, microsoft: Simulator) -> None:
    number, overtaken = 0, 0
    depth = len(database.savepoint_ids)
    while True:
        number += 1
        consent = afresh(alice, microsoft)
        left: list[bool] = []

        def leave(left: list[bool] = left) -> None:
            # Inside a transaction nobody comes between: they would wait for its end.
            if len(database.savepoint_ids) == depth:
                left.append(disconnecting.disconnect(alice, actor=alice, now=timezone.now()))

        with before_statement(number, leave) as changes:
            redeeming.redeem(consent.pk, now=timezone.now())
        if len(changes) < number:
            break

        consent.refresh_from_db()
        if left:
            overtaken += 1
            assert consent.step == Step.FAILED, (number, changes[number - 1])
            assert not Connection.objects.exclude(state=State.DISCONNECTED).exists(), (number, changes[number - 1])

    assert overtaken >= 3


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
