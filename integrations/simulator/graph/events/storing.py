"""The rows of events: each write leaves a change number, a new change key, the kept document and word of it.

`writing` and `meetings` decide what is written; all of it happens inside their transaction.
"""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any

from integrations.simulator.graph import changes, recurrence
from integrations.simulator.graph.events import refusals, rendering
from integrations.simulator.models import Calendar, Event

# What a meeting is for everybody in it; the rest (showAs, categories, reminder …) is each mailbox's own.
CONTENT = (
    "subject", "body", "starts_at", "ends_at", "time_zone", "end_time_zone", "is_all_day", "locations", "importance",
    "sensitivity", "recurrence", "online_meeting_url", "is_response_requested", "allows_new_times",
    "hides_attendees", "organizer_name", "organizer_address", "is_cancelled",
)  # fmt: skip
OWN = ("show_as", "categories", "reminder_minutes", "is_reminder_on", "response", "responded_at")
# Another of these is another time. The zone's name is not: the moment is the same, and a series has its own zone.
TIMES = ("starts_at", "ends_at", "is_all_day", "recurrence")
UID_PREFIX = "040000008200E00074C5B7101A82E008"


def new_id() -> str:
    return "AAMkAD" + secrets.token_urlsafe(108)


def new_immutable_id() -> str:
    return "AAkALg" + secrets.token_urlsafe(90)


def new_uid() -> str:
    """Room is left for the day of an occurrence."""
    return f"{UID_PREFIX}00000000{secrets.token_hex(28).upper()}"


def new_change_key() -> str:
    return base64.b64encode(secrets.token_bytes(22)).decode()


def insert(event: Event, *, now: datetime, change: str = "created") -> None:
    _save(event, now=now)
    changes.tell(change, event)


def update(event: Event, *, now: datetime, before: Event | None = None, change: str = "updated") -> None:
    """`before` is a series whose times were others: delta must know which occurrences are no more."""
    _save(event, now=now)
    if before is not None:
        changes.keep_version(before, event.change_number)
    changes.tell(change, event)


def put(event: Event, *, now: datetime, before: Event | None = None) -> None:
    if event.pk:
        update(event, now=now, before=before)
    else:
        insert(event, now=now, change="updated" if event.kind == Event.Kind.EXCEPTION else "created")


def erase(event: Event) -> None:
    changes.bury(event, changes.take(event.calendar))
    changes.tell("deleted", event)
    event.delete()


def take_out(exception: Event, *, now: datetime) -> None:
    """A cancelled occurrence: the row stays and says that there is nothing."""
    exception.is_removed = True
    _save(exception, now=now)
    changes.tell("deleted", exception)


def drop_exceptions(master: Event) -> None:
    """They go when their series gets other times: its occurrences are others then, even where ids come again."""
    for exception in master.exceptions.filter(is_removed=False).select_related("calendar"):
        changes.bury(exception, changes.take(master.calendar))
    master.exceptions.all().delete()


def exception_of(master: Event, day: date) -> Event:
    """The row of that occurrence, or one that could be; refused where the series has none then."""
    kept = master.exceptions.filter(original_date=day).select_related("calendar__person", "master").first()
    if kept:
        return kept
    usual = recurrence.occurrence_on(recurrence.series_of(master), day)
    if usual is None:
        raise refusals.no_such_item()
    fields = {name: getattr(master, name) for name in (*CONTENT, *OWN)} | {"recurrence": None}
    fields |= {"starts_at": usual.starts_at, "ends_at": usual.ends_at, "lasts_until": usual.ends_at}
    return Event(
        calendar=master.calendar,
        graph_id=recurrence.occurrence_id(master.graph_id, day),
        immutable_id=recurrence.occurrence_id(master.immutable_id, day),
        kind=Event.Kind.EXCEPTION,
        master=master,
        original_date=day,
        uid=master.uid,
        ical_uid=rendering.occurrence_uid(master.ical_uid, day),
        attendees=master.attendees,
        extended=master.extended,
        created_at=master.created_at,
        **fields,
    )


def blank(calendar: Calendar, fields: dict[str, Any], *, now: datetime, uid: str = "") -> Event:
    """A new row with ids of its own, not saved yet."""
    uid = uid or new_uid()
    given = {"uid": uid, "ical_uid": uid, **fields}
    return Event(
        calendar=calendar, graph_id=new_id(), immutable_id=new_immutable_id(), created_at=now, modified_at=now, **given
    )


def settle(event: Event) -> None:
    """What follows from the rest: the kind, the first occurrence, and when it is all over."""
    if event.kind == Event.Kind.EXCEPTION or event.recurrence is None:
        event.kind = Event.Kind.EXCEPTION if event.kind == Event.Kind.EXCEPTION else Event.Kind.SINGLE
        event.lasts_until = event.ends_at
        return
    event.kind = Event.Kind.MASTER
    _begin_with_first_occurrence(event)
    event.lasts_until = recurrence.last_end(recurrence.series_of(event))


def _begin_with_first_occurrence(event: Event) -> None:
    """A series whose start does not fit its pattern begins with the first day that does, as in Outlook."""
    series = recurrence.series_of(event)
    first = recurrence.first_occurrence_day(series.pattern, series.first_day)
    if first is None:
        raise refusals.no_occurrences()
    if first != series.first_day:
        event.starts_at, event.ends_at = _moved(series, first - series.first_day)
    zone = series.range.get("recurrenceTimeZone") or event.time_zone
    bounds = {**series.range, "startDate": first.isoformat(), "recurrenceTimeZone": zone}
    event.recurrence = {"pattern": series.pattern, "range": bounds}
    settled = recurrence.series_of(event)
    if not recurrence.has_occurrences(settled):
        raise refusals.no_occurrences()
    if recurrence.overlaps(settled):
        raise refusals.occurrences_overlap()


def _moved(series: recurrence.Series, by: timedelta) -> tuple[datetime, datetime]:
    """In local time, whatever the clocks do in between."""
    starts, ends = (at.astimezone(series.clock) + by for at in (series.starts_at, series.ends_at))
    return starts.astimezone(UTC), ends.astimezone(UTC)


def _save(event: Event, *, now: datetime) -> None:
    event.change_number = changes.take(event.calendar)
    event.change_key = new_change_key()
    event.modified_at = now
    event.document = "" if event.is_removed else rendering.document(event)
    event.save()
    if event.master_id is not None:
        _touch_series(event.master_id, event)


def _touch_series(number: int, exception: Event) -> None:
    """Exchange keeps exceptions within their series: another exception is another series to whoever reads it."""
    master = Event.objects.select_related("calendar__person").get(pk=number)
    master.change_number, master.change_key = exception.change_number, exception.change_key
    master.modified_at = exception.modified_at
    master.document = rendering.document(master)
    master.save(update_fields=["change_number", "change_key", "modified_at", "document"])
