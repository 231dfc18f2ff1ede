"""What Microsoft's answers make of a connection.

Two things may be in trouble: Microsoft's sign-in, which renews the access, and the mailbox. A good answer of the one
does not end trouble with the other (`Connection.trouble`), so that nothing flips to and fro while one of them is down.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Value

from accounts import audit
from integrations import alarms, reasons, telling
from integrations.failures import Failure, Outcome, Reason
from integrations.models import ALIVE, Connection, State, Trouble
from integrations.preferences import Api
from integrations.states import meanings
from integrations.states.columns import NO_TOKENS, WELL
from integrations.states.meanings import OF_A_MAILBOX, PASSING, may_be_spent
from integrations.states.organization import credential_accepted_for_links, scoped_out
from integrations.states.schedule import next_look, next_turn, wait_before

log = structlog.get_logger(__name__)

LOST = audit.declare(
    "calendar.authorization_lost",
    "The access to {target} is no longer accepted.",
    personal_target=True,
    say={"reason": reasons.in_words},
)
MAILBOX_GONE = audit.declare(
    "calendar.mailbox_gone", "For a day {target} has had no mailbox that can be read.", personal_target=True
)
MAILBOX_FOUND = audit.declare(
    "calendar.mailbox_found", "{target} has a mailbox now; it is connected.", personal_target=True
)

NOT_LOST = audit.declare(
    "calendar.authorization_found",
    "The access to {target} was not lost: what had been interrupted came to its end after all.",
    personal_target=True,
)

# Renewing the access is worth while: a mailbox that is not there may appear.
RENEWABLE = (*ALIVE, State.NOT_ELIGIBLE)

STANDING = timedelta(days=1)  # a mailbox that refuses us for so long, and never answers, is not on the move
COME_BACK = timedelta(minutes=5)  # all that waited for our credential does not come back at once
# The application is not where the person is: for their admin to mend. All else of that kind is the operator's.
_NOT_OURS = (
    Reason.APP_REMOVED,
    Reason.SERVICE_ABSENT,
    Reason.TENANT_GONE,
    Reason.EWS_DISABLED,
    Reason.EWS_NOT_ALLOWED,
    Reason.CERTIFICATE_UNTRUSTED,
    Reason.ADDRESS_NOT_ALLOWED,
    Reason.NOT_EXCHANGE,
)
_PAUSES = (Outcome.CREDENTIAL_REFUSED, Outcome.APP_GONE)
_CREDENTIAL = (Reason.CREDENTIAL_EXPIRED, Reason.CREDENTIAL_WRONG)


def after_refresh(connection: Connection, *, now: datetime) -> dict[str, Any]:
    """What renewed access means for a connection as it was read: columns to be stored along with the tokens, and over
    what those say. Trouble with the mailbox goes on: the mailbox is asked when its time has come."""
    if connection.state == State.NOT_ELIGIBLE or connection.trouble == Trouble.MAILBOX:
        return {"refresh_due_at": max(connection.refresh_due_at or now, now)}
    well = WELL | {"last_good_at": now}
    if connection.state in (State.DEGRADED, State.PAUSED):
        well |= {"state": State.CONNECTED, "since_at": now}
    return well


def went_well(connection: Connection, *, now: datetime, of: Trouble = Trouble.SIGN_IN) -> None:
    """Microsoft answered: trouble with what it was that answered is over. A connection on the way stays on it."""
    if of == Trouble.MAILBOX:
        _mailbox_answered(connection, now=now)
        return
    found = Connection.objects.filter(pk=connection.pk).exclude(trouble=Trouble.MAILBOX)
    over = found.filter(state__in=(State.DEGRADED, State.PAUSED))
    over.update(state=State.CONNECTED, since_at=now, **WELL)
    found.filter(state__in=ALIVE).update(last_good_at=now, attempts=0)


def went_wrong(
    connection: Connection,
    failure: Failure,
    *,
    now: datetime,
    spread: float | None = None,
    of: Trouble = Trouble.SIGN_IN,
) -> bool:
    """File a failure under the state it leads to. `spread` (0 to 1) is the jitter of the next attempt.

    Transient trouble never takes a connection away; our own fault is told to the operator, never to the person.
    """
    jitter = random.random() if spread is None else spread  # noqa: S311  not a secret
    failure = meanings.to_it(connection, failure)
    if failure.outcome in _PAUSES and failure.reason not in _NOT_OURS:
        alarms.alarm(failure)
    if failure.outcome is Outcome.AUTHORIZATION_LOST:
        return _lost(connection, failure, now=now)
    if connection.state == State.NOT_ELIGIBLE:
        return _still_no_mailbox(connection, failure, jitter, now=now)
    if of == Trouble.MAILBOX or failure.outcome in OF_A_MAILBOX:
        return _mailbox_failed(connection, failure, jitter, now=now)
    is_paused = failure.outcome in _PAUSES
    state = State.PAUSED if is_paused else State.DEGRADED
    # Once the mailbox is in trouble, too, only the mailbox ends it.
    trouble = of if is_paused or connection.trouble == Trouble.NONE else Trouble(connection.trouble)
    return _trouble(connection, state, failure, trouble, jitter, now=now)


def found_after_all(connection: Connection, fresh: dict[str, Any], *, now: datetime) -> bool:
    """A worker that was held up brings the new token, of which another heard meanwhile that the one before is spent.
    It is renewed at once, which shows whether it lasts."""
    well = WELL | {"state": State.CONNECTED, "since_at": now, "claims": ""}
    lost = Connection.objects.filter(pk=connection.pk, token_version=connection.token_version)
    lost = lost.filter(state=State.NEEDS_REAUTH, reason=Reason.LOST_IN_FLIGHT)
    with transaction.atomic():
        found = lost.update(**fresh | well | {"refresh_due_at": now})
        if found:
            _record(NOT_LOST, connection, now=now)
    return bool(found)


def credential_accepted(*, now: datetime) -> int:
    """Microsoft accepts our credential: all that waits for it comes back, within a few minutes. May be said again."""
    soon = now + COME_BACK
    waiting = Connection.objects.filter(
        Q(refresh_due_at=None) | Q(refresh_due_at__gt=soon),
        state=State.PAUSED,
        reason__in=[reason.value for reason in _CREDENTIAL],
        link=None,
    )
    share = F("pk") % int(COME_BACK.total_seconds()) * timedelta(seconds=1)
    step = ExpressionWrapper(share, output_field=DurationField())
    return waiting.update(attempts=0, refresh_due_at=Value(now) + step) + credential_accepted_for_links(now=now)


def _mailbox_answered(connection: Connection, *, now: datetime) -> None:
    if connection.state == State.NOT_ELIGIBLE:
        _mailbox_found(connection, now=now)
        return
    due = _due(connection, now if connection.api == Api.EWS.value else connection.refreshed_at or now)
    found = Connection.objects.filter(pk=connection.pk)
    over = found.filter(state__in=(State.DEGRADED, State.PAUSED), trouble=Trouble.MAILBOX)
    over.update(state=State.CONNECTED, since_at=now, refresh_due_at=due, **WELL)
    found.filter(state__in=ALIVE).update(last_good_at=now)
    if connection.api == Api.EWS.value and due:  # its turn was this: nothing else moves the time of the next
        found.filter(state=State.CONNECTED, refresh_due_at__lt=due).update(refresh_due_at=due)


def _mailbox_found(connection: Connection, *, now: datetime) -> None:
    due = _due(connection, now)
    with transaction.atomic():
        found = Connection.objects.filter(pk=connection.pk, state=State.NOT_ELIGIBLE)
        if found.update(state=State.CONNECTED, since_at=now, last_good_at=now, refresh_due_at=due, **WELL):
            Connection.objects.filter(pk=connection.pk, connected_at=None).update(connected_at=now)
            _record(MAILBOX_FOUND, connection, now=now)


def _due(connection: Connection, asked_at: datetime) -> datetime | None:
    """When its own access is renewed next; that of its organization is no matter of a single one."""
    if connection.is_by_organization:
        return None
    return next_turn(connection, now=asked_at, spread=random.random())  # noqa: S311  not a secret


def _mailbox_failed(connection: Connection, failure: Failure, jitter: float, *, now: datetime) -> bool:
    """The mailbox refuses, or does not answer. It may be on the move: only what stands for a day is believed."""
    is_no = failure.outcome in OF_A_MAILBOX
    if connection.state == State.PAUSED and connection.trouble != Trouble.MAILBOX:
        return _note(connection, now=now)  # the greater trouble stays in sight, and is the first to end
    if connection.state == State.PAUSED and failure.outcome in PASSING:
        # So does this one, until the mailbox has told that it is over.
        return bool(_as_read(connection).update(failed_at=now, **_later(connection, failure, jitter, now=now)))
    if failure.outcome in _PAUSES:
        return _trouble(connection, State.PAUSED, failure, Trouble.MAILBOX, jitter, now=now)
    if connection.state == State.CONNECTING:
        if failure.outcome is Outcome.NOT_ELIGIBLE:
            return _no_mailbox(connection, failure, jitter, now=now)
        return _trouble(connection, State.CONNECTING, failure, Trouble.MAILBOX, jitter, now=now)
    if failure.reason is Reason.MOVED_TO_CLOUD:  # the server itself said so, which is worth more than a day of silence
        return _no_mailbox(connection, failure, jitter, now=now)
    since = (connection.refused_since or now) if is_no else connection.refused_since
    if is_no and since and now - since >= STANDING:
        if failure.outcome is Outcome.NOT_PERMITTED:
            if connection.is_by_organization:
                return bool(scoped_out([connection.pk], now=now, code=failure.code))
            return _lost(connection, failure, now=now)
        return _no_mailbox(connection, failure, jitter, now=now)
    return _trouble(connection, State.DEGRADED, failure, Trouble.MAILBOX, jitter, now=now, refused_since=since)


def _no_mailbox(connection: Connection, failure: Failure, jitter: float, *, now: datetime) -> bool:
    """Its tokens are kept, and once a week somebody looks whether there is a mailbox now."""
    looks = {"refresh_due_at": next_look(now=now, spread=jitter), "attempts": 0}
    with transaction.atomic():
        moved = _move(connection, State.NOT_ELIGIBLE, failure, now=now, trouble=Trouble.MAILBOX, **looks)
        if moved and connection.connected_at and connection.state != State.CONNECTING:
            _record(MAILBOX_GONE, connection, now=now)
    return moved


def _still_no_mailbox(connection: Connection, failure: Failure, jitter: float, *, now: datetime) -> bool:
    """What does not answer now says nothing of the mailbox: it is asked sooner."""
    found = _as_read(connection).filter(state=State.NOT_ELIGIBLE)
    if failure.outcome is Outcome.NOT_ELIGIBLE:
        looks = {"refresh_due_at": next_look(now=now, spread=jitter), "attempts": 0}
        return bool(found.update(**_why(failure, now=now), **looks))
    return bool(found.update(failed_at=now, **_later(connection, failure, jitter, now=now)))


def _lost(connection: Connection, failure: Failure, *, now: datetime) -> bool:
    if connection.interrupted_at and may_be_spent(failure):
        # The worker that spent it died before it could keep the new one.
        failure = replace(failure, reason=Reason.LOST_IN_FLIGHT)
    gone = {"trouble": Trouble.NONE, "refused_since": None, "attempts": 0, "claims": failure.claims}
    with transaction.atomic():
        moved = _move(connection, State.NEEDS_REAUTH, failure, now=now, **gone, **NO_TOKENS)
        if moved:
            _record(LOST, connection, now=now, after={"reason": failure.reason.value, "code": failure.code})
        if moved and connection.state not in (State.CONNECTING, State.NOT_ELIGIBLE):
            telling.lost(connection, now=now)
    return moved


def _trouble(
    connection: Connection,
    state: State,
    failure: Failure,
    trouble: Trouble,
    jitter: float,
    *,
    now: datetime,
    **more: object,
) -> bool:
    # On the way to the first connection there is nothing to degrade yet.
    state = State.CONNECTING if connection.state == State.CONNECTING and state == State.DEGRADED else state
    later = _later(connection, failure, jitter, now=now)
    return _move(connection, state, failure, now=now, trouble=trouble, **later, **more)


def _move(connection: Connection, state: State, failure: Failure, *, now: datetime, **more: object) -> bool:
    """To `state`, unless newer tokens were stored or there is nothing left to lose."""
    expected, why = _as_read(connection), _why(failure, now=now)
    # Two UPDATEs, so that the time of the first trouble stays: *degraded since …*.
    entered = expected.filter(~Q(state=state)).update(state=state, since_at=now, **why, **more)
    moved = bool(entered or expected.filter(state=state).update(**why, **more))
    if entered:
        log.info("connection.moved", connection=connection.pk, to=state.value, reason=failure.reason.value)
    return moved


def _note(connection: Connection, *, now: datetime) -> bool:
    return bool(_as_read(connection).update(failed_at=now))


def _as_read(connection: Connection) -> QuerySet[Connection]:
    held = RENEWABLE if connection.state == State.NOT_ELIGIBLE else ALIVE
    return Connection.objects.filter(pk=connection.pk, token_version=connection.token_version, state__in=held)


def _why(failure: Failure, *, now: datetime) -> dict[str, Any]:
    code, trace_id = failure.code[:80], failure.trace_id[:80]
    return {"reason": failure.reason.value, "code": code, "trace_id": trace_id, "failed_at": now}


def _later(connection: Connection, failure: Failure, jitter: float, *, now: datetime) -> dict[str, object]:
    wait = wait_before(connection.attempts, retry_after=failure.retry_after, spread=jitter)
    return {"refresh_due_at": now + wait, "attempts": min(connection.attempts + 1, 1000)}


def _record(action: str, connection: Connection, *, now: datetime, after: object = None) -> None:
    account = connection.user.account
    audit.record(action, account=account, actor=None, on=connection, now=now, after=after, about=connection.user_id)
