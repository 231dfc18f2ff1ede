"""Which appointment stands under which day, and in which order: in every zone, also on the days when clocks change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendaring.agenda import Day, arrange
from calendaring.join_links import is_meeting
from integrations.contracts import RemoteEvent

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Apia",  # UTC+13
    "Africa/Cairo",  # at midnight: the day begins at 01:00
    "America/Santiago",  # at midnight
    "Asia/Kathmandu",  # UTC+5:45
]
# Days around which the clocks of one of them change.
CHANGES = [
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2026, 4, 24),
    date(2026, 9, 6),
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2026, 10, 29),
    date(2026, 11, 1),
]
FORTNIGHT = timedelta(days=13)
zones = st.sampled_from(ZONES).map(ZoneInfo)


def event(**changes: Any) -> RemoteEvent:
    values: dict[str, Any] = {
        "id": "1",
        "subject": "Something",
        "starts_at": None,
        "ends_at": None,
        "first_day": None,
        "last_day": None,
        "organizer": "",
        "location": "",
        "body": "",
        "attendees": 0,
        "is_cancelled": False,
        "is_private": False,
        "is_tentative": False,
        "is_recurring": False,
    }
    return RemoteEvent(**values | changes)


def timed(starts_at: datetime, ends_at: datetime, **changes: Any) -> RemoteEvent:
    return event(starts_at=starts_at.astimezone(UTC), ends_at=ends_at.astimezone(UTC), **changes)


def whole(first: date, last: date, **changes: Any) -> RemoteEvent:
    return event(first_day=first, last_day=last, **changes)


def arranged(
    events: Iterable[RemoteEvent], *, zone: ZoneInfo, first: date, days: int = 14, now: datetime | None = None
) -> list[Day]:
    return arrange(
        events,
        zone=zone,
        first=first,
        last=first + timedelta(days=days - 1),
        now=now or datetime(2020, 1, 1, tzinfo=UTC),
    )


def dates_of(days: list[Day], subject: str = "Something") -> list[date]:
    return [day.date for day in days if any(entry.subject == subject for entry in day.entries)]


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    """In the days around a change, and often exactly at some zone's midnight."""
    day = draw(st.sampled_from(CHANGES)) + timedelta(days=draw(st.integers(-3, 3)))
    zone = draw(zones)
    at = draw(st.sampled_from([time.min, time(0, 30), time(1), time(2), time(3), time(12), time(23, 59, 59)]))
    local = datetime.combine(day, at, zone).astimezone(UTC)
    return local + draw(st.sampled_from([timedelta(), timedelta(microseconds=1), timedelta(microseconds=-1)]))


lengths = st.sampled_from([0, 1, 15, 30, 60, 24 * 60, 25 * 60, 50 * 60, 10 * 24 * 60]).map(
    lambda minutes: timedelta(minutes=minutes)
)


def touches(day: date, zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> bool:
    """Does any instant of the appointment lie between this day's beginning and the next one's? Reckoned in UTC."""
    begins = datetime.combine(day, time.min, zone).astimezone(UTC)
    over = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    if starts_at == ends_at:
        return begins <= starts_at < over
    return starts_at < over and begins < ends_at


@given(instants(), lengths, zones, st.integers(-5, 5))
def test_an_appointment_stands_under_exactly_the_days_it_touches(
    starts_at: datetime, length: timedelta, zone: ZoneInfo, shift: int
) -> None:
    ends_at = starts_at + length
    first = starts_at.date() + timedelta(days=shift)

    days = arranged([timed(starts_at, ends_at)], zone=zone, first=first)

    window = [first + timedelta(days=n) for n in range(14)]
    assert dates_of(days) == [day for day in window if touches(day, zone, starts_at, ends_at)]


@given(st.sampled_from(CHANGES), st.integers(-20, 20), st.integers(0, 30), zones)
def test_an_all_day_event_stands_under_its_days_in_any_zone(
    around: date, shift: int, length: int, zone: ZoneInfo
) -> None:
    first_day = around + timedelta(days=shift)
    last_day = first_day + timedelta(days=length)

    days = arranged([whole(first_day, last_day)], zone=zone, first=around)

    window = [around + timedelta(days=n) for n in range(14)]
    assert dates_of(days) == [day for day in window if first_day <= day <= last_day]


@given(st.lists(st.tuples(instants(), lengths, st.text(max_size=3)), max_size=12), zones)
def test_days_and_entries_are_in_order_all_day_first(
    made: list[tuple[datetime, timedelta, str]], zone: ZoneInfo
) -> None:
    first = date(2026, 3, 1)
    events = [timed(start, start + length, subject=subject) for start, length, subject in made]
    events += [whole(first, first + timedelta(days=300), subject="All day")]

    days = arranged(events, zone=zone, first=first, days=300)

    assert [day.date for day in days] == sorted({day.date for day in days})
    for day in days:
        starts = [entry.starts_at for entry in day.entries]
        assert starts[0] is None
        known = [start for start in starts if start]
        assert len(known) == len(starts) - 1
        assert known == sorted(known)


@given(st.lists(st.tuples(instants(), lengths), max_size=8), zones, st.randoms())
def test_the_order_of_the_answer_does_not_matter(
    made: list[tuple[datetime, timedelta]], zone: ZoneInfo, random: Any
) -> None:
    events = [timed(start, start + length, subject=f"{n}") for n, (start, length) in enumerate(made)]
    shuffled = list(events)
    random.shuffle(shuffled)

    assert arranged(events, zone=zone, first=date(2026, 3, 1), days=300) == arranged(
        shuffled, zone=zone, first=date(2026, 3, 1), days=300
    )


# Zone; from and to on its wall; the days.
TABLE: list[tuple[str, str, str, list[str]]] = [
    ("Europe/Berlin", "2026-11-23T10:00", "2026-11-23T11:00", ["2026-11-23"]),
    ("Europe/Berlin", "2026-11-23T22:00", "2026-11-24T00:00", ["2026-11-23"]),
    ("Europe/Berlin", "2026-11-23T22:00", "2026-11-24T00:01", ["2026-11-23", "2026-11-24"]),
    ("Europe/Berlin", "2026-11-23T00:00", "2026-11-23T00:00", ["2026-11-23"]),
    ("Europe/Berlin", "2026-11-23T09:00", "2026-11-26T00:00", ["2026-11-23", "2026-11-24", "2026-11-25"]),
    # 23 and 25 hours
    ("Europe/Berlin", "2026-03-29T00:00", "2026-03-30T00:00", ["2026-03-29"]),
    ("Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00", ["2026-10-25"]),
    ("Europe/Berlin", "2026-03-28T23:30", "2026-03-29T03:30", ["2026-03-28", "2026-03-29"]),
    ("America/New_York", "2026-03-08T00:00", "2026-03-09T00:00", ["2026-03-08"]),
    ("America/New_York", "2026-11-01T00:00", "2026-11-02T00:00", ["2026-11-01"]),
    ("Australia/Lord_Howe", "2026-10-04T00:00", "2026-10-05T00:00", ["2026-10-04"]),
    ("Australia/Lord_Howe", "2026-04-05T00:00", "2026-04-06T00:00", ["2026-04-05"]),
    ("Pacific/Apia", "2026-11-23T00:00", "2026-11-24T00:00", ["2026-11-23"]),
    # The clocks go forward at midnight: 24 April begins at 01:00.
    ("Africa/Cairo", "2026-04-23T20:00", "2026-04-24T00:00", ["2026-04-23"]),
    ("Africa/Cairo", "2026-04-23T20:00", "2026-04-24T01:00", ["2026-04-23"]),
    ("Africa/Cairo", "2026-04-24T01:00", "2026-04-24T02:00", ["2026-04-24"]),
    ("America/Santiago", "2026-09-05T20:00", "2026-09-06T01:00", ["2026-09-05"]),
]


@pytest.mark.parametrize(("zone", "start", "end", "days"), TABLE)
def test_the_table_of_days(zone: str, start: str, end: str, days: list[str]) -> None:
    where = ZoneInfo(zone)
    starts_at, ends_at = (datetime.fromisoformat(text).replace(tzinfo=where) for text in (start, end))

    found = arranged([timed(starts_at, ends_at)], zone=where, first=starts_at.date() - timedelta(days=3))

    assert [day.isoformat() for day in dates_of(found)] == days


def test_the_same_instant_stands_under_different_days_in_different_zones() -> None:
    moment = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    days = {
        zone: dates_of(
            arranged([timed(moment, moment + timedelta(hours=1))], zone=ZoneInfo(zone), first=date(2026, 11, 22))
        )
        for zone in ("UTC", "Pacific/Apia", "Pacific/Pago_Pago")
    }

    assert days == {
        "UTC": [date(2026, 11, 23)],
        "Pacific/Apia": [date(2026, 11, 23), date(2026, 11, 24)],
        "Pacific/Pago_Pago": [date(2026, 11, 22), date(2026, 11, 23)],
    }


def test_what_lies_outside_the_window_is_left_out_and_what_reaches_into_it_is_clipped() -> None:
    first = date(2026, 11, 23)
    events = [
        whole(date(2026, 11, 1), date(2026, 11, 22), subject="Before"),
        whole(date(2026, 11, 1), date(2026, 11, 24), subject="Into"),
        whole(date(2026, 12, 5), date(2026, 12, 31), subject="Out of"),
        whole(date(2026, 12, 7), date(2026, 12, 8), subject="After"),
    ]

    days = arranged(events, zone=ZoneInfo("UTC"), first=first)

    assert dates_of(days, "Before") == dates_of(days, "After") == []
    assert dates_of(days, "Into") == [date(2026, 11, 23), date(2026, 11, 24)]
    assert dates_of(days, "Out of") == [date(2026, 12, 5), date(2026, 12, 6)]


def test_days_without_anything_are_not_shown() -> None:
    assert arranged([], zone=ZoneInfo("UTC"), first=date(2026, 11, 23)) == []


def test_an_appointment_that_ends_before_it_begins_is_shown_where_it_begins() -> None:
    start = datetime(2026, 11, 25, 12, tzinfo=UTC)

    days = arranged([timed(start, start - timedelta(days=2))], zone=ZoneInfo("UTC"), first=date(2026, 11, 23))

    assert dates_of(days) == [date(2026, 11, 25)]


# ── What is said of an entry ────────────────────────────────────────────────
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "is_over", "is_now"),
    [
        (NOON - 2 * HOUR, NOON - HOUR, True, False),
        (NOON - HOUR, NOON, True, False),
        (NOON - HOUR, NOON + HOUR, False, True),
        (NOON, NOON + HOUR, False, True),
        (NOON + HOUR, NOON + 2 * HOUR, False, False),
    ],
)
def test_over_now_or_to_come(starts_at: datetime, ends_at: datetime, is_over: bool, is_now: bool) -> None:
    (day,) = arranged([timed(starts_at, ends_at)], zone=ZoneInfo("UTC"), first=NOON.date(), now=NOON)

    assert [(entry.is_over, entry.is_now) for entry in day.entries] == [(is_over, is_now)]


def test_an_all_day_event_is_over_when_its_last_day_is_over_where_the_reader_is() -> None:
    events = [whole(date(2026, 11, 22), date(2026, 11, 23))]
    late_evening_in_utc = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)

    def is_over(zone: str) -> bool:
        days = arranged(events, zone=ZoneInfo(zone), first=date(2026, 11, 22), now=late_evening_in_utc)
        return days[0].entries[0].is_over

    assert not is_over("UTC")
    assert is_over("Europe/Berlin")


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({}, ""),
        ({"organizer": "Gus", "location": "Room Kite"}, "Gus · Room Kite"),
        ({"attendees": 1}, "2 people"),
        ({"is_recurring": True, "is_private": True}, "repeats · private"),
    ],
)
def test_the_note_says_what_is_known(change: dict[str, Any], note: str) -> None:
    (day,) = arranged([whole(NOON.date(), NOON.date(), **change)], zone=ZoneInfo("UTC"), first=NOON.date())

    assert day.entries[0].note == note


def test_an_event_without_a_subject_is_called_so() -> None:
    (day,) = arranged([whole(NOON.date(), NOON.date(), subject="")], zone=ZoneInfo("UTC"), first=NOON.date())

    assert day.entries[0].subject == "No title"


# ── What is a meeting ───────────────────────────────────────────────────────
HOME = "https://portal.kestrel.example"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (f"{HOME}/j/123456789", True),
        (f"{HOME}/j/123456789012", True),
        (f"Join: {HOME}/j/1234567890?pwd=x.", True),
        (f"<a href='{HOME}/j/123456789'>", True),
        ("", False),
        (HOME, False),
        (f"{HOME}/j/12345678", False),
        (f"{HOME}/j/1234567890123", False),
        (f"{HOME}/j/abcdefghi", False),
        (f"{HOME}/jj/123456789", False),
        ("https://portal-kestrel.example/j/123456789", False),
        ("https://portalXkestrel.example/j/123456789", False),
        ("https://other.example/j/123456789", False),
        ("http://portal.kestrel.example/j/123456789", False),
        ("https://teams.example/l/123456789", False),
    ],
)
@pytest.mark.parametrize("where", ["location", "body"])
def test_a_meeting_carries_this_portals_join_link(where: str, text: str, is_one: bool) -> None:
    assert is_meeting(event(**{where: text}), public_url=HOME) == is_one


def test_a_link_in_the_subject_makes_no_meeting() -> None:
    assert not is_meeting(event(subject=f"{HOME}/j/123456789"), public_url=HOME)
