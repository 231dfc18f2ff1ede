"""The seed's calendar, laid out on days: the same entry on the same day is always the same event."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from integrations.simulator.models import Calendar, Event
from integrations.simulator.seeds.reading import Attendee, Meeting

BEFORE = timedelta(days=7)
AHEAD = timedelta(days=28)


def fill(calendars: Mapping[str, Calendar], meetings: Sequence[Meeting], *, now: datetime) -> int:
    """Carry every calendar on to four weeks ahead, and lay down what is going on today.

    Days that were filled before are left alone, whatever somebody did to their events since.
    """
    added = 0
    for address, calendar in calendars.items():
        with transaction.atomic():
            added += _fill_one(address, calendar, meetings, now=now)
    return added


def graph_id(*parts: object) -> str:
    """As long and as opaque as Outlook's, and the same every time."""
    seed = "|".join(str(part) for part in parts).encode()
    raw = hashlib.sha512(seed).digest() + hashlib.sha512(seed + b"+").digest()[:47]
    return "AAMkAD" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def change_key(*parts: object) -> str:
    return base64.b64encode(hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()[:22]).decode()


def _fill_one(address: str, calendar: Calendar, meetings: Sequence[Meeting], *, now: datetime) -> int:
    today = now.astimezone(ZoneInfo(calendar.person.time_zone)).date()
    first = today - BEFORE
    if calendar.filled_until is not None:
        first = max(first, calendar.filled_until + timedelta(days=1))
    last = today + AHEAD
    mine = [meeting for meeting in meetings if _has_copy(meeting, address)]
    events = [event for one in mine for event in _on_days(one, address, calendar, [*_days(one, first, last)], now=now)]
    if calendar.today_filled_on != today:
        events += [
            event for one in mine if one.is_today for event in _on_days(one, address, calendar, [today], now=now)
        ]
    Event.objects.bulk_create(events, ignore_conflicts=True)
    calendar.filled_until, calendar.today_filled_on = max(last, calendar.filled_until or last), today
    calendar.save(update_fields=["filled_until", "today_filled_on"])
    return len(events)


def _has_copy(meeting: Meeting, address: str) -> bool:
    """Outlook takes a declined meeting out of the calendar, and a cancelled one out of its organiser's."""
    if meeting.organizer.address == address:
        return not meeting.details.get("cancelled")
    return any(one.address == address and one.response != "declined" for one in meeting.attendees)


def _days(meeting: Meeting, first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if day.weekday() in meeting.days and meeting.parity in (None, day.isocalendar().week % 2):
            yield day


def _on_days(
    meeting: Meeting, address: str, calendar: Calendar, days: Sequence[date], *, now: datetime
) -> Iterator[Event]:
    for day in days:
        yield _event(meeting, address, calendar, day, now=now)


def _event(meeting: Meeting, address: str, calendar: Calendar, day: date, *, now: datetime) -> Event:
    starts, ends = _times(meeting, day, now=now)
    return Event(
        graph_id=graph_id(calendar.graph_id, meeting.slug, day),
        immutable_id=graph_id("immutable", calendar.graph_id, meeting.slug, day),
        change_number=1,
        ical_uid=_ical_uid(meeting.slug, day),
        uid=_ical_uid(meeting.slug, day),
        change_key=change_key(calendar.graph_id, meeting.slug, day),
        **_content(meeting, address, calendar, starts, ends, now=now),
    )


def _content(
    meeting: Meeting, address: str, calendar: Calendar, starts: datetime, ends: datetime, *, now: datetime
) -> dict[str, Any]:
    details = meeting.details
    is_cancelled = bool(details.get("cancelled"))
    return {
        "calendar": calendar,
        "subject": f"Canceled: {meeting.subject}" if is_cancelled else meeting.subject,
        "body": f"<html><body><p>{details['body']}</p></body></html>" if details.get("body") else "",
        "starts_at": starts,
        "ends_at": ends,
        "lasts_until": ends,
        "time_zone": meeting.zone,
        "is_all_day": meeting.whole_days > 0,
        "is_cancelled": is_cancelled,
        "locations": [{"displayName": details["location"]}] if details.get("location") else [],
        "show_as": "free" if is_cancelled else details.get("show_as", _show_as(meeting, address)),
        "sensitivity": details.get("sensitivity", "normal"),
        "importance": details.get("importance", "normal"),
        "categories": details.get("categories", []),
        "online_meeting_url": details.get("online"),
        "response": _response(meeting, address),
        "organizer_name": meeting.organizer.name,
        "organizer_address": meeting.organizer.address,
        "attendees": [_attendee(one) for one in meeting.attendees],
        "created_at": now - timedelta(days=30),
        "modified_at": now - timedelta(days=2),
    }


def _times(meeting: Meeting, day: date, *, now: datetime) -> tuple[datetime, datetime]:
    if meeting.whole_days:
        midnight = datetime.combine(day, time(), UTC)
        return midnight, midnight + timedelta(days=meeting.whole_days)
    if meeting.is_today:
        starts = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
        starts += timedelta(minutes=meeting.from_now)
    else:
        starts = datetime.combine(day, meeting.starts or time(9), ZoneInfo(meeting.zone)).astimezone(UTC)
    return starts, starts + timedelta(minutes=meeting.minutes)


def _response(meeting: Meeting, address: str) -> str:
    if meeting.organizer.address == address:
        return "organizer"
    return next(one.response for one in meeting.attendees if one.address == address)


def _show_as(meeting: Meeting, address: str) -> str:
    is_open = _response(meeting, address) in ("tentativelyAccepted", "notResponded", "none")
    return "tentative" if is_open else "busy"


def _attendee(one: Attendee) -> dict[str, str]:
    return {"name": one.name, "address": one.address, "type": "required", "response": one.response}


def _ical_uid(slug: str, day: object) -> str:
    """Shared by all copies of a meeting; different for each occurrence."""
    return "040000008200E00074C5B7101A82E008" + hashlib.sha256(f"{slug}|{day}".encode()).hexdigest().upper()
