"""An event's start and end as a client sends them: local time and the name of its zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulator.graph import errors, zones
from integrations.simulator.graph.events import refusals
from integrations.simulator.models import Event

_FORM = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)?)?", re.IGNORECASE)
# Outside of these, no arithmetic with zones is safe.
_FIRST, _LAST = 1601, 4500


@dataclass(frozen=True)
class Moment:
    local: datetime
    """In its zone, without saying so."""
    at: datetime
    zone_name: str


def read(body: Mapping[str, Any], event: Event | None) -> dict[str, Any]:
    """The columns of time, if anything is said of them; all-day events are kept from midnight to midnight UTC."""
    if not {"start", "end", "isAllDay"} & set(body):
        return {}
    is_all_day = body.get("isAllDay", event.is_all_day if event else False)
    if not isinstance(is_all_day, bool):
        raise refusals.unreadable("isAllDay")
    start, end = _moment(body, "start"), _moment(body, "end")
    if event is not None:
        start = start or _present(event.starts_at, event.time_zone, is_all_day=event.is_all_day)
        end = end or _present(event.ends_at, event.end_time_zone, is_all_day=event.is_all_day)
    if start is None or end is None:
        raise refusals.invalid("An event needs a start and an end.")
    times = _whole_days(start, end) if is_all_day else (start.at, end.at)
    if times[1] < times[0]:
        raise refusals.invalid("The event ends before it starts.")
    return {
        "starts_at": times[0],
        "ends_at": times[1],
        "time_zone": start.zone_name,
        "end_time_zone": end.zone_name,
        "is_all_day": is_all_day,
    }


def one(body: Mapping[str, Any], name: str) -> Moment:
    found = _moment(body, name)
    if found is None:
        raise refusals.invalid(f"The {name} is missing.")
    return found


def zone(name: str) -> ZoneInfo:
    found = zones.find(name)
    if found is None:
        raise errors.no_such_zone(name)
    return found


def _moment(body: Mapping[str, Any], name: str) -> Moment | None:
    if name not in body:
        return None
    given = body[name]
    if not isinstance(given, Mapping):
        raise refusals.invalid(f"The {name} is missing.") if given is None else refusals.unreadable(name)
    for member in given:
        if member not in ("dateTime", "timeZone") and "@odata" not in member:
            raise refusals.unknown_property(member, "dateTimeTimeZone")
    zone_name = given.get("timeZone") or "UTC"
    if not isinstance(zone_name, str) or len(zone_name) > 60:
        raise errors.no_such_zone(str(zone_name)[:60])
    return _in_zone(_parsed(given.get("dateTime"), name), zone_name)


def _parsed(text: object, name: str) -> datetime:
    if not isinstance(text, str):
        raise refusals.invalid(f"The {name} has no dateTime.") if text is None else refusals.unreadable("dateTime")
    if not _FORM.fullmatch(text.strip()):
        raise refusals.invalid(f"“{text[:40]}” is no time.")
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise refusals.invalid(f"“{text[:40]}” is no time.") from None
    if not _FIRST <= at.year <= _LAST:
        raise refusals.invalid("Outlook keeps the years from 1601 to 4500.")
    return at


def _in_zone(given: datetime, zone_name: str) -> Moment:
    """An offset, which Graph does not ask for, is believed."""
    clock = zone(zone_name)
    at = (given if given.tzinfo else given.replace(tzinfo=clock)).astimezone(UTC)
    local = given.astimezone(clock) if given.tzinfo else given
    return Moment(local.replace(tzinfo=None), at, zone_name)


def _present(at: datetime, zone_name: str, *, is_all_day: bool) -> Moment:
    if is_all_day:
        local = at.astimezone(UTC).replace(tzinfo=None)
        return Moment(local, local.replace(tzinfo=zone(zone_name)).astimezone(UTC), zone_name)
    return _in_zone(at, zone_name)


def _whole_days(start: Moment, end: Moment) -> tuple[datetime, datetime]:
    for moment, name in ((start, "Start"), (end, "End")):
        if moment.local.time() != time():
            raise refusals.cannot(f"The Event.{name} property for an all-day event needs to be set to midnight.")
    if zone(start.zone_name) != zone(end.zone_name):
        raise refusals.cannot("An all-day event starts and ends in the same time zone.")
    if end.local - start.local < timedelta(days=1):
        raise refusals.cannot("The duration of an event marked as All day must be at least 24 hours.")
    return start.local.replace(tzinfo=UTC), end.local.replace(tzinfo=UTC)
