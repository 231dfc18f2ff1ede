"""The event that an id names: a row, or an occurrence that follows from its series.

Ids are told apart by case. Either kind, ordinary or immutable, is taken whatever the request prefers to be shown:
both belong to the mailbox and nothing else is named by them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from integrations.simulator.graph import calendars, recurrence
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import refusals, rendering, storing
from integrations.simulator.graph.recurrence import Occurrence
from integrations.simulator.models import Calendar, Event

# What every id of Outlook looks like; nothing else could be one.
_FORM = re.compile(r"AA[MQk][A-Za-z0-9_\-=]{12,}")


@dataclass(frozen=True)
class Found:
    event: Event
    """A row; of an ordinary occurrence its series."""
    occurrence: Occurrence | None = None

    @property
    def row(self) -> Event:
        """As something to change: of an ordinary occurrence, the exception that it would be."""
        return storing.exception_of(self.event, self.occurrence.day) if self.occurrence else self.event

    @property
    def etag(self) -> str:
        return rendering.etag(self.event)


def find(asking: Asking, *ids: str, in_default: bool = False) -> Found:
    """`ids` are the calendar's, if the path names one, and the event's."""
    event_id = ids[-1]
    calendar = _calendar(asking, ids, in_default=in_default)
    if not _FORM.fullmatch(event_id):
        raise refusals.malformed_id()
    rows = _rows(asking, calendar)
    event = _named(rows, event_id)
    if event:
        if event.is_removed:
            raise refusals.no_such_item().because("This occurrence was cancelled.")
        return Found(event)
    split = recurrence.split_id(event_id)
    if split is None:
        raise refusals.no_such_item()
    return _occurrence(rows, *split)


def _calendar(asking: Asking, ids: Sequence[str], *, in_default: bool) -> Calendar | None:
    if len(ids) > 1:
        return calendars.by_id(asking, ids[0])
    return calendars.default_of(asking) if in_default else None


def _occurrence(rows: QuerySet[Event], master_id: str, day: date) -> Found:
    master = _named(rows.filter(kind=Event.Kind.MASTER), master_id)
    usual = recurrence.occurrence_on(recurrence.series_of(master), day) if master else None
    if master is None or usual is None:
        raise refusals.no_such_item()
    return Found(master, usual)


def _named(rows: QuerySet[Event], event_id: str) -> Event | None:
    # SQLite would use neither index for both at once.
    return rows.filter(graph_id=event_id).first() or rows.filter(immutable_id=event_id).first()


def _rows(asking: Asking, calendar: Calendar | None) -> QuerySet[Event]:
    rows = Event.objects.select_related("calendar__person", "master__calendar")
    return rows.filter(calendar=calendar) if calendar else rows.filter(calendar__person=asking.person)
