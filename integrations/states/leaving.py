"""What leaving EWS makes of a connection, and coming back to it: the other way has just opened the same mailbox.

Nothing is saved here: the caller, who holds the row locked, stores more along with it.
"""

from __future__ import annotations

from datetime import datetime

from integrations.models import Connection, State
from integrations.states.columns import RELEASED, WELL


def opened_otherwise(connection: Connection, *, now: datetime) -> None:
    """Whatever trouble there was belonged to the way before. A refresh that is under way finds another
    `token_version`, and stores nothing."""
    if connection.state != State.CONNECTED:
        connection.state, connection.since_at = State.CONNECTED, now
    for name, value in (WELL | RELEASED).items():
        setattr(connection, name, value)
    connection.kept_until, connection.claims, connection.interrupted_at = None, "", None
    connection.connected_at = connection.connected_at or now
    connection.last_good_at = now
