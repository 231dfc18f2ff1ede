"""The occurrences of a series, from Graph's patternedRecurrence. Pure; `events/patterns.py` says what is well formed.

Times are kept local: a series at nine stays at nine when the clocks change. A time that the clocks skip is taken as
if they had not yet; of a time that comes twice, the first. A day that a month lacks is its last.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from dateutil import rrule

from integrations.simulator.graph import zones

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES: Mapping[str, int] = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_FREQUENCIES = {
    "daily": rrule.DAILY,
    "weekly": rrule.WEEKLY,
    "absoluteMonthly": rrule.MONTHLY,
    "relativeMonthly": rrule.MONTHLY,
    "absoluteYearly": rrule.YEARLY,
    "relativeYearly": rrule.YEARLY,
}
_DAY = timedelta(days=1)
# After so many occurrences any pattern has shown its shortest gap: four years of months, eight weeks of all days.
_ALL_GAPS = 60
# Outlook's calendars end here.
LAST_DAY = date(4500, 12, 31)
# Between a master's id and the day: what makes it the id of an occurrence.
_MARK = "FRAAg"


@dataclass(frozen=True)
class Series:
    recurrence: Mapping[str, Any]
    starts_at: datetime
    """Of the first occurrence, as `ends_at` is."""
    ends_at: datetime
    zone: ZoneInfo
    is_all_day: bool = False

    @property
    def pattern(self) -> Mapping[str, Any]:
        pattern: Mapping[str, Any] = self.recurrence["pattern"]
        return pattern

    @property
    def range(self) -> Mapping[str, Any]:
        bounds: Mapping[str, Any] = self.recurrence["range"]
        return bounds

    @property
    def clock(self) -> ZoneInfo:
        """In which days begin and end. All-day events float, which is kept as UTC."""
        return ZoneInfo("UTC") if self.is_all_day else self.zone

    @cached_property
    def local(self) -> tuple[datetime, datetime]:
        """Start and end by the clock on the wall."""
        starts, ends = (at.astimezone(self.clock) for at in (self.starts_at, self.ends_at))
        return starts.replace(tzinfo=None, fold=0), ends.replace(tzinfo=None, fold=0)

    @property
    def first_day(self) -> date:
        return self.local[0].date()


@dataclass(frozen=True)
class Occurrence:
    day: date
    """The local date on which the series has it: what tells it from its siblings."""
    starts_at: datetime
    ends_at: datetime


class Kept(Protocol):
    """A master, or an older version of one, as it is stored."""

    recurrence: Any
    starts_at: Any
    ends_at: Any
    time_zone: Any
    is_all_day: Any


def series_of(row: Kept) -> Series:
    name = row.recurrence["range"].get("recurrenceTimeZone") or row.time_zone
    zone = zones.find(name) or zones.find(row.time_zone) or ZoneInfo("UTC")
    return Series(row.recurrence, row.starts_at, row.ends_at, zone, row.is_all_day)


def occurrences(series: Series, first: datetime, last: datetime) -> Iterator[Occurrence]:
    """Those that touch the window, in order. What meets it only at an edge is outside, unless it has no length."""
    earliest = _date(series, first, -_length(series) - 2 * _DAY)
    latest = _date(series, last, _DAY)
    for day in days(series, earliest, latest):
        one = _on(series, day)
        if touches(one.starts_at, one.ends_at, first, last):
            yield one


def touches(starts_at: datetime, ends_at: datetime, first: datetime, last: datetime) -> bool:
    if starts_at == ends_at:
        return first <= starts_at < last
    return starts_at < last and ends_at > first


def occurrence_on(series: Series, day: date) -> Occurrence | None:
    """The one that the series has on that day, if it has one."""
    return next((_on(series, one) for one in days(series, day, day)), None)


def days(series: Series, earliest: date, latest: date) -> Iterator[date]:
    """Local dates of occurrences, in order, both bounds included."""
    end = last_day(series)
    latest = min(latest, LAST_DAY, end or LAST_DAY)
    earliest = max(earliest, series.first_day)
    if earliest > latest:
        return
    for at in _rule(_text(series.pattern), series.first_day, earliest):
        if at.date() > latest:
            return
        if at.date() >= earliest:
            yield at.date()


def neighbours(series: Series, day: date) -> tuple[date | None, date | None]:
    """The days of the occurrences before and after that one."""
    before = list(days(series, day - _reach(series.pattern), day - _DAY))
    after = next(days(series, day + _DAY, _forward(day, _reach(series.pattern))), None)
    return (before[-1] if before else None), after


def last_day(series: Series) -> date | None:
    """Of the last occurrence; None for a series without end."""
    bounds = series.range
    if bounds["type"] == "noEnd":
        return None
    if bounds["type"] == "numbered":
        return _nth_day(_text(series.pattern), series.first_day, bounds["numberOfOccurrences"])
    return _last_until(_text(series.pattern), series.first_day, date.fromisoformat(bounds["endDate"]))


def last_end(series: Series) -> datetime | None:
    day = last_day(series)
    return _on(series, day).ends_at if day else None


def has_occurrences(series: Series) -> bool:
    """A range can end before the pattern has its first day."""
    return next(days(series, series.first_day, _forward(series.first_day, _reach(series.pattern))), None) is not None


def overlaps(series: Series) -> bool:
    """Whether an occurrence lasts, by the clock on the wall, into the next."""
    starts, ends = series.local
    if ends - starts <= _DAY:
        return False
    found = islice(days(series, series.first_day, LAST_DAY), _ALL_GAPS)
    return any(after - before < ends - starts for before, after in pairwise(found))


def first_occurrence_day(pattern: Mapping[str, Any], start: date) -> date | None:
    """The first day from `start` on that fits the pattern."""
    return next((at.date() for at in _rule(_text(pattern), start, start)), None)


def occurrence_id(master_id: str, day: date) -> str:
    return f"{master_id}{_MARK}{base64.urlsafe_b64encode(day.toordinal().to_bytes(3)).decode()}"


def split_id(event_id: str) -> tuple[str, date] | None:
    """The master's id and the day, if this has the form of an occurrence's id."""
    master_id, mark, encoded = event_id[:-9], event_id[-9:-4], event_id[-4:]
    if mark != _MARK or not master_id:
        return None
    try:
        return master_id, date.fromordinal(int.from_bytes(base64.b64decode(encoded, altchars=b"-_", validate=True)))
    except ValueError:
        return None


def _on(series: Series, day: date) -> Occurrence:
    if day == series.first_day:
        return Occurrence(day, series.starts_at, series.ends_at)
    starts, ends = series.local
    shift = day - starts.date()
    length = series.ends_at - series.starts_at
    clock = series.clock
    starts_at = (starts + shift).replace(tzinfo=clock).astimezone(UTC)
    ends_at = (ends + shift).replace(tzinfo=clock).astimezone(UTC)
    # Where the clocks change within it, local times can come out backward or at once; then its length counts.
    is_odd = ends < starts or ends_at < starts_at + min(length, timedelta(microseconds=1))
    return Occurrence(day, starts_at, starts_at + length if is_odd else ends_at)


def _length(series: Series) -> timedelta:
    return series.ends_at - series.starts_at


def _date(series: Series, at: datetime, shift: timedelta) -> date:
    try:
        return (at.astimezone(series.clock) + shift).date()
    except OverflowError:
        return date.min if shift < timedelta() else date.max


def _forward(day: date, by: timedelta) -> date:
    return day + by if date.max - day > by else date.max


def _reach(pattern: Mapping[str, Any]) -> timedelta:
    """Longer than the longest gap between two occurrences."""
    unit = {rrule.DAILY: 1, rrule.WEEKLY: 7, rrule.MONTHLY: 31, rrule.YEARLY: 366}[_FREQUENCIES[pattern["type"]]]
    return timedelta(days=unit * (pattern["interval"] + 1) + 31)


def _text(pattern: Mapping[str, Any]) -> str:
    return json.dumps(pattern, sort_keys=True)


@lru_cache(maxsize=1024)
def _nth_day(pattern: str, start: date, count: int) -> date | None:
    return next((at.date() for at in islice(_rule(pattern, start, start), count - 1, None)), None)


@lru_cache(maxsize=1024)
def _last_until(pattern: str, start: date, until: date) -> date:
    """The last day that fits; the day before the start where none does."""
    reach = _reach(json.loads(pattern))
    near = max(start, until - reach) if until - date.min > reach else start
    found = start - _DAY if start > date.min else start
    for at in _rule(pattern, start, near):
        if at.date() > until:
            break
        found = at.date()
    return found


def _rule(pattern: str, start: date, near: date) -> rrule.rrule:
    """Everything from shortly before `near` on; the years before are not walked through one by one."""
    asked = json.loads(pattern)
    frequency = _FREQUENCIES[asked["type"]]
    return rrule.rrule(
        frequency,
        dtstart=datetime.combine(_jump(frequency, asked["interval"], start, near), time()),
        interval=asked["interval"],
        **_details(asked),
    )


def _details(pattern: Mapping[str, Any]) -> dict[str, Any]:
    kind = pattern["type"]
    if kind == "daily":
        return {}
    if kind == "weekly":
        return {"byweekday": _weekdays(pattern), "wkst": DAYS.index(pattern["firstDayOfWeek"])}
    month = {"bymonth": pattern["month"]} if kind.endswith("Yearly") else {}
    if kind.startswith("absolute"):
        day = pattern["dayOfMonth"]
        # The last of these that the month has.
        return {**month, "bymonthday": [*range(min(day, 28), day + 1)], "bysetpos": -1}
    return {**month, "byweekday": _weekdays(pattern), "bysetpos": INDEXES[pattern["index"]]}


def _weekdays(pattern: Mapping[str, Any]) -> list[int]:
    return [DAYS.index(name) for name in pattern["daysOfWeek"]]


def _jump(frequency: int, interval: int, start: date, near: date) -> date:
    """A date in step with the start, at least one period before `near`."""
    if frequency in (rrule.DAILY, rrule.WEEKLY):
        period = interval * (7 if frequency == rrule.WEEKLY else 1)
        return start + timedelta(days=max((near - start).days // period - 1, 0) * period)
    period = interval * (12 if frequency == rrule.YEARLY else 1)
    months = (near.year - start.year) * 12 + near.month - start.month
    skipped = max(months // period - 1, 0) * period
    if not skipped:
        return start
    year, month = divmod(start.year * 12 + start.month - 1 + skipped, 12)
    return date(year, 1 if frequency == rrule.YEARLY else month + 1, 1)
