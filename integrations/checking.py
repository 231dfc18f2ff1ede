"""Whether a connection works, asked of Microsoft now: its access, and one page of its calendar.

What is found is filed, as whatever Microsoft answers is. Here, too, is looked after those whose mailbox is in trouble,
or is not there yet: their time comes as that of all others does (`refresh_due_at`), but renewing their access would
tell nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from accounts.cascade.read import held as held_by
from integrations import credentials, failures, fitting, health, states, tokens
from integrations.contracts import CalendarError
from integrations.failures import Failure, Reason
from integrations.microsoft.graph import events, me
from integrations.models import ALIVE, Connection, State, Trouble
from integrations.policy import still_fits
from integrations.preferences import Integrations
from integrations.verdicts import shape_of

if TYPE_CHECKING:
    from accounts.models import Account

BATCH = 100
CLAIM = timedelta(minutes=2)  # longer than a check takes: who took one and died leaves it to the next sweep

_FINE = "The mailbox answered."
_GONE = "The connection is no longer there."
_BUSY = "Its access is being renewed at this moment. Look again soon."
_ON_THE_WAY = "It is being connected at this moment."


@dataclass(frozen=True)
class Finding:
    """How a connection stands after the check, in one sentence; `failure` is what Microsoft answered if it was not
    what was wanted. Without one nothing went wrong, or there was nothing to ask with."""

    state: str
    says: str
    failure: Failure | None = None


def check(connection_id: int, *, now: datetime) -> Finding:
    """Ask, and file the outcome. Raises nothing that belongs to Microsoft, to the settings or to chance."""
    connection = Connection.objects.select_related("user__account").filter(pk=connection_id).first()
    if connection is None:
        return Finding("", _GONE)
    if not _may_be_asked(connection, now=now):
        return _as_it_stands(connection)
    try:
        return _as_it_stands(connection, _failure(connection, now=now))
    except tokens.Busy:
        return Finding(connection.state, _BUSY)
    except tokens.NotAlive:
        return _as_it_stands(connection)


def claim_due(*, now: datetime) -> list[int]:
    """Those whose mailbox is to be asked now, taken for a while. At most a batch."""
    due = Connection.objects.filter(_ABOUT_THE_MAILBOX, refresh_due_at__lte=now)
    found = list(due.order_by("refresh_due_at", "pk").values_list("pk", "refresh_due_at")[:BATCH])
    if not found or credentials.is_refused(now=now):
        return []
    later = now + CLAIM
    return [pk for pk, at in found if Connection.objects.filter(pk=pk, refresh_due_at=at).update(refresh_due_at=later)]


def give_up_disallowed(account: Account, *, now: datetime) -> int:
    """What the settings do not allow is not looked for: the sealed access of those without a mailbox is destroyed.
    Two queries where all may stay."""
    waiting: QuerySet[Connection] = Connection.objects.filter(account=account, state=State.NOT_ELIGIBLE)
    rows = list(waiting.exclude(refresh_token="").select_related("user"))
    if not rows:
        return 0
    holding = fitting.holding_in(account, [one.pk for one in rows])
    return sum(
        states.given_up([one.pk], obstacle, now=now)
        for one in rows
        if one.user_id in holding and (obstacle := still_fits(holding[one.user_id], shape_of(one)))
    )


_ABOUT_THE_MAILBOX = Q(state=State.NOT_ELIGIBLE) | Q(state__in=ALIVE, trouble=Trouble.MAILBOX)


def _may_be_asked(connection: Connection, *, now: datetime) -> bool:
    if connection.state != State.NOT_ELIGIBLE:
        return fitting.as_allowed(connection, now=now).is_alive and connection.state != State.CONNECTING
    if obstacle := still_fits(held_by(Integrations, connection.user), shape_of(connection)):
        states.given_up([connection.pk], obstacle, now=now)
        return False
    return bool(connection.refresh_token)


def _failure(connection: Connection, *, now: datetime) -> Failure | None:
    """What went wrong, filed; None, filed too, where the mailbox answered. Raises `tokens.Busy`, `tokens.NotAlive`."""
    try:
        token = tokens.access_token(connection, now=now)
    except CalendarError as problem:
        return problem.failure  # filed where it happened
    failure = _ask_mailbox(token, now=now)
    if failure and failure.reason is Reason.TOKEN_REFUSED:
        return _failure_of_a_fresh_token(connection, now=now)
    _file(connection, failure, now=now)
    return failure


def _failure_of_a_fresh_token(connection: Connection, *, now: datetime) -> Failure | None:
    """Microsoft refused the access token before its time: the next one tells whether the grant still holds."""
    tokens.forget_access(connection)
    connection.access_token, connection.access_expires_at = "", None
    try:
        token = tokens.access_token(connection, now=now)
    except CalendarError as problem:
        return problem.failure
    failure = _ask_mailbox(token, now=now)
    failure = failure and failures.of_a_fresh_token(failure)
    _file(connection, failure, now=now)
    return failure


def _ask_mailbox(token: str, *, now: datetime) -> Failure | None:
    """One page of the calendar, of which nothing is kept."""
    try:
        next(events.view(token, now, now + timedelta(days=1), fields="id", top=1), None)
    except CalendarError as problem:
        return me.why_no_mailbox(token, problem.failure)
    return None


def _file(connection: Connection, failure: Failure | None, *, now: datetime) -> None:
    if failure:
        states.went_wrong(connection, failure, now=now, of=Trouble.MAILBOX)
    else:
        states.went_well(connection, now=now, of=Trouble.MAILBOX)


def _as_it_stands(connection: Connection, failure: Failure | None = None) -> Finding:
    connection.refresh_from_db()
    if connection.state == State.CONNECTING:
        return Finding(connection.state, _ON_THE_WAY)
    words = health.of_connection(connection)
    return Finding(connection.state, words.says if words else _FINE, failure)
