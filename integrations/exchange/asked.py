"""*Check now*: asked for on the page of a server, done by a worker, found on the page.

What it finds is filed with the server by `server_checks`; here is only, for a day, that it was asked for, and what one
mailbox answered that was asked as a test. Nothing is read of it but that it opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from accounts import outbound
from integrations import states
from integrations.contracts import CalendarError
from integrations.exchange import mailboxes, server_checks, server_words
from integrations.failures import Failure, Reason
from integrations.models import ExchangeServer, ServerState

log = structlog.get_logger(__name__)

KEPT = timedelta(days=1)
SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered
GIVEN_UP = timedelta(minutes=5)  # the task has expired by then
ALL_OF_IT = timedelta(seconds=20)
WELL = "It answers."
LET_IN = "It answers, and lets the impersonation account in."
OPENS = "The impersonation account opens {address}."
REFUSES = (
    "The impersonation account may not open {address}. An admin of the server decides whose mailboxes it may open."
)
_NOTHING: dict[str, Any] = {"found_at": None, "says": "", "is_fine": False, "code": ""}
NOT_ASKED = "{address} was not asked, because the impersonation account cannot be used."


@dataclass(frozen=True)
class Check:
    at: datetime
    # None: no worker has answered yet.
    found_at: datetime | None
    # Of the mailbox that was asked as a test; "" where there was none.
    address: str
    says: str
    is_fine: bool
    code: str
    now: datetime
    # When a worker took it up: asking may take longer than a silence.
    began_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        return self.found_at is None and self.now - self.at < GIVEN_UP

    @property
    def is_silent(self) -> bool:
        return self.found_at is None and self.began_at is None and self.now - self.at > SILENCE


def ask(server: ExchangeServer, *, address: str = "", now: datetime) -> bool:
    """Write down that somebody asked. False: it cannot be written down at the moment."""
    return _write(server.pk, {"at": now, "address": address, **_NOTHING})


def latest(server: ExchangeServer, *, now: datetime) -> Check | None:
    found = _read(server.pk)
    return Check(**found, now=now) if found else None


def carry_out(server_id: int, *, now: datetime) -> bool:
    """False: another worker asks the server at this moment; whoever asked this is answered once that is over."""
    asked = _read(server_id) or {"at": now, "address": "", **_NOTHING}
    _write(server_id, {**asked, "found_at": None, "began_at": now})
    server = server_checks.check(server_id, now=now)
    if server is None:
        return True
    if server_checks.is_under_way(server, now=now):
        return bool(now - asked["at"] > GIVEN_UP)
    server_checks.look_again(server, now=now)
    says, is_fine, code = _found(server, asked["address"], now=now)
    _write(server_id, {**asked, "found_at": now, "says": says, "is_fine": is_fine, "code": code})
    return True


def _found(server: ExchangeServer, address: str, *, now: datetime) -> tuple[str, bool, str]:
    if server.state != ServerState.WORKING:
        words = server_words.of(server.reason)
        not_asked = f" {NOT_ASKED.format(address=address)}" if address else ""
        return f"{words.says} {words.helps}{not_asked}", False, server.code
    if not address:
        return (LET_IN if server.password else WELL), True, ""
    if not server.password:
        return f"{WELL} {NOT_ASKED.format(address=address)}", False, ""
    failure = _of_mailbox(server, address, now=now)
    if failure is None:
        return OPENS.format(address=address), True, ""
    return _in_words(failure, address), False, failure.code


def _of_mailbox(server: ExchangeServer, address: str, *, now: datetime) -> Failure | None:
    try:
        with outbound.deadline(ALL_OF_IT):
            mailboxes.probe_impersonating(server, address)
    except CalendarError as problem:
        if problem.failure.reason in server_checks.OF_THE_ACCOUNT:
            states.server_troubled(server, problem.failure, now=now)
        return problem.failure
    return None


def _in_words(failure: Failure, address: str) -> str:
    if failure.reason is Reason.IMPERSONATION_REFUSED:
        return REFUSES.format(address=address)
    words = server_words.of(failure.reason)
    return f"{address}: {words.says} {words.helps}"


def _write(pk: int, found: dict[str, Any]) -> bool:
    try:
        cache.set(_key(pk), found, KEPT.total_seconds())
    except RedisError:
        log.warning("check.not_noted", server=pk)
        return False
    return True


def _read(pk: int) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = cache.get(_key(pk))
    except RedisError:
        return None
    return found


def _key(pk: int) -> str:
    return f"check-server:{pk}"
