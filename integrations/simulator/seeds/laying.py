"""What an entry of the seed's calendar becomes in one person's mailbox: rows, not yet saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulator.graph import recurrence, zones
from integrations.simulator.graph.events import rendering
from integrations.simulator.models import Calendar, Event
from integrations.simulator.seeds import ids, recurring
from integrations.simulator.seeds.entries import on
from integrations.simulator.seeds.seed import Attendee, BadSeed, Change, Meeting

MADE_BEFORE = timedelta(days=30)
CHANGED_BEFORE = timedelta(days=2)


@dataclass(frozen=True)
class Mailbox:
    """Whose copy it is, and where it goes."""

    address: str
    calendar: Calendar
    number: int
    """The change with which the rows appear."""
    now: datetime


def has_copy(meeting: Meeting, address: str) -> bool:
    """Outlook takes a declined meeting out of the calendar, and a cancelled one out of its organiser's."""
    if meeting.organizer.address == address:
        return not meeting.details.get("cancelled")
    return any(one.address == address and one.response != "declined" for one in meeting.attendees)


def single(meeting: Meeting, mailbox: Mailbox, day: date) -> Event:
    starts, ends = _times(meeting, day, now=mailbox.now)
    return _finished(_event(meeting, mailbox, str(day), starts, ends))


def series(meeting: Meeting, mailbox: Mailbox, first: date, *, planted_on: date) -> Event:
    pattern, begins = recurring.of(meeting, first, planted_on=planted_on)
    starts, ends = _times(meeting, begins, now=mailbox.now)
    event = _event(meeting, mailbox, "series", starts, ends)
    event.kind = Event.Kind.MASTER
    event.recurrence = pattern
    rows = recurrence.series_of(event)
    if recurrence.overlaps(rows):
        raise BadSeed(f"The entry “{meeting.slug}” overlaps itself: one occurrence lasts into the next.")
    event.lasts_until = recurrence.last_end(rows)
    return _finished(event)


def exceptions(meeting: Meeting, mailbox: Mailbox, master: Event, *, planted_on: date) -> Iterator[Event]:
    """`master` is saved already. Attendees have the organiser's changes in their copies."""
    rows = recurrence.series_of(master)
    for change in meeting.changes:
        after = on(change.day, planted_on)
        day = next(recurrence.days(rows, after, after + timedelta(days=366)), None)
        if day is None:
            raise BadSeed(
                f"The entry “{meeting.slug}” has no occurrence in the year after {after}, which `changes` names."
            )
        yield _finished(_exception(meeting, mailbox, master, day, change))


def _exception(meeting: Meeting, mailbox: Mailbox, master: Event, day: date, change: Change) -> Event:
    starts, ends = _times(meeting, day, now=mailbox.now, change=change)
    event = _event(meeting, mailbox, "series", starts, ends)
    event.graph_id = recurrence.occurrence_id(master.graph_id, day)
    event.immutable_id = recurrence.occurrence_id(master.immutable_id, day)
    event.ical_uid = rendering.occurrence_uid(master.ical_uid, day)
    event.change_key = ids.change_key(event.graph_id)
    event.kind = Event.Kind.EXCEPTION
    event.master = master
    event.original_date = day
    event.is_removed = change.is_removed
    event.subject = change.subject or event.subject
    event.locations = _locations(change.location) or event.locations
    return event


def _event(meeting: Meeting, mailbox: Mailbox, which: str, starts: datetime, ends: datetime) -> Event:
    own = (mailbox.calendar.graph_id, meeting.slug, which)
    return Event(
        calendar=mailbox.calendar,
        graph_id=ids.graph_id(*own),
        immutable_id=ids.graph_id("immutable", *own),
        uid=ids.ical_uid(meeting.slug, which),
        ical_uid=ids.ical_uid(meeting.slug, which),
        change_key=ids.change_key(*own),
        change_number=mailbox.number,
        starts_at=starts,
        ends_at=ends,
        lasts_until=ends,
        **_content(meeting),
        **_for_whom(meeting, mailbox),
    )


def _content(meeting: Meeting) -> dict[str, Any]:
    details = meeting.details
    is_cancelled = bool(details.get("cancelled"))
    return {
        "subject": f"Canceled: {meeting.subject}" if is_cancelled else meeting.subject,
        "body": f"<html><body><p>{details['body']}</p></body></html>" if details.get("body") else "",
        "time_zone": meeting.zone,
        "end_time_zone": meeting.zone,
        "is_all_day": meeting.whole_days > 0,
        "is_cancelled": is_cancelled,
        "locations": _locations(details.get("location")),
        "sensitivity": details.get("sensitivity", "normal"),
        "importance": details.get("importance", "normal"),
        "categories": details.get("categories", []),
        "online_meeting_url": details.get("online"),
        "reminder_minutes": details.get("reminder", 15),
        "is_reminder_on": "reminder" in details or not meeting.whole_days,
        "organizer_name": meeting.organizer.name,
        "organizer_address": meeting.organizer.address,
    }


def _for_whom(meeting: Meeting, mailbox: Mailbox) -> dict[str, Any]:
    changed = mailbox.now - CHANGED_BEFORE
    response = _response(meeting, mailbox.address)
    is_open = response in ("tentativelyAccepted", "notResponded", "none")
    shown = meeting.details.get("show_as", "tentative" if is_open else "busy")
    has_answered = response not in ("organizer", "notResponded", "none")
    return {
        "response": response,
        "responded_at": changed if has_answered else None,
        "show_as": "free" if meeting.details.get("cancelled") else shown,
        "attendees": [_attendee(one, changed) for one in meeting.attendees],
        "created_at": mailbox.now - MADE_BEFORE,
        "modified_at": changed,
    }


def _finished(event: Event) -> Event:
    event.document = rendering.document(event)
    return event


def _times(meeting: Meeting, day: date, *, now: datetime, change: Change | None = None) -> tuple[datetime, datetime]:
    if meeting.whole_days:
        midnight = datetime.combine(day, time(), UTC)
        return midnight, midnight + timedelta(days=meeting.whole_days)
    minutes = meeting.minutes if change is None or change.minutes is None else change.minutes
    if meeting.is_today:
        starts = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
        starts += timedelta(minutes=meeting.from_now)
    else:
        at = (change.starts if change else None) or meeting.starts or time(9)
        starts = datetime.combine(day, at, zones.find(meeting.zone) or ZoneInfo("UTC")).astimezone(UTC)
    return starts, starts + timedelta(minutes=minutes)


def _response(meeting: Meeting, address: str) -> str:
    if meeting.organizer.address == address:
        return "organizer"
    return next(one.response for one in meeting.attendees if one.address == address)


def _attendee(one: Attendee, answered: datetime) -> dict[str, Any]:
    has_answered = one.response not in ("notResponded", "none")
    at = f"{answered:%Y-%m-%dT%H:%M:%SZ}" if has_answered else "0001-01-01T00:00:00Z"
    return {"name": one.name, "address": one.address, "type": one.type, "response": one.response, "time": at}


def _locations(name: str | None) -> list[dict[str, Any]]:
    return [{"displayName": name}] if name else []
