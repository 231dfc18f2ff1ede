"""What the consent of an organization makes of its people's connections.

Nothing is saved here: the caller, who holds the rows locked, stores more along with it, many at once.
"""

from __future__ import annotations

from datetime import datetime

from integrations.failures import Reason
from integrations.models import Connection, State, Trouble
from integrations.states.columns import NO_TOKENS, WELL

COLUMNS = (
    "state",
    "since_at",
    "last_good_at",
    "failed_at",
    "connected_at",
    "claims",
    "interrupted_at",
    "lease_until",
    "lease_holder",
    "token_version",
    *WELL,
    *NO_TOKENS,
)


def carried(connection: Connection, *, now: datetime) -> None:
    """Its mailbox opened to the organization's token: connected, and nothing of its own is kept. Whatever it had been
    before: a refresh of its own that is under way finds another `token_version`, and stores nothing."""
    _cleared(connection)
    if connection.state != State.CONNECTED:
        connection.state, connection.since_at = State.CONNECTED, now
    connection.connected_at = connection.connected_at or now
    connection.last_good_at = now


def kept_in_view(connection: Connection, reason: Reason, *, now: datetime, code: str = "") -> None:
    """No mailbox of theirs can be told, or opened: not eligible, until it is found to be otherwise."""
    _cleared(connection)
    if connection.state != State.NOT_ELIGIBLE or connection.reason != reason.value:
        connection.state, connection.since_at = State.NOT_ELIGIBLE, now
    connection.reason, connection.code, connection.failed_at = reason.value, code[:80], now
    connection.trouble = Trouble.MAILBOX


def _cleared(connection: Connection) -> None:
    for name, value in (WELL | NO_TOKENS).items():
        setattr(connection, name, value)
    connection.claims, connection.interrupted_at = "", None
    connection.lease_until = connection.lease_holder = None
    connection.token_version += 1
