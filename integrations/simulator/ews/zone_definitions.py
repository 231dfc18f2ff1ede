"""Time zones written out: their offsets, and the days on which the clocks change. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from integrations.simulator.ews.elements import el, group
from integrations.simulator.graph import zones

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True)
class _Change:
    """When the clocks change, by the clock before the change."""

    local: datetime
    is_to_daylight: bool

    @property
    def occurrence(self) -> int:
        """Which of its weekdays of the month: -1 is the last."""
        is_last = (self.local + 7 * _DAY).month != self.local.month
        return -1 if is_last else (self.local.day - 1) // 7 + 1


def element(name: str, *, year: int) -> Element:
    """As its rules are in that year, for all years."""
    zone = zones.find(name) or ZoneInfo("UTC")
    changes = _changes(zone, year)
    standard, daylight = _offsets(zone, year)
    periods = [_period("Standard", standard)]
    if changes:
        periods.append(_period("Daylight", daylight))
    transitions = [_transition(change) for change in changes] or [el("t:Transition", _to("Standard"))]
    return el(
        "t:TimeZoneDefinition",
        group("t:Periods", periods),
        el("t:TransitionsGroups", group("t:TransitionsGroup", transitions, Id="0")),
        el("t:Transitions", el("t:Transition", el("t:To", "0", Kind="Group"))),
        Id=name,
        Name=name,
    )


def _period(name: str, offset: timedelta) -> Element:
    """A bias is what is added to local time: west of Greenwich it is more than nothing."""
    minutes = -int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    bias = f"{'-' if minutes < 0 else ''}PT{hours}H" + (f"{rest}M" if rest else "")
    return el("t:Period", Bias=bias, Name=name, Id=name)


def _to(period: str) -> Element:
    return el("t:To", period, Kind="Period")


def _transition(change: _Change) -> Element:
    time = change.local
    return el(
        "t:RecurringDayTransition",
        _to("Daylight" if change.is_to_daylight else "Standard"),
        el("t:TimeOffset", f"PT{time.hour}H" + (f"{time.minute}M" if time.minute else "")),
        el("t:Month", time.month),
        el("t:DayOfWeek", WEEKDAYS[time.weekday()]),
        el("t:Occurrence", change.occurrence),
    )


def _offsets(zone: ZoneInfo, year: int) -> tuple[timedelta, timedelta]:
    found = [_offset(zone, datetime(year, month, 1, tzinfo=UTC)) for month in range(1, 13)]
    return min(found), max(found)


@lru_cache(maxsize=512)
def _changes(zone: ZoneInfo, year: int) -> Sequence[_Change]:
    """Two, or none: zones whose rules are others in each year are taken as if they had none."""
    found = []
    first = datetime(year, 1, 1, tzinfo=UTC)
    for number in range(366):
        before, after = first + number * _DAY, first + (number + 1) * _DAY
        if _offset(zone, before) != _offset(zone, after):
            found.append(_change(zone, before, after))
    return found if len(found) == 2 else ()


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> _Change:
    old, new = _offset(zone, before), _offset(zone, after)
    while after - before > _MINUTE:
        middle = before + (after - before) / 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        if middle <= before:
            break
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return _Change((after + old).replace(tzinfo=None), new > old)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
