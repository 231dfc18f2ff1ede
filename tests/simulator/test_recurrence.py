"""Series against an oracle that asks of every single day whether it belongs."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.simulator.graph import recurrence
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.events import patterns
from integrations.simulator.graph.recurrence import DAYS, Occurrence, Series

UTC_ZONE = ZoneInfo("UTC")
LONDON = ZoneInfo("Europe/London")
DAY = timedelta(days=1)
ZONES = st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
SOME_DAYS = st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)
STARTS = st.dates(date(2024, 1, 1), date(2028, 12, 31))
INDEX = st.sampled_from(sorted(recurrence.INDEXES))


@st.composite
def given_patterns(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(patterns.NEEDED)))
    pattern: dict[str, Any] = {
        "type": kind,
        "interval": draw(st.integers(1, 5)),
        "firstDayOfWeek": draw(st.sampled_from(DAYS)),
    }
    if "daysOfWeek" in patterns.NEEDED[kind]:
        pattern |= {"daysOfWeek": draw(SOME_DAYS), "index": draw(INDEX)}
    if "dayOfMonth" in patterns.NEEDED[kind]:
        pattern["dayOfMonth"] = draw(st.integers(1, 31))
    if "month" in patterns.NEEDED[kind]:
        pattern["month"] = draw(st.integers(1, 12))
    return pattern


@st.composite
def given_series(draw: st.DrawFn) -> Series:
    """As writing keeps them: beginning with a day of the pattern."""
    pattern, zone = draw(given_patterns()), ZoneInfo(draw(ZONES))
    start = draw(STARTS)
    first = next(day for day in _from(start) if _fits(pattern, start, day))
    is_all_day = draw(st.booleans())
    at = time() if is_all_day else draw(st.times())
    length = draw(st.integers(1, 3)) * DAY if is_all_day else timedelta(minutes=draw(st.integers(0, 2000)))
    starts_at = datetime.combine(first, at, UTC if is_all_day else zone).astimezone(UTC)
    bounds = {"startDate": first.isoformat(), **draw(_ranges(first))}
    return Series({"pattern": pattern, "range": bounds}, starts_at, starts_at + length, zone, is_all_day)


@st.composite
def _ranges(draw: st.DrawFn, first: date) -> dict[str, Any]:
    kind = draw(st.sampled_from(patterns.RANGES))
    if kind == "endDate":
        return {"type": kind, "endDate": (first + DAY * draw(st.integers(0, 1500))).isoformat()}
    return {"type": kind, "numberOfOccurrences": draw(st.integers(1, 30))} if kind == "numbered" else {"type": kind}


@given(given_series(), st.integers(-400, 2500), st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_the_days_of_a_series_are_those_that_fit_its_pattern(series: Series, skip: int, length: int) -> None:
    earliest = series.first_day + skip * DAY
    latest = earliest + length * DAY

    found = list(recurrence.days(series, earliest, latest))

    assert found == [day for day in _oracle(series, latest) if day >= earliest]


@given(given_series(), st.integers(-100, 1200), st.integers(0, 60 * 24 * 60))
@settings(max_examples=200, deadline=None)
def test_a_window_shows_what_touches_it(series: Series, skip: int, minutes: int) -> None:
    first = series.starts_at + skip * DAY
    last = first + timedelta(minutes=minutes)
    all_of_them = recurrence.occurrences(series, series.starts_at - DAY, last + 400 * DAY)

    found = list(recurrence.occurrences(series, first, last))

    assert found == [one for one in all_of_them if recurrence.touches(one.starts_at, one.ends_at, first, last)]
    assert [one.starts_at for one in found] == sorted(one.starts_at for one in found)


@given(given_series(), st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_an_occurrence_keeps_its_local_time(series: Series, index: int) -> None:
    window = (series.starts_at, series.starts_at + 3000 * DAY)
    one = next(islice(recurrence.occurrences(series, *window), index, None), None)
    if one is None:
        return

    clock = UTC if series.is_all_day else series.zone
    usual = series.starts_at.astimezone(clock).time()
    local = one.starts_at.astimezone(clock)

    assert one.day == local.date()
    skipped = datetime.combine(one.day, usual, clock).astimezone(UTC).astimezone(clock).time() != usual
    assert skipped or local.time() == usual
    assert one.ends_at >= one.starts_at
    assert recurrence.occurrence_on(series, one.day) == one


@given(given_series())
@settings(max_examples=150, deadline=None)
def test_a_series_ends_with_its_last_occurrence(series: Series) -> None:
    bounds = series.range
    if bounds["type"] == "noEnd":
        assert recurrence.last_end(series) is None
        return

    day = recurrence.last_day(series)

    assert day is not None
    found = list(recurrence.days(series, series.first_day, day))
    assert found[-1] == day
    if bounds["type"] == "numbered":
        assert len(found) == bounds["numberOfOccurrences"]
    else:
        assert day.isoformat() <= bounds["endDate"]
        assert not [one for one in _oracle(series, date.fromisoformat(bounds["endDate"])) if one > day]


@given(given_series(), st.integers(0, 800))
@settings(max_examples=150, deadline=None)
def test_neighbours_are_the_days_before_and_after(series: Series, skip: int) -> None:
    day = next(iter(recurrence.days(series, series.first_day + skip * DAY, date(2040, 1, 1))), None)
    if day is None:
        return

    before, after = recurrence.neighbours(series, day)

    earlier = list(recurrence.days(series, series.first_day, day - DAY))
    assert before == (earlier[-1] if earlier else None)
    assert after == next(recurrence.days(series, day + DAY, date(2150, 1, 1)), None)


@given(st.text("AMkab-_0", min_size=1, max_size=40), st.dates())
def test_the_id_of_an_occurrence_tells_its_series_and_its_day(master_id: str, day: date) -> None:
    event_id = recurrence.occurrence_id(master_id, day)

    assert recurrence.split_id(event_id) == (master_id, day)
    assert recurrence.occurrence_id(master_id, day + DAY if day < date.max else day - DAY) != event_id


@given(st.text(max_size=40))
def test_other_ids_are_no_occurrences(text: str) -> None:
    split = recurrence.split_id(text)

    assert split is None or recurrence.occurrence_id(*split) == text


@pytest.mark.parametrize(
    ("day", "starts", "ends"),
    [
        # The clocks of London skip 01:00 to 02:00 on 28 March 2027, and pass it twice on 31 October.
        (date(2027, 3, 27), "01:30+00:00", "02:30+00:00"),
        (date(2027, 3, 28), "01:30+00:00", "02:30+00:00"),
        (date(2027, 3, 29), "00:30+00:00", "01:30+00:00"),
        (date(2027, 10, 31), "00:30+00:00", "02:30+00:00"),
    ],
)
def test_where_the_clocks_change(day: date, starts: str, ends: str) -> None:
    series = _daily(datetime(2027, 1, 1, 1, 30, tzinfo=LONDON), timedelta(hours=1))

    found = recurrence.occurrence_on(series, day)

    expected = (datetime.fromisoformat(f"{day}T{at}") for at in (starts, ends))
    assert found == Occurrence(day, *expected)


def test_the_31st_is_the_last_day_of_shorter_months() -> None:
    series = _of({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}, datetime(2027, 1, 31, 9, tzinfo=LONDON))

    found = list(recurrence.days(series, date(2027, 1, 1), date(2027, 6, 30)))

    assert [day.day for day in found] == [31, 28, 31, 30, 31, 30]


def test_the_29th_of_february_comes_every_year() -> None:
    series = _of(
        {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 29, "month": 2}, datetime(2028, 2, 29, 9, tzinfo=LONDON)
    )

    found = list(recurrence.days(series, date(2028, 1, 1), date(2032, 12, 31)))

    assert [str(day) for day in found] == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


def test_every_second_week_depends_on_the_first_day_of_the_week() -> None:
    """Graph's own example: Sunday and Tuesday every other week, from a Tuesday on."""
    pattern = {"type": "weekly", "interval": 2, "daysOfWeek": ["tuesday", "sunday"]}
    start = datetime(2027, 1, 5, 9, tzinfo=LONDON)

    from_monday = _of({**pattern, "firstDayOfWeek": "monday"}, start)
    from_sunday = _of({**pattern, "firstDayOfWeek": "sunday"}, start)

    window = (date(2027, 1, 1), date(2027, 1, 24))
    assert [day.day for day in recurrence.days(from_monday, *window)] == [5, 10, 19, 24]
    assert [day.day for day in recurrence.days(from_sunday, *window)] == [5, 17, 19]


@given(series=given_series(), hours=st.integers(0, 24 * 40))
@settings(max_examples=200)
def test_occurrences_overlap_where_one_is_longer_than_it_takes_to_the_next(series: Series, hours: int) -> None:
    series = replace(series, zone=UTC_ZONE, ends_at=series.starts_at + timedelta(hours=hours))
    first, last = series.starts_at, series.starts_at + 6 * 366 * DAY
    found = list(islice(recurrence.occurrences(series, first, last), 2000))

    expected = any(after.starts_at < before.ends_at for before, after in pairwise(found))

    assert recurrence.overlaps(series) == expected


def test_a_day_that_the_clocks_make_shorter_does_not_overlap() -> None:
    """London's clocks go forward on 28 March 2027."""
    series = _daily(datetime(2027, 3, 26, 9, tzinfo=LONDON), DAY)

    assert not recurrence.overlaps(series)


def test_a_far_window_of_an_endless_series_is_quick() -> None:
    series = _daily(datetime(1990, 1, 1, 9, tzinfo=LONDON), timedelta(hours=1))

    found = list(recurrence.occurrences(series, datetime(4400, 1, 1, tzinfo=UTC), datetime(4400, 1, 8, tzinfo=UTC)))

    assert len(found) == 7


@pytest.mark.parametrize(
    ("pattern", "bounds"),
    [
        ({"type": "weekly", "interval": 1}, {}),
        ({"type": "weekly", "interval": 1, "daysOfWeek": []}, {}),
        ({"type": "weekly", "interval": 1, "daysOfWeek": ["someday"]}, {}),
        ({"type": "hourly", "interval": 1}, {}),
        ({"type": "daily", "interval": 0}, {}),
        ({"type": "daily", "interval": -1}, {}),
        ({"type": "daily", "interval": "1"}, {}),
        ({"type": "daily", "interval": 1, "every": 2}, {}),
        ({"type": "absoluteMonthly", "interval": 1}, {}),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 32}, {}),
        ({"type": "relativeMonthly", "interval": 1}, {}),
        ({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 1}, {}),
        ({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 1, "month": 13}, {}),
        ({"type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"]}, {}),
        ({"type": "daily", "interval": 1, "month": "x"}, {}),
        ({"type": "daily", "interval": 1, "dayOfMonth": "x"}, {}),
        ({"type": "daily", "interval": 1, "daysOfWeek": "monday"}, {}),
        ({"type": "daily", "interval": 1, "daysOfWeek": ["someday"]}, {}),
        ({"type": "daily", "interval": 1}, {"endDate": 5}),
        ({"type": "daily", "interval": 1}, {"numberOfOccurrences": "3"}),
        ({"type": "daily", "interval": 1}, {"startDate": "20270104"}),
        ({"type": "daily", "interval": 1}, {"startDate": "2027-W01-1"}),
        ({"type": "daily", "interval": 1}, {"type": "forever"}),
        ({"type": "daily", "interval": 1}, {"type": "endDate"}),
        ({"type": "daily", "interval": 1}, {"type": "endDate", "endDate": "2027-01-03"}),
        ({"type": "daily", "interval": 1}, {"type": "numbered"}),
        ({"type": "daily", "interval": 1}, {"type": "numbered", "numberOfOccurrences": 0}),
        ({"type": "daily", "interval": 1}, {"startDate": "2027-01-05"}),
        ({"type": "daily", "interval": 1}, {"startDate": "yesterday"}),
        ({"type": "daily", "interval": 1}, {"recurrenceTimeZone": "Mars"}),
    ],
)
def test_what_is_no_recurrence_is_refused(pattern: Mapping[str, Any], bounds: Mapping[str, Any]) -> None:
    body = {"pattern": pattern, "range": {"type": "noEnd", "startDate": "2027-01-04", **bounds}}

    with pytest.raises(Refused) as refused:
        patterns.read(body, starts_at=datetime(2027, 1, 4, 9, tzinfo=UTC), zone="UTC", is_all_day=False)

    assert refused.value.status == 400


def test_the_range_starts_on_the_day_of_the_event_in_the_zone_of_the_recurrence() -> None:
    """One o'clock at night in UTC is the evening before in Los Angeles."""
    body = {
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "noEnd", "startDate": "2027-01-03", "recurrenceTimeZone": "Pacific Standard Time"},
    }

    read = patterns.read(body, starts_at=datetime(2027, 1, 4, 1, tzinfo=UTC), zone="UTC", is_all_day=False)

    assert read["range"]["startDate"] == "2027-01-03"
    assert read["range"]["recurrenceTimeZone"] == "Pacific Standard Time"


def _oracle(series: Series, latest: date) -> list[date]:
    """Day after day from the first one on."""
    bounds = series.range
    days: list[date] = []
    end = date.fromisoformat(bounds["endDate"]) if bounds["type"] == "endDate" else latest
    for day in _from(series.first_day):
        if day > min(latest, end) or len(days) == bounds.get("numberOfOccurrences", -1):
            break
        if _fits(series.pattern, series.first_day, day):
            days.append(day)
    return days


def _fits(pattern: Mapping[str, Any], start: date, day: date) -> bool:
    kind, interval = pattern["type"], pattern["interval"]
    if kind == "daily":
        return bool((day - start).days % interval == 0)
    if kind == "weekly":
        first = DAYS.index(pattern["firstDayOfWeek"])
        weeks = (_week_of(day, first) - _week_of(start, first)).days // 7
        return weeks % interval == 0 and DAYS[day.weekday()] in pattern["daysOfWeek"]
    if kind.endswith("Monthly"):
        in_step = ((day.year - start.year) * 12 + day.month - start.month) % interval == 0
    else:
        in_step = (day.year - start.year) % interval == 0 and day.month == pattern["month"]
    return in_step and (_is_the_day(pattern, day) if kind.startswith("absolute") else _is_the_nth(pattern, day))


def _is_the_day(pattern: Mapping[str, Any], day: date) -> bool:
    return day.day == min(int(pattern["dayOfMonth"]), monthrange(day.year, day.month)[1])


def _is_the_nth(pattern: Mapping[str, Any], day: date) -> bool:
    month = [day.replace(day=number) for number in range(1, monthrange(day.year, day.month)[1] + 1)]
    allowed = [one for one in month if DAYS[one.weekday()] in pattern["daysOfWeek"]]
    nth = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}[pattern["index"]]
    return allowed[nth] == day


def _week_of(day: date, first: int) -> date:
    return day - DAY * ((day.weekday() - first) % 7)


def _from(day: date) -> Any:
    while True:
        yield day
        day += DAY


def _daily(starts: datetime, length: timedelta) -> Series:
    recurring = {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "noEnd"}}
    return Series(recurring, starts.astimezone(UTC), starts.astimezone(UTC) + length, LONDON)


def _of(pattern: Mapping[str, Any], starts: datetime) -> Series:
    at = starts.astimezone(UTC)
    return Series({"pattern": pattern, "range": {"type": "noEnd"}}, at, at + timedelta(hours=1), LONDON)
