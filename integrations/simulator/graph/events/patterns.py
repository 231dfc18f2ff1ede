"""Graph's patternedRecurrence as a client sends it: checked, and written out in full as Graph gives it back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from integrations.simulator.graph import errors, recurrence, zones
from integrations.simulator.graph.events import refusals, shapes

# What each type needs, besides its interval.
NEEDED: Mapping[str, Sequence[str]] = {
    "daily": (),
    "weekly": ("daysOfWeek",),
    "absoluteMonthly": ("dayOfMonth",),
    "relativeMonthly": ("daysOfWeek",),
    "absoluteYearly": ("dayOfMonth", "month"),
    "relativeYearly": ("daysOfWeek", "month"),
}
RANGES = ("endDate", "noEnd", "numbered")
MOST_INTERVAL = 999
MOST_OCCURRENCES = 999
_PATTERN = ("type", "interval", "month", "dayOfMonth", "daysOfWeek", "firstDayOfWeek", "index")
_RANGE = ("type", "startDate", "endDate", "recurrenceTimeZone", "numberOfOccurrences")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NO_DATE = "0001-01-01"


def read(given: object, *, starts_at: datetime, zone: str, is_all_day: bool) -> dict[str, Any]:
    """`zone` is the event's own, for a range that names none."""
    if not isinstance(given, Mapping):
        raise refusals.unreadable("recurrence")
    _only(given, ("pattern", "range"), "patternedRecurrence")
    pattern, bounds = given.get("pattern"), given.get("range")
    if not isinstance(pattern, Mapping) or not isinstance(bounds, Mapping):
        raise refusals.invalid("A recurrence has a pattern and a range.")
    read_range = _range(bounds, zone)
    _check_start(read_range, starts_at, is_all_day=is_all_day)
    return {"pattern": _pattern(pattern), "range": read_range}


def _pattern(given: Mapping[str, Any]) -> dict[str, Any]:
    _only(given, _PATTERN, "recurrencePattern")
    kind = _one_of(given, "type", tuple(NEEDED), "recurrencePatternType")
    for name in NEEDED[kind]:
        if not given.get(name):
            raise refusals.invalid(f"A pattern of type {kind} needs {name}.")
    _check_others(given, kind)
    named = {
        "month": _whole(given, "month", 0, 12) if "month" in NEEDED[kind] else 0,
        "dayOfMonth": _whole(given, "dayOfMonth", 0, 31) if "dayOfMonth" in NEEDED[kind] else 0,
    }
    days = {"daysOfWeek": _days(given["daysOfWeek"])} if "daysOfWeek" in NEEDED[kind] else {}
    return {
        "type": kind,
        "interval": _whole(given, "interval", 1, MOST_INTERVAL),
        **named,
        **days,
        "firstDayOfWeek": _one_of(given, "firstDayOfWeek", recurrence.DAYS, "dayOfWeek", usual="sunday"),
        "index": _one_of(given, "index", tuple(recurrence.INDEXES), "weekIndex", usual="first"),
    }


def _check_others(given: Mapping[str, Any], kind: str) -> None:
    """What the type does not need is ignored, but has to be readable."""
    others = {name: given[name] for name in _PATTERN if name not in NEEDED[kind] and given.get(name) is not None}
    for name in others.keys() & {"month", "dayOfMonth"}:
        _integer(others[name], name)
    _days(others.get("daysOfWeek", []))


def _range(given: Mapping[str, Any], event_zone: str) -> dict[str, Any]:
    _only(given, _RANGE, "recurrenceRange")
    kind = _one_of(given, "type", RANGES, "recurrenceRangeType")
    start = _date(given.get("startDate"), "startDate")
    end = _date(given.get("endDate"), "endDate") if kind == "endDate" else None
    if end and end < start:
        raise refusals.invalid("The range ends before it starts.")
    if kind != "endDate" and given.get("endDate") is not None:
        _date(given["endDate"], "endDate")
    if kind != "numbered" and given.get("numberOfOccurrences") is not None:
        _integer(given["numberOfOccurrences"], "numberOfOccurrences")
    zone = given.get("recurrenceTimeZone") or event_zone
    if not isinstance(zone, str) or zones.find(zone) is None:
        raise errors.no_such_zone(str(zone))
    return {
        "type": kind,
        "startDate": start.isoformat(),
        "endDate": end.isoformat() if end else _NO_DATE,
        "recurrenceTimeZone": zone,
        "numberOfOccurrences": (_whole(given, "numberOfOccurrences", 1, MOST_OCCURRENCES) if kind == "numbered" else 0),
    }


def _check_start(bounds: Mapping[str, Any], starts_at: datetime, *, is_all_day: bool) -> None:
    zone = zones.find("UTC" if is_all_day else bounds["recurrenceTimeZone"])
    if starts_at.astimezone(zone).date().isoformat() != bounds["startDate"]:
        raise refusals.invalid("The range must start on the day on which the event starts.")


def _days(given: object) -> list[str]:
    if not isinstance(given, list):
        raise refusals.unreadable("daysOfWeek")
    named = [shapes.enumerated(one, "daysOfWeek", recurrence.DAYS, "dayOfWeek") for one in given]
    return [*dict.fromkeys(named)]


def _one_of(
    given: Mapping[str, Any], name: str, values: Sequence[str], enumeration: str, *, usual: str | None = None
) -> str:
    value = given.get(name)
    if value is None:
        if usual is None:
            raise refusals.invalid(f"The {name} is missing.")
        return usual
    return shapes.enumerated(value, name, values, enumeration)


def _whole(given: Mapping[str, Any], name: str, least: int, most: int) -> int:
    if given.get(name) is None:
        raise refusals.invalid(f"The {name} is missing.")
    value = _integer(given[name], name)
    if not least <= value <= most:
        raise refusals.invalid(f"The {name} must be from {least} to {most}.")
    return value


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusals.unreadable(name)
    return value


def _date(value: object, name: str) -> date:
    if value is None:
        raise refusals.invalid(f"The {name} is missing.")
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise refusals.unreadable(name)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise refusals.unreadable(name) from None


def _only(given: Mapping[str, Any], known: Sequence[str], type_name: str) -> None:
    for name in given:
        if name not in known and "@odata" not in name:
            raise refusals.unknown_property(name, type_name)
