"""Every change of a connection's state, and nothing else changes it.

Each names what it expects to find, so that a late answer about an old token cannot undo what happened meanwhile.
Answers False where it came too late.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.cache import cache
from django.core.mail import mail_admins
from django.db import transaction
from django.db.models import Q
from redis.exceptions import RedisError

from accounts import audit
from integrations import reasons
from integrations.failures import Failure, Outcome, Reason
from integrations.models import ALIVE, Connection, State
from integrations.policy import Obstacle

log = structlog.get_logger(__name__)

LOST = audit.declare(
    "calendar.authorization_lost",
    "Microsoft no longer accepts the access to {target}.",
    personal_target=True,
    say={"reason": reasons.in_words},
)

KEEP_FRESH = timedelta(hours=6)
KEEP_ALIVE = timedelta(days=30)  # refresh tokens die after 90 days without use
IDLE_AFTER = timedelta(days=14)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
ALARM_EVERY = timedelta(hours=1)
NO_TOKENS = {
    "refresh_token": "",
    "access_token": "",
    "access_expires_at": None,
    "refresh_due_at": None,
    "kept_until": None,
}
_GONE: dict[str, Any] = {"code": "", "trace_id": "", "granted": [], **NO_TOKENS}
RELEASED = {"lease_until": None, "lease_holder": None}


def on_the_way(connection: Connection, *, now: datetime) -> None:
    """A consent begins its last steps. Not saved: the caller, who holds the row locked, stores more along with it."""
    connection.state, connection.since_at = State.CONNECTING, now
    connection.reason = connection.code = connection.trace_id = ""
    connection.attempts, connection.kept_until = 0, None


def mailbox_opened(connection: Connection, *, now: datetime) -> None:
    """The probe at the end of a consent passed: *connecting* becomes *connected*."""
    Connection.objects.filter(pk=connection.pk, state=State.CONNECTING).update(
        state=State.CONNECTED, since_at=now, last_good_at=now, attempts=0, reason="", code="", trace_id=""
    )
    Connection.objects.filter(pk=connection.pk, connected_at=None).update(connected_at=now)


def went_well(connection: Connection, *, now: datetime) -> None:
    """Microsoft answered: whatever passing trouble there was is over. A connection on the way stays on it."""
    Connection.objects.filter(pk=connection.pk, state__in=(State.DEGRADED, State.PAUSED)).update(
        state=State.CONNECTED, since_at=now, reason="", code="", trace_id=""
    )
    Connection.objects.filter(pk=connection.pk, state__in=ALIVE).update(last_good_at=now, attempts=0)


def went_wrong(connection: Connection, failure: Failure, *, now: datetime, spread: float | None = None) -> bool:
    """File a failure under the state it leads to. `spread` (0 to 1) is the jitter of the next attempt.

    Transient trouble never takes a connection away; our own fault is told to the operator, never to the person.
    """
    jitter = random.random() if spread is None else spread  # noqa: S311  not a secret
    match failure.outcome:
        case Outcome.AUTHORIZATION_LOST:
            return _lost(connection, failure, now=now)
        case Outcome.NOT_ELIGIBLE if connection.state == State.CONNECTING:
            return _move(connection, State.NOT_ELIGIBLE, failure, now=now, **NO_TOKENS)
        case Outcome.CREDENTIAL_REFUSED:
            alarm(failure)
            return _move(connection, State.PAUSED, failure, now=now, **_later(connection, failure, jitter, now=now))
        case Outcome.APP_GONE:
            return _move(connection, State.PAUSED, failure, now=now, **_later(connection, failure, jitter, now=now))
        case _:
            # A missing permission too: whether the grant is gone, the next refresh tells for certain. And a mailbox
            # that had answered before: it may be on the move.
            # On the way to the first connection there is nothing to degrade yet.
            state = State.CONNECTING if connection.state == State.CONNECTING else State.DEGRADED
            return _move(connection, state, failure, now=now, **_later(connection, failure, jitter, now=now))


def alarm(failure: Failure) -> None:
    """Tell the operator what only the operator can mend, once an hour however many connections notice."""
    log.error("microsoft.credential_refused", reason=failure.reason.value, error_code=failure.code)
    try:
        is_first = cache.add(f"alarm:{failure.reason.value}", True, ALARM_EVERY.total_seconds())
    except RedisError:
        log.exception("alarm.cache")
        is_first = True
    if is_first:
        transaction.on_commit(lambda: _mail_operator(failure))


def abandon(connection: Connection, failure: Failure | None, *, now: datetime) -> None:
    """The last step of a consent could not be done. A first connection is given up and its tokens are destroyed;
    one that had worked before is kept and tried again."""
    found = Connection.objects.filter(pk=connection.pk)
    reason = failure.reason.value if failure else ""
    # Blocked meanwhile, too: what never worked is not brought back when it is allowed again.
    never_worked = found.filter(connected_at=None, state__in=(State.CONNECTING, State.BLOCKED_BY_POLICY))
    never_worked.update(state=State.DISCONNECTED, since_at=now, **NO_TOKENS)
    found.filter(state=State.CONNECTING).update(state=State.DEGRADED, since_at=now, reason=reason, refresh_due_at=now)


def blocked(connections: Collection[int], obstacle: Obstacle, *, grace: timedelta, now: datetime) -> int:
    """Nothing uses them from now on; the sealed tokens stay for the grace. Without one they are destroyed here."""
    alive = Connection.objects.filter(pk__in=connections, state__in=ALIVE)
    if not grace:
        return alive.update(state=State.DISCONNECTED, since_at=now, reason=obstacle.value, **_GONE)
    return alive.update(
        state=State.BLOCKED_BY_POLICY,
        since_at=now,
        reason=obstacle.value,
        code="",
        trace_id="",
        refresh_due_at=None,
        kept_until=now + grace,
    )


def blocked_for(connections: Collection[int], obstacle: Obstacle) -> int:
    """Blocked as before, and now for another reason."""
    found = Connection.objects.filter(pk__in=connections, state=State.BLOCKED_BY_POLICY)
    return found.update(reason=obstacle.value)


def released(connections: Collection[int], *, now: datetime) -> int:
    """Back as they were; a refresh at once shows whether Microsoft still agrees."""
    return Connection.objects.filter(pk__in=connections, state=State.BLOCKED_BY_POLICY).update(
        state=State.CONNECTED, since_at=now, reason="", attempts=0, refresh_due_at=now, kept_until=None
    )


def let_go(connections: Collection[int], *, now: datetime) -> int:
    """The grace is over: the tokens are destroyed. The reason stays, so that the person is told."""
    over = Connection.objects.filter(pk__in=connections, state=State.BLOCKED_BY_POLICY, kept_until__lte=now)
    return over.update(state=State.DISCONNECTED, since_at=now, **_GONE)


def disconnected(connection: Connection, *, now: datetime) -> bool:
    """The tokens are destroyed; who it was at Microsoft stays as history."""
    expected = Connection.objects.filter(pk=connection.pk).exclude(state=State.DISCONNECTED)
    return bool(expected.update(state=State.DISCONNECTED, since_at=now, reason="", **_GONE))


def is_waiting(connection: Connection, *, now: datetime) -> bool:
    """Passing trouble was met, and the time of the next attempt has not come."""
    return bool(connection.attempts and connection.refresh_due_at and connection.refresh_due_at > now)


def next_refresh(*, now: datetime, last_used_at: datetime | None, spread: float) -> datetime:
    """Every six hours for people who look, before thirty days for those who do not; spread, so that no herd forms."""
    in_use = last_used_at is not None and now - last_used_at < IDLE_AFTER
    return now + (KEEP_FRESH if in_use else KEEP_ALIVE) * (0.75 + 0.25 * spread)


def wait_before(attempts: int, *, retry_after: timedelta | None, spread: float) -> timedelta:
    """Exponential with full jitter, never before Microsoft says, at most an hour unless Microsoft says more."""
    back_off: timedelta = min(FIRST_WAIT * 2 ** min(attempts, 10), LONGEST_WAIT) * (0.5 + 0.5 * spread)
    return max(back_off, retry_after or timedelta())


def _lost(connection: Connection, failure: Failure, *, now: datetime) -> bool:
    with transaction.atomic():
        moved = _move(connection, State.NEEDS_REAUTH, failure, now=now, attempts=0, **NO_TOKENS)
        if moved:
            account = connection.user.account
            after = {"reason": failure.reason.value, "code": failure.code}
            audit.record(
                LOST, account=account, actor=None, on=connection, now=now, after=after, about=connection.user_id
            )
    return moved


def _move(connection: Connection, state: State, failure: Failure, *, now: datetime, **more: object) -> bool:
    """To `state`, unless newer tokens were stored or the connection is no longer alive."""
    expected = Connection.objects.filter(pk=connection.pk, token_version=connection.token_version, state__in=ALIVE)
    why = {"reason": failure.reason.value, "code": failure.code[:80], "trace_id": failure.trace_id[:80]}
    # Two UPDATEs, so that the time of the first trouble stays: *degraded since …*.
    entered = expected.filter(~Q(state=state)).update(state=state, since_at=now, **why, **more)
    moved = bool(entered or expected.filter(state=state).update(**why, **more))
    if entered:
        log.info("connection.state", connection=connection.pk, state=state.value, reason=failure.reason.value)
    return moved


def _later(connection: Connection, failure: Failure, jitter: float, *, now: datetime) -> dict[str, object]:
    wait = wait_before(connection.attempts, retry_after=failure.retry_after, spread=jitter)
    return {"refresh_due_at": now + wait, "attempts": min(connection.attempts + 1, 1000)}


def _mail_operator(failure: Failure) -> None:
    if failure.reason is Reason.KEY_MISSING:
        subject = "Meridian: stored access to calendars cannot be opened"
        says = (
            "A key that sealed it is no longer in TOKEN_KEYS, or the database is damaged. Put the old key back at the "
            "end of TOKEN_KEYS and start the portal and its workers again; what is paused comes back by itself.\n"
        )
    else:
        subject = "Meridian: Microsoft refuses this portal’s own credential"
        says = (
            f"Microsoft answered {failure.code}. Connections are paused and nobody has been told to reconnect.\n\n"
            "Run `manage.py check_microsoft` on the portal’s machine: it says what is wrong and what to do.\n"
        )
    try:
        mail_admins(subject, says)
    except OSError:
        # Unsaid, so the next one who notices says it again.
        log.exception("alarm.not_sent")
        cache.delete(f"alarm:{failure.reason.value}")
