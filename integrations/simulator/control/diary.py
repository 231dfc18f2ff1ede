"""What is in somebody's calendar, with the ordinary occurrences of series, for the trainer to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.db.models import Q

from integrations.simulator.graph import recurrence, zones
from integrations.simulator.models import Event, Person

MOST = 200


@dataclass(frozen=True)
class Entry:
    graph_id: str
    subject: str
    starts_at: datetime
    ends_at: datetime
    is_all_day: bool
    kind: str
    """singleInstance, exception or occurrence"""
    is_cancelled: bool
    organizer: str


def entries(person: Person, first: datetime, last: datetime) -> Sequence[Entry]:
    """Of all their calendars, those that touch the window, in order; at most 200."""
    events = Event.objects.filter(calendar__person=person)
    singles = (
        _entry(event)
        for event in events.exclude(kind=Event.Kind.MASTER).filter(
            is_removed=False, starts_at__lt=last, ends_at__gt=first
        )
    )
    masters = events.filter(Q(lasts_until=None) | Q(lasts_until__gt=first), kind=Event.Kind.MASTER, starts_at__lt=last)
    found = [*islice(singles, 5 * MOST)]
    for master in masters.prefetch_related("exceptions"):
        found += islice(_ordinary(master, first, last), MOST)
    return sorted(found, key=lambda entry: (entry.starts_at, entry.subject))[:MOST]


def zone_of(person: Person) -> ZoneInfo:
    return zones.find(person.time_zone) or ZoneInfo("UTC")


def _ordinary(master: Event, first: datetime, last: datetime) -> Iterator[Entry]:
    apart = {exception.original_date for exception in master.exceptions.all()}
    for one in recurrence.occurrences(recurrence.series_of(master), first, last):
        if one.day not in apart:
            graph_id = recurrence.occurrence_id(master.graph_id, one.day)
            yield _entry(master, graph_id, one.starts_at, one.ends_at, "occurrence")


def _entry(
    event: Event,
    graph_id: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    kind: str = "",
) -> Entry:
    return Entry(
        graph_id=graph_id or event.graph_id,
        subject=event.subject,
        starts_at=starts_at or event.starts_at,
        ends_at=ends_at or event.ends_at,
        is_all_day=event.is_all_day,
        kind=kind or event.kind,
        is_cancelled=event.is_cancelled,
        organizer=event.organizer_name,
    )
