"""*Try now*: whoever is in passing trouble need not wait for the next attempt. A worker makes it, as it makes all.

Where Microsoft asked for a wait it gets it, and who presses again and again does not ask again and again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.nudging import nudge
from integrations import states
from integrations.diagnosis import asked
from integrations.diagnosis.asked import Asked
from integrations.exchange import server_checks
from integrations.models import Connection, State, Trouble
from integrations.preferences import Api, Method, Service
from integrations.tasks import carry_out_check

REST = timedelta(minutes=1)  # from one attempt to the next


def under_way(connection: Connection | None, *, now: datetime) -> Asked | None:
    """The attempt that somebody asked for lately; None too where there is no trouble any more."""
    if connection is None or not _may_be_hurried(connection):
        return None
    last = asked.latest(connection, now=now)
    return last if last and (last.is_waiting or (last.found_at and now - last.found_at < REST)) else None


def may_try(connection: Connection | None, *, now: datetime) -> bool:
    if connection is None or not _may_be_hurried(connection):
        return False
    return not _is_told_to_wait(connection, now=now) and under_way(connection, now=now) is None


def try_now(connection: Connection | None, *, now: datetime) -> bool:
    """Ask a worker. False: there is no need to, or it may not be hurried, or no worker can be asked."""
    if connection is None or not may_try(connection, now=now) or not asked.ask(connection, now=now):
        return False
    nudge(carry_out_check, connection_id=connection.pk)
    return True


def _is_told_to_wait(connection: Connection, *, now: datetime) -> bool:
    if connection.reason not in states.ASKED_TO_WAIT:
        return False
    if connection.method == Method.IMPERSONATION.value and connection.server:
        return server_checks.is_waiting(connection.server, now=now)
    return states.is_waiting(connection, now=now)


def _may_be_hurried(connection: Connection) -> bool:
    """In passing trouble; and by EWS also where something has to be mended first, of which nobody tells Meridian."""
    if connection.state == State.DEGRADED or connection.api != Api.EWS.value:
        return connection.state == State.DEGRADED
    is_own = connection.service == Service.EXCHANGE.value
    if connection.state == State.PAUSED:
        return is_own or connection.trouble == Trouble.MAILBOX
    return is_own and connection.state == State.NOT_ELIGIBLE
