"""Trouble that passes takes nothing away, is not made worse by looking, and alarms nobody who cannot mend it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections as databases
from django.db import transaction
from django.utils import timezone

from accounts import people
from accounts.cascade.facts import Held
from accounts.models import User
from integrations import agreeing, connecting, disconnecting, fitting, opening, redeeming, states, tasks, tokens
from integrations.contracts import NotEligible, Throttled, Unreachable
from integrations.failures import NO_ANSWER, Failure, Outcome, Reason
from integrations.models import Connection, ConsentRequest, State, Step, Trouble
from integrations.policy import Obstacle
from integrations.preferences import Integrations
from tests.cast import Cast
from tests.integrations.wired import BROWSER, answered, begun, connected, forget_microsoft
from tests.simulated import Simulator

NO_MAILBOX = Failure(Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX, code="ResourceNotFound")
ASKED_TO_WAIT = Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, retry_after=timedelta(minutes=5))


def _connection(person: User, **more: Any) -> Connection:
    now = timezone.now()
    made: Connection = Connection.objects.create(
        user=person, since_at=now, **{"state": State.CONNECTED, "tenant_id": "t", "object_id": f"o{person.pk}", **more}
    )
    return made


# ── Looking again ───────────────────────────────────────────────────────────
def test_looking_again_and_again_does_not_put_the_next_attempt_off(alice: User) -> None:
    connection, now = _connection(alice), timezone.now()
    opening.report(connection, Unreachable(NO_ANSWER), now=now)
    connection.refresh_from_db()
    due = connection.refresh_due_at

    for _ in range(10):
        opening.report(connection, Unreachable(NO_ANSWER), now=now)
        connection.refresh_from_db()

    assert (connection.attempts, connection.refresh_due_at) == (1, due)


def test_when_microsoft_asks_for_a_longer_wait_it_gets_it(alice: User) -> None:
    connection, now = _connection(alice), timezone.now()
    opening.report(connection, Unreachable(NO_ANSWER), now=now)
    connection.refresh_from_db()

    opening.report(connection, Throttled(ASKED_TO_WAIT), now=now)

    connection.refresh_from_db()
    assert connection.refresh_due_at is not None
    assert connection.refresh_due_at >= now + timedelta(minutes=5)


# ── A mailbox that is not there for a moment ────────────────────────────────
@pytest.mark.parametrize("state", [State.CONNECTED, State.DEGRADED])
def test_a_mailbox_that_had_answered_is_tried_again(alice: User, state: State) -> None:
    connection = _connection(alice, state=state, refresh_token="sealed")

    opening.report(connection, NotEligible(NO_MAILBOX), now=timezone.now())

    connection.refresh_from_db()
    assert (connection.state, connection.trouble) == (State.DEGRADED, Trouble.MAILBOX)
    assert connection.refresh_token == "sealed"
    assert connection.refresh_due_at is not None


def test_looking_at_a_mailbox_that_is_not_there_does_not_put_the_next_look_off(alice: User) -> None:
    connection, now = _connection(alice), timezone.now()

    for _ in range(5):
        connection.refresh_from_db()
        opening.report(connection, NotEligible(NO_MAILBOX), now=now)

    connection.refresh_from_db()
    assert connection.attempts == 1


def test_a_page_that_reads_with_what_it_holds_does_not_end_trouble_with_the_sign_in(alice: User) -> None:
    connection = _connection(alice, state=State.DEGRADED, reason=Reason.NO_ANSWER, trouble=Trouble.SIGN_IN)

    opening.report_success(connection, now=timezone.now())

    connection.refresh_from_db()
    assert (connection.state, connection.reason) == (State.DEGRADED, Reason.NO_ANSWER)


# ── Alarms ──────────────────────────────────────────────────────────────────
def test_what_a_browser_brings_alarms_nobody_and_is_not_repeated(
    alice: User, microsoft: Simulator, django_capture_on_commit_callbacks: Any
) -> None:
    state = dict(pair.split("=", 1) for pair in begun(alice).split("?", 1)[1].split("&"))["state"]
    answer = {"state": state, "error": "Visit https://evil.example/verify and sign in", "error_description": "x"}

    with django_capture_on_commit_callbacks(execute=True):
        consent = connecting.record_answer(alice, answer, browser=BROWSER, now=timezone.now())
        redeeming.redeem(consent.pk, now=timezone.now())

    consent.refresh_from_db()
    assert (consent.step, consent.code) == (Step.FAILED, "unknown")
    assert mail.outbox == []


# ── Settings that change while somebody looks ───────────────────────────────
def test_a_page_does_not_use_what_a_worker_has_just_blocked(alice: User) -> None:
    read_before = _connection(alice, state=State.DEGRADED)
    states.blocked([read_before.pk], Obstacle.TURNED_OFF, grace=timedelta(days=7), now=timezone.now())

    settled = fitting.settle(read_before, Held(Integrations(enabled=False)), now=timezone.now())

    assert settled.state == State.BLOCKED_BY_POLICY
    assert not settled.is_alive


# ── Sweeps ──────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
def test_one_batch_of_refreshes_at_a_time_in_a_process(alice: User) -> None:
    _connection(alice, refresh_due_at=timezone.now() - timedelta(hours=1))

    due = Connection.objects.filter(refresh_due_at__lte=timezone.now())

    with tasks._refreshing:
        tasks.refresh_due()
        assert due.exists()

    tasks.refresh_due()
    assert not due.exists()


# ── Two at once ─────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
def test_ending_and_storing_at_once_block_nobody(cast: Cast, microsoft: Simulator) -> None:
    consent = answered(cast.alice, microsoft)
    agreeing.agree(ConsentRequest.objects.get(pk=consent.pk), now=timezone.now())
    trouble: list[Exception] = []

    def store() -> None:
        try:
            redeeming.redeem(consent.pk, now=timezone.now())
        except Exception as problem:  # noqa: BLE001  the assertion shows it
            trouble.append(problem)
        finally:
            databases.close_all()

    worker = threading.Thread(target=store)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=cast.alice.pk)
        worker.start()
        worker.join(1.5)  # it waits for the person now, with nothing else in hand
        disconnecting.disconnect(cast.alice, actor=cast.dana, now=timezone.now())
    worker.join(20)

    assert trouble == []
    assert not Connection.objects.exclude(state=State.DISCONNECTED).exists()


def test_somebody_who_is_deactivated_loses_the_connection(cast: Cast, microsoft: Simulator) -> None:
    connected(cast.alice, microsoft)

    people.deactivate(cast.alice, actor=cast.dana, now=timezone.now())

    connection = Connection.objects.get()
    assert (connection.state, connection.refresh_token, connection.access_token) == (State.DISCONNECTED, "", "")


def test_an_application_that_is_gone_pauses_and_destroys_nothing(
    alice: User, microsoft: Simulator, settings: Any
) -> None:
    connection = connected(alice, microsoft)
    settings.MICROSOFT_CLIENT_ID = "00000000-0000-0000-0000-00000000dead"
    forget_microsoft()

    tokens.refresh(connection, now=timezone.now())

    connection.refresh_from_db()
    assert (connection.state, connection.reason) == (State.PAUSED, Reason.APP_REMOVED)
    assert connection.refresh_token
    assert mail.outbox == []

    settings.MICROSOFT_CLIENT_ID = microsoft.client_id
    forget_microsoft()
    tokens.refresh(connection, now=timezone.now())

    connection.refresh_from_db()
    assert connection.state == State.CONNECTED
