"""A mailbox behind the contract, by EWS. It reads; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from exchangelib.errors import (
    ErrorCalendarViewRangeTooBig,
    ErrorExceededFindCountLimit,
    ErrorInvalidSyncStateData,
)

from integrations.contracts import Changes, RemoteCalendar, RemoteEvent, Unreachable
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.ews import client, events, operations
from integrations.microsoft.ews.client import Mailbox
from integrations.microsoft.ews.doors import Door

MOST = 5000  # appointments, as by Graph
MOST_PAGES = 20  # of changes at a time
_SHORTEST = timedelta(hours=1)  # a time that is not cut any more
_TOO_MANY = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code="too many appointments")


@dataclass(frozen=True)
class EwsCalendar:
    door: Door

    def default_calendar(self) -> RemoteCalendar:
        with client.opened(self.door, total=client.PROBE) as mailbox:
            (found,) = operations.calendar(mailbox, self.door.mailbox)
            return operations.named(found)

    def events_between(self, start: datetime, end: datetime) -> Iterator[RemoteEvent]:
        """Read whole before the first is given: no connection stays open between two of them."""
        with client.opened(self.door, total=client.READ) as mailbox:
            ids = _found(mailbox, start.astimezone(UTC), end.astimezone(UTC))
            read = _read(mailbox, ids)
        return iter(sorted(read, key=_order))

    def changes_since(self, cursor: str) -> Changes:
        with client.opened(self.door, total=client.READ) as mailbox:
            if not cursor:
                return _changes(mailbox, "", is_afresh=True)
            try:
                return _changes(mailbox, cursor, is_afresh=False)
            except ErrorInvalidSyncStateData:
                return _changes(mailbox, "", is_afresh=True)


def _found(mailbox: Mailbox, start: datetime, end: datetime) -> list[Any]:
    """Ids, each once. A time with more in it than the server finds at once is asked in halves."""
    known: dict[str, Any] = {}
    waiting = [(start, end)]
    while waiting:
        first, last = waiting.pop(0)
        try:
            known |= {one.id: one for one in operations.find(mailbox, first, last)}
        except (ErrorExceededFindCountLimit, ErrorCalendarViewRangeTooBig):
            if last - first <= _SHORTEST:
                raise
            middle = first + (last - first) / 2
            waiting = [(first, middle), (middle, last), *waiting]
        if len(known) > MOST:
            raise Unreachable(_TOO_MANY)
    return list(known.values())


def _read(mailbox: Mailbox, ids: Iterable[Any]) -> tuple[RemoteEvent, ...]:
    return tuple(events.read(item) for item in operations.items(mailbox, ids))


def _changes(mailbox: Mailbox, cursor: str, *, is_afresh: bool) -> Changes:
    touched: dict[str, Any] = {}
    removed: dict[str, None] = {}
    is_complete = False
    for _ in range(MOST_PAGES):
        found, cursor, is_complete = operations.changes(mailbox, cursor)
        for kind, item_id in found:
            if kind == "delete":
                touched.pop(item_id.id, None)
                removed[item_id.id] = None
            elif kind in ("create", "update"):
                removed.pop(item_id.id, None)
                touched[item_id.id] = item_id
        if is_complete or not found:
            break
    return Changes(_read(mailbox, touched.values()), tuple(removed), cursor, is_complete, is_afresh)


def _order(event: RemoteEvent) -> tuple[datetime, str]:
    starts_at = event.starts_at
    if starts_at is None and event.first_day is not None:
        starts_at = datetime.combine(event.first_day, datetime.min.time(), UTC)
    return starts_at or datetime.min.replace(tzinfo=UTC), event.id
