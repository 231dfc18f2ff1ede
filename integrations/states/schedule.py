"""When Microsoft is asked next: while all is well, and after trouble."""

from __future__ import annotations

from datetime import datetime, timedelta

from integrations.failures import Reason
from integrations.models import Connection
from integrations.preferences import Api, Service

KEEP_FRESH = timedelta(hours=6)
KEEP_ALIVE = timedelta(days=30)  # refresh tokens die after 90 days without use
IDLE_AFTER = timedelta(days=14)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
# By EWS Meridian goes and looks: nobody tells it that a server refuses, or that Exchange Online has shut EWS off.
ASK_EWS = timedelta(days=1)
# What asks again before its time makes it worse: the server counts the attempts, and stays locked for longer.
ASKED_TO_WAIT = (Reason.TOO_MANY_REQUESTS, Reason.ACCOUNT_LOCKED)
LOOK_AGAIN = timedelta(days=7)  # for a mailbox where there was none


def is_waiting(connection: Connection, *, now: datetime) -> bool:
    """Passing trouble was met, and the time of the next attempt has not come."""
    return bool(connection.attempts and connection.refresh_due_at and connection.refresh_due_at > now)


def next_refresh(*, now: datetime, last_used_at: datetime | None, spread: float) -> datetime:
    """Every six hours for people who look, before thirty days for those who do not; spread, so that no herd forms."""
    in_use = last_used_at is not None and now - last_used_at < IDLE_AFTER
    return now + (KEEP_FRESH if in_use else KEEP_ALIVE) * (0.75 + 0.25 * spread)


def next_turn(connection: Connection, *, now: datetime, spread: float) -> datetime:
    """When a connection of its person's own comes to its turn again, all being well."""
    due = next_refresh(now=now, last_used_at=connection.last_used_at, spread=spread)
    if connection.api != Api.EWS.value:
        return due
    asked = now + ASK_EWS * (0.75 + 0.25 * spread)
    return asked if connection.service == Service.EXCHANGE.value else min(due, asked)


def wait_before(attempts: int, *, retry_after: timedelta | None, spread: float) -> timedelta:
    """Exponential with full jitter, never before Microsoft says, at most an hour unless Microsoft says more."""
    back_off: timedelta = min(FIRST_WAIT * 2 ** min(attempts, 10), LONGEST_WAIT) * (0.5 + 0.5 * spread)
    return max(back_off, retry_after or timedelta())


def next_look(*, now: datetime, spread: float) -> datetime:
    """For a mailbox where there was none: about once a week."""
    return now + LOOK_AGAIN * (0.75 + 0.25 * spread)
