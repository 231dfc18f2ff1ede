"""A token that Microsoft refuses: whose fault it is, and what follows. Passing trouble takes nothing away."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts import outbound
from accounts.models import AuditEntry, User
from integrations import refreshing, states, tasks, tokens
from integrations.contracts import AuthorizationLost, CredentialRefused, Throttled, Unreachable
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import identity
from integrations.models import Connection, State
from tests.integrations.holding import again, connection, held, slow_down, used_up
from tests.integrations.wired import asked, connected, forget_microsoft
from tests.simulated import Simulator

__all__ = ["connection"]

# Threads are at work, and each has a database connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


# ── Microsoft's own no ──────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("done", "reason", "code"),
    [
        ("revoke-sessions", Reason.SESSIONS_REVOKED, "AADSTS50173"),
        ("expire-all-tokens", Reason.INACTIVE, "AADSTS700082"),
        ("withdraw-consent", Reason.CONSENT_WITHDRAWN, "AADSTS65001"),
        ("disable", Reason.ACCOUNT_DISABLED, "AADSTS50057"),
    ],
)
def test_a_dead_grant_needs_the_person_once_and_says_why(
    done: str, reason: Reason, code: str, connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", f"people/alice@kestrel.example/{done}")
    now = timezone.now()

    with pytest.raises(AuthorizationLost):
        tokens.access_token(connection, now=now)
    with pytest.raises(tokens.NotAlive):
        tokens.access_token(again(connection), now=now + timedelta(hours=1))

    after, lost = again(connection), AuditEntry.objects.filter(action="calendar.authorization_lost")
    assert (after.state, after.reason, after.code, after.since_at) == (State.NEEDS_REAUTH, reason, code, now)
    assert after.trace_id
    assert (after.refresh_token, after.access_token, after.refresh_due_at) == ("", "", None)
    assert [entry.after for entry in lost] == [{"reason": reason.value, "code": code}]
    assert asked(microsoft) == 1


def test_two_that_hear_the_same_no_write_it_down_once(connection: Connection) -> None:
    failure = Failure(Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED, "AADSTS50173", "trace")
    first, second = again(connection), again(connection)

    assert states.went_wrong(first, failure, now=timezone.now())
    assert not states.went_wrong(second, failure, now=timezone.now())

    assert AuditEntry.objects.filter(action="calendar.authorization_lost").count() == 1


# ── Passing trouble ─────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [(429, Throttled, Reason.TOO_MANY_REQUESTS), (503, Unreachable, Reason.SERVICE_TROUBLE)],
)
def test_trouble_at_microsoft_degrades_and_is_waited_out(
    status: int, error: type[Exception], reason: Reason, connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": status, "seconds": 240})
    now, kept = timezone.now(), held(connection)

    with pytest.raises(error):
        tokens.access_token(connection, now=now)

    after = again(connection)
    assert (after.state, after.reason, after.since_at, after.attempts) == (State.DEGRADED, reason, now, 1)
    assert after.refresh_due_at is not None
    assert now + timedelta(seconds=230) < after.refresh_due_at, "Retry-After was 240 seconds"
    assert held(connection) == kept
    microsoft.control("DELETE", "faults")
    assert refreshing.refresh_due(now=now + timedelta(minutes=3)) == 0
    assert refreshing.refresh_due(now=after.refresh_due_at) == 1
    assert (again(connection).state, again(connection).attempts, again(connection).reason) == (State.CONNECTED, 0, "")


def test_the_time_of_the_first_trouble_stays(connection: Connection, microsoft: Simulator) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": 503, "seconds": 1})
    first = timezone.now()
    tokens.refresh(connection, now=first)
    microsoft.control("POST", "faults", {"target": "token", "status": 429, "seconds": 60})

    tokens.refresh(again(connection), now=first + timedelta(minutes=5))

    after = again(connection)
    assert (after.since_at, after.reason, after.attempts) == (first, Reason.TOO_MANY_REQUESTS, 2)


def test_nobody_there_is_passing_trouble(connection: Connection, settings: Any) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"
    forget_microsoft()

    with pytest.raises(Unreachable):
        tokens.access_token(connection, now=timezone.now())

    assert (again(connection).state, again(connection).reason) == (State.DEGRADED, Reason.NO_ANSWER)
    assert again(connection).refresh_token


def test_an_answer_that_comes_too_late_is_passing_trouble(connection: Connection, microsoft: Simulator) -> None:
    tokens.access_token(connection, now=timezone.now())
    slow_down(microsoft, 1500)
    started = time.monotonic()

    with outbound.deadline(timedelta(seconds=0.5)), pytest.raises(Unreachable):
        tokens.access_token(used_up(connection), now=timezone.now())

    assert time.monotonic() - started < 1.3
    assert (again(connection).state, again(connection).reason) == (State.DEGRADED, Reason.NO_ANSWER)


def test_a_page_that_asks_again_and_again_does_not_hurry_microsoft(
    connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": 429, "seconds": 60})
    tasks.refresh_one(connection_id=connection.pk)

    for _ in range(5):
        tasks.refresh_one(connection_id=connection.pk)

    assert asked(microsoft) == 1


# ── Our own credential ──────────────────────────────────────────────────────
def test_a_wrong_secret_pauses_tells_the_operator_once_and_no_user(
    connection: Connection, bob: User, microsoft: Simulator
) -> None:
    others = used_up(connected(bob, microsoft))
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": "another-secret"})
    now, kept = timezone.now(), held(connection)

    for one in (connection, others):
        with pytest.raises(CredentialRefused):
            tokens.access_token(one, now=now)

    assert [again(one).state for one in (connection, others)] == [State.PAUSED, State.PAUSED]
    assert again(connection).reason == Reason.CREDENTIAL_WRONG
    assert held(connection) == kept
    assert [message.to for message in mail.outbox] == [["operator@meridian.example"]]
    assert "AADSTS7000215" in mail.outbox[0].body
    assert microsoft.client_secret not in mail.outbox[0].body
    assert not AuditEntry.objects.filter(action="calendar.authorization_lost").exists()


def test_what_is_paused_comes_back_by_itself(connection: Connection, microsoft: Simulator) -> None:
    microsoft.control("POST", f"applications/{microsoft.client_id}/expire-secrets")
    now = timezone.now()
    tokens.refresh(connection, now=now)
    paused = again(connection)

    refused = refreshing.refresh_due(now=now + states.LONGEST_WAIT)
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": microsoft.client_secret})
    identity.prove_credential(connection.tenant_id)
    refreshing.refresh_due(now=now + states.LONGEST_WAIT)

    assert refused == 0, "nobody is asked about while Microsoft refuses us"
    assert (paused.state, paused.reason) == (State.PAUSED, Reason.CREDENTIAL_EXPIRED)
    assert (again(connection).state, again(connection).reason) == (State.CONNECTED, "")


def test_a_key_taken_out_too_early_pauses_and_its_return_mends(
    connection: Connection, settings: Any, microsoft: Simulator
) -> None:
    keys = settings.TOKEN_KEYS
    settings.TOKEN_KEYS = {"other": bytes(32)}
    now = timezone.now()

    with pytest.raises(CredentialRefused):
        tokens.access_token(connection, now=now)

    assert (again(connection).state, again(connection).reason) == (State.PAUSED, Reason.KEY_MISSING)
    assert len(mail.outbox) == 1
    assert "TOKEN_KEYS" in mail.outbox[0].body
    settings.TOKEN_KEYS = keys
    refreshing.refresh_due(now=now + states.LONGEST_WAIT)
    assert again(connection).state == State.CONNECTED
