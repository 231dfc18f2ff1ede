"""The time zone that a request for free and busy times describes by numbers. Pure."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from integrations.simulator.ews import refusals
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.zone_definitions import WEEKDAYS

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,4}", re.ASCII)
_LAST = 5


@dataclass(frozen=True)
class _Rule:
    bias: timedelta
    """On top of the zone's own."""
    month: int
    """0: the clocks do not change."""
    weekday: int
    order: int
    """Which of these weekdays of the month; 5 is the last."""
    at: time

    def in_year(self, year: int) -> datetime:
        last = calendar.monthrange(year, self.month)[1]
        month = [date(year, self.month, day) for day in range(1, last + 1)]
        days = [day for day in month if day.weekday() == self.weekday]
        return datetime.combine(days[-1] if self.order == _LAST else days[self.order - 1], self.at)


@dataclass(frozen=True)
class Biases:
    bias: timedelta
    """What is added to standard time to have UTC."""
    standard: _Rule
    daylight: _Rule

    def local(self, at: datetime) -> datetime:
        """What the clock on the wall says then."""
        usual = at.astimezone(UTC).replace(tzinfo=None) - self.bias - self.standard.bias
        return usual + self.standard.bias - self.daylight.bias if self._is_daylight(usual) else usual

    def moment(self, local: datetime) -> datetime:
        """When the clock on the wall says so. What it says twice is meant as daylight time."""
        for rule in (self.daylight, self.standard):
            at = (local + self.bias + rule.bias).replace(tzinfo=UTC)
            if self.local(at) == local:
                return at
        return (local + self.bias + self.standard.bias).replace(tzinfo=UTC)

    def _is_daylight(self, usual: datetime) -> bool:
        """`usual` is standard time; the end of daylight time is told by its own clock."""
        if not self.standard.month or not self.daylight.month:
            return False
        begin = self.daylight.in_year(usual.year)
        end = self.standard.in_year(usual.year) + self.daylight.bias - self.standard.bias
        if begin < end:
            return begin <= usual < end
        return usual >= begin or usual < end


def read(given: Node | None) -> Biases:
    if given is None:
        raise refusals.schema("The element 'TimeZone' is missing.")
    return Biases(_minutes(given), _rule(given.find("StandardTime")), _rule(given.find("DaylightTime")))


def _rule(given: Node | None) -> _Rule:
    if given is None:
        return _Rule(timedelta(), 0, 0, 1, time())
    month, order = _whole(given, "Month", 0, 12), _whole(given, "DayOrder", 0, 31)
    at = given.value("Time") or ""
    day = given.value("DayOfWeek") or "Sunday"
    if not _TIME.fullmatch(at) or day not in WEEKDAYS:
        raise _invalid(given.name)
    if given.find("Year"):
        raise refusals.not_simulated("time zones that change once, in one year")
    if month and not 1 <= order <= _LAST:
        raise _invalid("DayOrder")
    return _Rule(_minutes(given), month, WEEKDAYS.index(day), order, time.fromisoformat(at))


def _minutes(given: Node) -> timedelta:
    return timedelta(minutes=_whole(given, "Bias", -1440, 1440))


def _whole(given: Node, name: str, least: int, most: int) -> int:
    text = given.value(name) or ""
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise _invalid(name)
    return int(text)


def _invalid(name: str) -> refusals.Refused:
    return refusals.schema(f"The '{name}' element is invalid.")
