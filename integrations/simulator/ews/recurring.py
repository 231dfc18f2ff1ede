"""Recurrence in Exchange's words, both ways: Graph's `patternedRecurrence` is how it is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from integrations.simulator.ews import refusals
from integrations.simulator.ews.elements import el
from integrations.simulator.ews.nodes import Node
from integrations.simulator.graph.recurrence import DAYS, INDEXES

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_TAGS = {
    "daily": "DailyRecurrence",
    "weekly": "WeeklyRecurrence",
    "absoluteMonthly": "AbsoluteMonthlyRecurrence",
    "relativeMonthly": "RelativeMonthlyRecurrence",
    "absoluteYearly": "AbsoluteYearlyRecurrence",
    "relativeYearly": "RelativeYearlyRecurrence",
}
_TYPES = {tag: kind for kind, tag in _TAGS.items()}
_RANGES = {"NoEndRecurrence": "noEnd", "EndDateRecurrence": "endDate", "NumberedRecurrence": "numbered"}
# Days that go by one word, for which Graph names them all.
_TOGETHER = {"Day": DAYS, "Weekday": DAYS[:5], "WeekendDay": DAYS[5:]}
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?", re.ASCII)


def element(recurrence: Mapping[str, Any]) -> Element:
    return el("t:Recurrence", _pattern(recurrence["pattern"]), _range(recurrence["range"]))


def read(given: Node, zone: str) -> dict[str, Any]:
    """As a client of Graph would send it; what is well formed is checked where theirs is."""
    pattern = next((one for one in given if one.name in _TYPES), None)
    bounds = next((one for one in given if one.name in _RANGES), None)
    if pattern is None or bounds is None:
        raise refusals.schema("The element 'Recurrence' is incomplete.")
    return {"pattern": _read_pattern(pattern), "range": _read_range(bounds, zone)}


def _pattern(pattern: Mapping[str, Any]) -> Element:
    kind = pattern["type"]
    is_yearly, is_relative = kind.endswith("Yearly"), kind.startswith("relative")
    return el(
        f"t:{_TAGS[kind]}",
        None if is_yearly else el("t:Interval", pattern["interval"]),
        el("t:DaysOfWeek", _days(pattern["daysOfWeek"], is_one=is_relative)) if pattern.get("daysOfWeek") else None,
        el("t:DayOfWeekIndex", pattern["index"].capitalize()) if is_relative else None,
        el("t:DayOfMonth", pattern["dayOfMonth"]) if kind.startswith("absolute") else None,
        el("t:Month", MONTHS[pattern["month"] - 1]) if is_yearly else None,
        el("t:FirstDayOfWeek", pattern["firstDayOfWeek"].capitalize()) if kind == "weekly" else None,
    )


def _range(bounds: Mapping[str, Any]) -> Element:
    start = el("t:StartDate", bounds["startDate"])
    if bounds["type"] == "endDate":
        return el("t:EndDateRecurrence", start, el("t:EndDate", bounds["endDate"]))
    if bounds["type"] == "numbered":
        return el("t:NumberedRecurrence", start, el("t:NumberOfOccurrences", bounds["numberOfOccurrences"]))
    return el("t:NoEndRecurrence", start)


def _days(names: Sequence[str], *, is_one: bool) -> str:
    if is_one:
        for word, days in _TOGETHER.items():
            if set(names) == set(days):
                return word
    return " ".join(name.capitalize() for name in names)


def _read_pattern(given: Node) -> dict[str, Any]:
    kind = _TYPES[given.name]
    pattern: dict[str, Any] = {"type": kind, "interval": 1 if kind.endswith("Yearly") else _whole(given, "Interval")}
    if (days := given.value("DaysOfWeek")) is not None:
        pattern["daysOfWeek"] = [day for word in days.split() for day in _read_days(word)]
    if (index := given.value("DayOfWeekIndex")) is not None:
        pattern["index"] = _one_of(index.lower(), tuple(INDEXES), "DayOfWeekIndex")
    if given.find("DayOfMonth"):
        pattern["dayOfMonth"] = _whole(given, "DayOfMonth")
    if (month := given.value("Month")) is not None:
        pattern["month"] = MONTHS.index(_one_of(month, MONTHS, "Month")) + 1
    if (first := given.value("FirstDayOfWeek")) is not None:
        pattern["firstDayOfWeek"] = _one_of(first.lower(), DAYS, "FirstDayOfWeek")
    return pattern


def _read_days(word: str) -> Sequence[str]:
    return _TOGETHER.get(word) or (_one_of(word.lower(), DAYS, "DaysOfWeek"),)


def _read_range(given: Node, zone: str) -> dict[str, Any]:
    kind = _RANGES[given.name]
    bounds: dict[str, Any] = {"type": kind, "startDate": _date(given, "StartDate"), "recurrenceTimeZone": zone}
    if kind == "endDate":
        bounds["endDate"] = _date(given, "EndDate")
    if kind == "numbered":
        bounds["numberOfOccurrences"] = _whole(given, "NumberOfOccurrences")
    return bounds


def _whole(given: Node, name: str) -> int:
    text = given.value(name) or ""
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise refusals.schema(f"The '{name}' element is invalid - The value '{text[:40]}' is invalid.")
    return int(text)


def _date(given: Node, name: str) -> str:
    """An offset says nothing of a day."""
    text = given.value(name) or ""
    match = _DATE.fullmatch(text)
    if match is None:
        raise refusals.schema(f"The '{name}' element is invalid - The value '{text[:40]}' is invalid.")
    return match[1]


def _one_of(value: str, values: Sequence[str], name: str) -> str:
    if value not in values:
        raise refusals.schema(f"The '{name}' element is invalid - The value '{value[:40]}' is invalid.")
    return value
