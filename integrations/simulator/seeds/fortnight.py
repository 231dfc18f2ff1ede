"""The seed's calendar, laid out on days: the same entry on the same day is always the same event.

Series are laid down once, without end. What happens anew every day is carried on, day by day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from integrations.simulator.graph import changes
from integrations.simulator.models import Calendar, Event
from integrations.simulator.seeds import laying
from integrations.simulator.seeds.entries import on
from integrations.simulator.seeds.laying import Mailbox
from integrations.simulator.seeds.seed import Meeting

BEFORE = timedelta(days=7)
AHEAD = timedelta(days=28)
FIRST_CHANGE = 1


@dataclass(frozen=True)
class Shelf:
    """A person's calendars: the default one, which remembers how far it is filled, and others by name."""

    address: str
    default: Calendar
    others: Mapping[str, Calendar]


def fill(shelves: Iterable[Shelf], meetings: Sequence[Meeting], *, now: datetime) -> int:
    """Carry every calendar on to four weeks ahead, and lay down what is going on today.

    Days that were filled before are left alone, whatever somebody did to their events since.
    """
    added = 0
    for shelf in shelves:
        mine = [meeting for meeting in meetings if laying.has_copy(meeting, shelf.address)]
        with transaction.atomic():
            added += _fill_one(shelf, mine, now=now)
    return added


def _fill_one(shelf: Shelf, meetings: Sequence[Meeting], *, now: datetime) -> int:
    calendar = shelf.default
    today = now.astimezone(ZoneInfo(calendar.person.time_zone)).date()
    last = today + AHEAD
    is_first = calendar.filled_until is None
    first = today - BEFORE
    if calendar.filled_until is not None:
        first = max(first, calendar.filled_until + timedelta(days=1))
    wanted = [(one, day) for one in meetings for day in _days(one, first, last)]
    if calendar.today_filled_on != today:
        wanted += [(one, today) for one in meetings if one.is_today]
    added = _lay_first(shelf, meetings, today, now=now) if is_first else 0
    added += _lay(shelf, wanted, is_first=is_first, now=now)
    calendar.filled_until, calendar.today_filled_on = max(last, calendar.filled_until or last), today
    calendar.save(update_fields=["filled_until", "today_filled_on"])
    return added


def _lay_first(shelf: Shelf, meetings: Sequence[Meeting], today: date, *, now: datetime) -> int:
    """What is laid down once: series with their exceptions, and entries with a date of their own."""
    events: list[Event] = []
    for meeting in meetings:
        mailbox = _mailbox(shelf, meeting, FIRST_CHANGE, now=now)
        if mailbox is None:
            continue
        begins = on(meeting.day, today) if meeting.day else today - BEFORE
        if meeting.is_series or meeting.repeats:
            master = laying.series(meeting, mailbox, begins, planted_on=today)
            master.save()
            events += laying.exceptions(meeting, mailbox, master, planted_on=today)
        elif meeting.day:
            events.append(laying.single(meeting, mailbox, begins))
    return len(Event.objects.bulk_create(events))


def _lay(shelf: Shelf, wanted: Sequence[tuple[Meeting, date]], *, is_first: bool, now: datetime) -> int:
    """On the first day all is there from the beginning; later, what appears is a change that clients hear of."""
    events = list(_missing(shelf, wanted, now=now))
    if not events:
        return 0
    if not is_first:
        numbers = {one.calendar_id: changes.take(one.calendar) for one in events}
        for event in events:
            event.change_number = numbers[event.calendar_id]
    Event.objects.bulk_create(events)
    if not is_first:
        for event in events:
            changes.tell("created", event)
    return len(events)


def _missing(shelf: Shelf, wanted: Sequence[tuple[Meeting, date]], *, now: datetime) -> Iterator[Event]:
    copies = []
    for meeting, day in wanted:
        if mailbox := _mailbox(shelf, meeting, FIRST_CHANGE, now=now):
            copies.append(laying.single(meeting, mailbox, day))
    there = Event.objects.filter(graph_id__in=[one.graph_id for one in copies])
    known = set(there.values_list("graph_id", flat=True))
    return (one for one in copies if one.graph_id not in known)


def _mailbox(shelf: Shelf, meeting: Meeting, number: int, *, now: datetime) -> Mailbox | None:
    """The organiser's copy goes where the entry says, if that calendar is still there; all others in the default."""
    calendar: Calendar | None = shelf.default
    if meeting.calendar and meeting.organizer.address == shelf.address:
        calendar = shelf.others.get(meeting.calendar)
    return Mailbox(shelf.address, calendar, number, now) if calendar else None


def _days(meeting: Meeting, first: date, last: date) -> Iterator[date]:
    """Of what happens anew every day; a series is laid down once."""
    if meeting.is_series:
        return
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if day.weekday() in meeting.days and meeting.parity in (None, day.isocalendar().week % 2):
            yield day
