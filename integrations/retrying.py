"""*Try now*: whoever is in passing trouble need not wait for the next attempt. A worker makes it, as it makes all.

Where Microsoft asked for a wait it gets it, and who presses again and again does not ask again and again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.nudging import nudge
from integrations import states
from integrations.diagnosis import asked
from integrations.diagnosis.asked import Asked
from integrations.failures import Reason
from integrations.models import Connection, State
from integrations.tasks import carry_out_check

REST = timedelta(minutes=1)  # from one attempt to the next


def under_way(connection: Connection | None, *, now: datetime) -> Asked | None:
    """The attempt that somebody asked for lately; None too where there is no trouble any more."""
    if connection is None or connection.state != State.DEGRADED:
        return None
    last = asked.latest(connection, now=now)
    return last if last and (last.is_waiting or (last.found_at and now - last.found_at < REST)) else None


def may_try(connection: Connection | None, *, now: datetime) -> bool:
    if connection is None or connection.state != State.DEGRADED:
        return False
    is_told_to_wait = connection.reason == Reason.TOO_MANY_REQUESTS and states.is_waiting(connection, now=now)
    return not is_told_to_wait and under_way(connection, now=now) is None


def try_now(connection: Connection | None, *, now: datetime) -> bool:
    """Ask a worker. False: there is no need to, or it may not be hurried, or no worker can be asked."""
    if connection is None or not may_try(connection, now=now) or not asked.ask(connection, now=now):
        return False
    nudge(carry_out_check, connection_id=connection.pk)
    return True
