"""*Check now*: asked for on a page, done by a worker, found on the page.

What it finds is filed with the connection by `checking`; here is only, for an hour, that it was asked for and what
it said. Without Redis there is no worker to ask either.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from integrations import checking, states
from integrations.models import ALIVE, Connection, State

log = structlog.get_logger(__name__)

KEPT = timedelta(hours=1)
SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered
GIVEN_UP = timedelta(minutes=5)  # the task has expired by then
# There is access to ask Microsoft with, and no consent under way.
CHECKABLE = tuple(state for state in (*ALIVE, State.NOT_ELIGIBLE) if state != State.CONNECTING)

MUST_WAIT = "Not asked: Microsoft has asked Meridian to wait, and is asked again after that."


@dataclass(frozen=True)
class Asked:
    at: datetime
    # None: no worker has answered yet.
    found_at: datetime | None
    says: str
    is_fine: bool
    now: datetime

    @property
    def is_waiting(self) -> bool:
        return self.found_at is None and self.now - self.at < GIVEN_UP

    @property
    def is_silent(self) -> bool:
        return self.found_at is None and self.now - self.at > SILENCE


def can_check(connection: Connection) -> bool:
    return connection.state in CHECKABLE


def must_wait(connection: Connection, *, now: datetime) -> bool:
    """Microsoft has asked for it."""
    return connection.reason in states.ASKED_TO_WAIT and states.is_waiting(connection, now=now)


def ask(connection: Connection, *, now: datetime) -> bool:
    """Write down that somebody asked. False: it cannot be written down at the moment."""
    return _write(connection.pk, {"at": now, "found_at": None, "says": "", "is_fine": False})


def carry_out(connection_id: int, *, now: datetime) -> None:
    """Ask Microsoft, file the outcome, and say on the page that asked what it was."""
    connection = Connection.objects.filter(pk=connection_id).defer("refresh_token", "access_token").first()
    if connection is not None and must_wait(connection, now=now):
        _write(connection_id, {"at": now, "found_at": now, "says": MUST_WAIT, "is_fine": False})
        return
    finding = checking.check(connection_id, now=now)
    is_fine = finding.is_asked and finding.failure is None and finding.state == State.CONNECTED
    _write(connection_id, {"at": now, "found_at": now, "says": finding.says, "is_fine": is_fine})


def latest(connection: Connection, *, now: datetime) -> Asked | None:
    try:
        found = cache.get(_key(connection.pk))
    except RedisError:
        return None
    return Asked(**found, now=now) if found else None


def _write(pk: int, found: dict[str, object]) -> bool:
    try:
        cache.set(_key(pk), found, KEPT.total_seconds())
    except RedisError:
        log.warning("check.not_noted", connection=pk)
        return False
    return True


def _key(pk: int) -> str:
    return f"check:{pk}"
