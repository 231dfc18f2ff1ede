"""Microsoft's Graph client: recurring series, their instances and exceptions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.calendar import Calendar
from msgraph.generated.models.day_of_week import DayOfWeek
from msgraph.generated.models.event import Event
from msgraph.generated.models.event_type import EventType
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.patterned_recurrence import PatternedRecurrence
from msgraph.generated.models.recurrence_pattern import RecurrencePattern
from msgraph.generated.models.recurrence_pattern_type import RecurrencePatternType
from msgraph.generated.models.recurrence_range import RecurrenceRange
from msgraph.generated.models.recurrence_range_type import RecurrenceRangeType

from tests.conformance.asking import asking, meeting, window


def _weekly(first: date, times: int) -> PatternedRecurrence:
    """Every Monday and Wednesday."""
    return PatternedRecurrence(
        pattern=RecurrencePattern(
            type=RecurrencePatternType.Weekly,
            interval=1,
            days_of_week=[DayOfWeek.Monday, DayOfWeek.Wednesday],
            first_day_of_week=DayOfWeek.Monday,
        ),
        range=RecurrenceRange(type=RecurrenceRangeType.Numbered, start_date=first, number_of_occurrences=times),
    )


async def _series(ben: GraphServiceClient, day: datetime, times: int = 4) -> tuple[Any, Event]:
    """A calendar of the test's own, and the series in it."""
    made = await ben.me.calendars.post(Calendar(name=f"Series {uuid4().hex[:8]}"))
    calendar = ben.me.calendars.by_calendar_id(made.id)
    wanted = meeting("Rehearsal", day + timedelta(hours=9), recurrence=_weekly(day.date(), times))
    return calendar, await calendar.events.post(wanted)


async def _instances(ben: GraphServiceClient, master: Event, day: datetime) -> list[Event]:
    instances = ben.me.events.by_event_id(master.id).instances
    page = await instances.get(asking(instances, top=50, **window(day, days=28)))
    return list(page.value)


async def test_a_series_has_its_instances(ben: GraphServiceClient, day: datetime) -> None:
    _, master = await _series(ben, day)

    instances = await _instances(ben, master, day)

    assert master.type == EventType.SeriesMaster
    assert master.recurrence.range.number_of_occurrences == 4
    assert [one.start.date_time[:16] for one in instances] == [
        f"{day + timedelta(days=days):%Y-%m-%d}T09:00" for days in (0, 2, 7, 9)
    ]
    assert {(one.type, one.series_master_id) for one in instances} == {(EventType.Occurrence, master.id)}


async def test_a_calendar_view_expands_the_series_and_leaves_the_master_out(
    ben: GraphServiceClient, day: datetime
) -> None:
    calendar, master = await _series(ben, day)

    page = await calendar.calendar_view.get(asking(calendar.calendar_view, **window(day)))
    listed = await calendar.events.get()

    assert [one.type for one in page.value] == [EventType.Occurrence, EventType.Occurrence]
    assert [one.id for one in listed.value] == [master.id]


async def test_a_changed_instance_is_an_exception_and_the_others_stay(ben: GraphServiceClient, day: datetime) -> None:
    _, master = await _series(ben, day)
    second = (await _instances(ben, master, day))[1]

    changed = await ben.me.events.by_event_id(second.id).patch(Event(subject="Dress rehearsal"))
    instances = await _instances(ben, master, day)

    assert changed.type == EventType.Exception
    assert changed.series_master_id == master.id
    assert [one.subject for one in instances] == ["Rehearsal", "Dress rehearsal", "Rehearsal", "Rehearsal"]


async def test_a_deleted_instance_leaves_the_series(ben: GraphServiceClient, day: datetime) -> None:
    _, master = await _series(ben, day)
    third = (await _instances(ben, master, day))[2]

    await ben.me.events.by_event_id(third.id).delete()
    instances = await _instances(ben, master, day)

    assert [one.start.date_time[:10] for one in instances] == [
        f"{day + timedelta(days=days):%Y-%m-%d}" for days in (0, 2, 9)
    ]


async def test_changing_the_master_changes_its_instances(ben: GraphServiceClient, day: datetime) -> None:
    _, master = await _series(ben, day)

    await ben.me.events.by_event_id(master.id).patch(Event(subject="Performance"))

    assert {one.subject for one in await _instances(ben, master, day)} == {"Performance"}


async def test_the_master_names_its_exceptions_and_cancelled_occurrences_on_request(
    ben: GraphServiceClient, day: datetime
) -> None:
    _, master = await _series(ben, day)
    first, second, *_ = await _instances(ben, master, day)
    await ben.me.events.by_event_id(first.id).patch(Event(subject="Dress rehearsal"))
    await ben.me.events.by_event_id(second.id).delete()
    builder = ben.me.events.by_event_id(master.id)

    wanted = ["subject", "cancelledOccurrences"]
    read = await builder.get(asking(builder, select=wanted, expand=["exceptionOccurrences"]))
    plain = await builder.get()

    assert [one.subject for one in read.exception_occurrences] == ["Dress rehearsal"]
    assert [text.rpartition(".")[2] for text in read.cancelled_occurrences] == [f"{day + timedelta(days=2):%Y-%m-%d}"]
    assert plain.exception_occurrences is None
    assert plain.cancelled_occurrences is None


async def test_deleting_the_master_deletes_the_series(ben: GraphServiceClient, day: datetime) -> None:
    calendar, master = await _series(ben, day)

    await ben.me.events.by_event_id(master.id).delete()
    page = await calendar.calendar_view.get(asking(calendar.calendar_view, **window(day, days=28)))

    assert page.value == []


async def test_a_series_that_does_not_start_with_its_event_is_refused(ben: GraphServiceClient, day: datetime) -> None:
    astray = meeting("Astray", day + timedelta(hours=9), recurrence=_weekly(day.date() + timedelta(days=3), 3))

    with pytest.raises(ODataError) as refused:
        await ben.me.events.post(astray)

    assert refused.value.response_status_code == 400


async def test_instances_need_a_window(ben: GraphServiceClient, day: datetime) -> None:
    _, master = await _series(ben, day)

    with pytest.raises(ODataError) as refused:
        await ben.me.events.by_event_id(master.id).instances.get()

    assert refused.value.response_status_code == 400
