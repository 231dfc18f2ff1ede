"""Exchange Web Services: what is pure of them, tried with anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, tostring
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.simulator.ews import biases, ids, nodes, recurring, zone_definitions
from integrations.simulator.ews.elements import TYPES, el, written
from integrations.simulator.ews.nodes import Node, Unreadable
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import recurrence

YEAR = 2031
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "America/St_Johns", "Etc/UTC")
MOMENTS = st.integers(0, 365 * 24 * 4 - 1).map(
    lambda quarters: datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarters)
)
_DAYS = st.lists(st.sampled_from(recurrence.DAYS), min_size=1, max_size=7, unique=True)
_INDEXES = st.sampled_from(tuple(recurrence.INDEXES))
_TOGETHER = st.sampled_from([*([day] for day in recurrence.DAYS), [*recurrence.DAYS], [*recurrence.DAYS[:5]]])
PATTERNS = st.one_of(
    st.fixed_dictionaries({"type": st.just("daily"), "interval": st.integers(1, 999)}),
    st.fixed_dictionaries(
        {
            "type": st.just("weekly"),
            "interval": st.integers(1, 99),
            "daysOfWeek": _DAYS,
            "firstDayOfWeek": st.sampled_from(recurrence.DAYS),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("absoluteMonthly"), "interval": st.integers(1, 99), "dayOfMonth": st.integers(1, 31)}
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("relativeMonthly"),
            "interval": st.integers(1, 99),
            "daysOfWeek": _TOGETHER,
            "index": _INDEXES,
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("absoluteYearly"),
            "interval": st.just(1),
            "dayOfMonth": st.integers(1, 31),
            "month": st.integers(1, 12),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("relativeYearly"),
            "interval": st.just(1),
            "daysOfWeek": _TOGETHER,
            "index": _INDEXES,
            "month": st.integers(1, 12),
        }
    ),
)
RANGES = st.one_of(
    st.just({"type": "noEnd", "startDate": "2031-03-03"}),
    st.just({"type": "endDate", "startDate": "2031-03-03", "endDate": "2031-04-03"}),
    st.integers(1, 999).map(
        lambda times: {"type": "numbered", "startDate": "2031-03-03", "numberOfOccurrences": times}
    ),
)


def _came_in(element: Element) -> Node:
    element.set("xmlns:t", TYPES)
    return nodes.parse(tostring(element))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_in_is_read_or_refused(content: bytes) -> None:
    try:
        assert nodes.parse(content).name
    except Unreadable as why:
        assert str(why)


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b'<!DOCTYPE x SYSTEM "http://elsewhere.example/x.dtd"><x/>',
        b"<x>&a;</x>",
        b"<x>" * 61 + b"</x>" * 61,
        b"<x>" + b"<y/>" * 100_000 + b"</x>",
    ],
    ids=["entity", "outside", "unknown", "deep", "many"],
)
def test_what_nobody_reads_from_strangers_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        nodes.parse(content)


@given(st.text())
def test_any_text_goes_out_as_xml_and_loses_only_what_xml_lacks(text: str) -> None:
    read = nodes.parse(written(el("a", text, b=text)))

    kept = "".join(char for char in text if char in "\t\n\r" or (char >= " " and char not in "\ufffe\uffff"))
    assert read.text == kept.replace("\r\n", "\n").replace("\r", "\n")


@given(PATTERNS, RANGES)
def test_a_recurrence_comes_back_as_it_went_out(pattern: dict[str, Any], bounds: dict[str, Any]) -> None:
    # Graph keeps a month and a day in all of them.
    whole = {"month": 0, "dayOfMonth": 0, **pattern}

    read = recurring.read(_came_in(recurring.element({"pattern": whole, "range": bounds})), "UTC")

    assert {**read["pattern"], "daysOfWeek": sorted(read["pattern"].get("daysOfWeek", []))} == {
        **pattern,
        "daysOfWeek": sorted(pattern.get("daysOfWeek", [])),
    }
    assert read["range"] == {**bounds, "recurrenceTimeZone": "UTC"}


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<DailyRecurrence/><NoEndRecurrence/>",
        "<DailyRecurrence><Interval>1</Interval></DailyRecurrence>",
        "<DailyRecurrence><Interval>x</Interval></DailyRecurrence><NoEndRecurrence/>",
        "<DailyRecurrence><Interval>1</Interval></DailyRecurrence><NoEndRecurrence><StartDate>soon</StartDate></NoEndRecurrence>",
        "<WeeklyRecurrence><Interval>1</Interval><DaysOfWeek>Caturday</DaysOfWeek></WeeklyRecurrence><NoEndRecurrence/>",
        "<AbsoluteYearlyRecurrence><DayOfMonth>1</DayOfMonth><Month>Maytember</Month></AbsoluteYearlyRecurrence><NoEndRecurrence/>",
    ],
)  # fmt: skip
def test_a_recurrence_that_is_none_breaks_the_schema(inner: str) -> None:
    with pytest.raises(Refused) as refused:
        recurring.read(nodes.parse(f"<Recurrence>{inner}</Recurrence>".encode()), "UTC")

    assert refused.value.code == "ErrorSchemaValidation"


@given(st.text(alphabet="AMkQabc019-_=", min_size=15, max_size=40).map(lambda rest: f"AAMkAD{rest}"))
def test_an_id_is_the_same_after_a_journey(graph_id: str) -> None:
    assert ids.graph(ids.exchange(graph_id)) == graph_id


@given(st.text(max_size=40))
def test_what_is_no_id_is_known_as_none(text: str) -> None:
    assert ids.graph(text) is None or text.startswith("AA")
    assert ids.folder(text) is None


# ── Time zones by numbers ───────────────────────────────────────────────────
@pytest.mark.parametrize("name", ZONES)
@given(at=MOMENTS)
def test_a_zone_that_is_written_out_is_that_zone(name: str, at: datetime) -> None:
    zone, described = ZoneInfo(name), biases.read(_numbers(name))

    local = described.local(at)

    assert local == at.astimezone(zone).replace(tzinfo=None)
    # What the clock says twice in a year is meant as the first.
    assert described.moment(local) in (at, at - timedelta(minutes=60))


def _numbers(name: str) -> Node:
    """The definition as clients turn it into the numbers of a request."""
    definition = _came_in(zone_definitions.element(name, year=YEAR))
    periods = {one.attributes["Id"]: _minutes(one.attributes["Bias"]) for one in definition.all("Periods", "Period")}
    changes = definition.all("TransitionsGroups", "TransitionsGroup", "RecurringDayTransition")
    rules = {one.value("To") or "": _rule(one, periods) for one in changes}
    usual = "<Bias>0</Bias><Time>00:00:00</Time><DayOrder>1</DayOrder><Month>0</Month><DayOfWeek>Sunday</DayOfWeek>"
    parts = (f"<{one}Time>{rules.get(one, usual)}</{one}Time>" for one in ("Standard", "Daylight"))
    return nodes.parse(f"<TimeZone><Bias>{periods['Standard']}</Bias>{''.join(parts)}</TimeZone>".encode())


def _rule(change: Node, periods: dict[str, int]) -> str:
    occurrence = change.value("Occurrence")
    return (
        f"<Bias>{periods[change.value('To') or ''] - periods['Standard']}</Bias>"
        f"<Time>{timedelta(minutes=_minutes(change.value('TimeOffset') or ''))!s:0>8}</Time>"
        f"<DayOrder>{5 if occurrence == '-1' else occurrence}</DayOrder>"
        f"<Month>{change.value('Month')}</Month><DayOfWeek>{change.value('DayOfWeek')}</DayOfWeek>"
    )


def _minutes(duration: str) -> int:
    hours, _, minutes = duration.lstrip("-").removeprefix("PT").partition("H")
    found = int(hours) * 60 + int(minutes.removesuffix("M") or 0)
    return -found if duration.startswith("-") else found
