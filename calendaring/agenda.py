"""The coming two weeks, read live and stored nowhere.

Answers what the page shows: days with their entries, or the reason why there are none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts import outbound
from accounts.models import User
from calendaring.join_links import is_meeting
from integrations import opening
from integrations.contracts import CalendarError, RemoteEvent
from integrations.models import Connection, State

LENGTH = timedelta(days=14)
TOTAL = timedelta(seconds=5)


@dataclass(frozen=True)
class Entry:
    """One line of one day. `starts_at` and `ends_at` None: all day.

    What lasts over midnight is in each of its days: there it began before, goes on after, or both.
    """

    subject: str
    starts_at: datetime | None
    ends_at: datetime | None
    note: str
    is_meeting: bool
    is_over: bool
    is_now: bool
    is_cancelled: bool
    is_tentative: bool
    began_before: bool = False
    goes_on: bool = False


@dataclass(frozen=True)
class Day:
    date: date
    entries: list[Entry]


@dataclass(frozen=True)
class Agenda:
    """`state`: ready, pending (a worker fetches a token), connecting, not_connected, unusable (see the profile), or
    slow."""

    state: str
    days: list[Day]
    connection: Connection | None = None
    read_at: datetime | None = None


def connection_state(person: User, *, now: datetime) -> Agenda:
    """What is known without asking anybody outside. Two queries."""
    connection = opening.connection_of(person, now=now)
    if connection is None or connection.state == State.DISCONNECTED:
        return Agenda("not_connected", [])
    if not connection.is_alive:
        return Agenda("unusable", [], connection)
    return Agenda("connecting" if connection.state == State.CONNECTING else "pending", [], connection)


def read(person: User, *, zone: ZoneInfo, now: datetime) -> Agenda:
    """Ask the calendar, page after page, for at most five seconds altogether."""
    known = connection_state(person, now=now)
    if known.state != "pending" or known.connection is None:
        return known
    connection = known.connection
    first = now.astimezone(zone).date()
    start = datetime.combine(first, time.min, zone)
    end = datetime.combine(first + LENGTH, time.min, zone)
    try:
        calendar = opening.open_calendar(connection, now=now)
        with outbound.deadline(TOTAL):
            events = list(calendar.events_between(start, end))
    except opening.TokenPending:
        return known
    except opening.NotNow:
        return Agenda("slow", [], connection)
    except CalendarError as problem:
        return _after(problem, person, connection, now=now)
    opening.report_success(connection, now=now)
    days = arrange(events, zone=zone, first=first, last=first + LENGTH - timedelta(days=1), now=now)
    return Agenda("ready", days, connection, now)


def arrange(events: Iterable[RemoteEvent], *, zone: ZoneInfo, first: date, last: date, now: datetime) -> list[Day]:
    """Days from `first` to `last` that have something, each in order; what lasts several days is in each."""
    by_day: dict[date, list[tuple[tuple[bool, datetime | str, str], Entry]]] = defaultdict(list)
    for event in events:
        from_day, to_day = _span(event, zone)
        day = max(from_day, first)
        while day <= min(to_day, last):
            timed = event.starts_at is not None
            entry = _entry(event, zone=zone, now=now)
            entry = replace(entry, began_before=timed and day > from_day, goes_on=timed and day < to_day)
            by_day[day].append(((timed, event.starts_at or "", event.subject), entry))
            day += timedelta(days=1)
    return [Day(day, [entry for _, entry in sorted(by_day[day], key=lambda pair: pair[0])]) for day in sorted(by_day)]


def _span(event: RemoteEvent, zone: ZoneInfo) -> tuple[date, date]:
    if event.first_day and event.last_day:
        return event.first_day, event.last_day
    assert event.starts_at and event.ends_at, "an event has days or instants"  # noqa: S101
    # What ends at midnight does not reach into the day that begins there. Reckoned in UTC: where a day begins at
    # 01:00, because clocks go forward at midnight, a microsecond less on the wall is still the same day.
    last_instant = event.ends_at.astimezone(UTC) - timedelta(microseconds=1)
    first_day = event.starts_at.astimezone(zone).date()
    return first_day, max(first_day, last_instant.astimezone(zone).date())


def _entry(event: RemoteEvent, *, zone: ZoneInfo, now: datetime) -> Entry:
    starts_at, ends_at = event.starts_at, event.ends_at
    today = now.astimezone(zone).date()
    over = ends_at <= now if ends_at else bool(event.last_day and event.last_day < today)
    return Entry(
        subject=event.subject or "No title",
        starts_at=starts_at,
        ends_at=ends_at,
        note=_note(event),
        is_meeting=is_meeting(event, public_url=settings.PUBLIC_URL),
        is_over=over,
        is_now=bool(starts_at and ends_at and starts_at <= now < ends_at),
        is_cancelled=event.is_cancelled,
        is_tentative=event.is_tentative,
    )


def _note(event: RemoteEvent) -> str:
    people = f"{event.attendees + 1} people" if event.attendees else ""
    private = "private" if event.is_private else ""
    repeats = "repeats" if event.is_recurring else ""
    return " · ".join(part for part in (event.organizer, event.location, people, repeats, private) if part)


def _after(problem: CalendarError, person: User, connection: Connection, *, now: datetime) -> Agenda:
    """What the page shows once the failure is filed: passing trouble, or what the connection has become."""
    try:
        opening.report(connection, problem, now=now)
    except opening.TokenPending:
        return Agenda("pending", [], connection)
    known = connection_state(person, now=now)
    return Agenda("slow", [], known.connection) if known.state == "pending" else known
