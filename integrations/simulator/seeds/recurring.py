"""A seed's series in Graph's words (patternedRecurrence)."""

from __future__ import annotations

from datetime import date
from typing import Any

from integrations.simulator.graph import recurrence
from integrations.simulator.seeds.entries import on
from integrations.simulator.seeds.seed import BadSeed, Meeting, Repeats

NO_DATE = "0001-01-01"
NO_END: dict[str, Any] = {"type": "noEnd", "endDate": NO_DATE, "numberOfOccurrences": 0}


def of(meeting: Meeting, first: date, *, planted_on: date) -> tuple[dict[str, Any], date]:
    """The recurrence, and the day on which it begins: the first one from `first` on that fits the pattern."""
    pattern = _pattern(meeting.repeats, first) if meeting.repeats else _weekly(meeting)
    if meeting.parity is not None:
        first = date.fromordinal(first.toordinal() + _days_to_parity(first, meeting.parity))
    begins = recurrence.first_occurrence_day(pattern, first)
    if begins is None:
        raise BadSeed(f"The entry “{meeting.slug}” repeats on a day that never comes.")
    bounds = _bounds(meeting.repeats, planted_on) if meeting.repeats else NO_END
    if bounds["type"] == "endDate" and bounds["endDate"] < begins.isoformat():
        raise BadSeed(f"The entry “{meeting.slug}” repeats until a day before it begins.")
    return {
        "pattern": pattern,
        "range": {**bounds, "startDate": begins.isoformat(), "recurrenceTimeZone": meeting.zone},
    }, begins


def _weekly(meeting: Meeting) -> dict[str, Any]:
    """ISO weeks begin on Monday; every other one is as good as the even or the odd ones, within a year."""
    days = [recurrence.DAYS[day] for day in meeting.days]
    interval = 1 if meeting.parity is None else 2
    return _full("weekly", interval, daysOfWeek=days, firstDayOfWeek="monday")


def _pattern(repeats: Repeats, first: date) -> dict[str, Any]:
    days = [recurrence.DAYS[day] for day in repeats.days or (first.weekday(),)]
    if repeats.unit == "day":
        return _full("daily", repeats.every)
    if repeats.unit == "week":
        return _full("weekly", repeats.every, daysOfWeek=days, firstDayOfWeek="monday")
    kind = "Yearly" if repeats.unit == "year" else "Monthly"
    month = {"month": repeats.month or first.month} if repeats.unit == "year" else {}
    if repeats.which:
        return _full(f"relative{kind}", repeats.every, daysOfWeek=days, index=repeats.which, **month)
    return _full(f"absolute{kind}", repeats.every, dayOfMonth=repeats.day_of_month or first.day, **month)


def _full(kind: str, interval: int, **fields: Any) -> dict[str, Any]:
    """With all the members that Graph writes, whether the type has a use for them or not."""
    empty: dict[str, Any] = {"month": 0, "dayOfMonth": 0, "firstDayOfWeek": "sunday", "index": "first"}
    return {"type": kind, "interval": interval, **empty, **fields}


def _bounds(repeats: Repeats, planted_on: date) -> dict[str, Any]:
    if repeats.times:
        return {"type": "numbered", "endDate": NO_DATE, "numberOfOccurrences": repeats.times}
    if repeats.until:
        last = on(repeats.until, planted_on).isoformat()
        return {"type": "endDate", "endDate": last, "numberOfOccurrences": 0}
    return NO_END


def _days_to_parity(first: date, parity: int) -> int:
    """From `first` to the Monday of the next week of this parity; 0 within such a week."""
    return 0 if first.isocalendar().week % 2 == parity else 7 - first.weekday()
