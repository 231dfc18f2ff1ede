"""Microsoft's Graph client: following a calendar by delta."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.calendar import Calendar
from msgraph.generated.models.event import Event
from msgraph.generated.models.event_type import EventType
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.conformance.asking import asking, meeting, prefer, window
from tests.conformance.clients import Clients
from tests.conformance.conftest import BEN


async def _calendar(ben: GraphServiceClient) -> Any:
    made = await ben.me.calendars.post(Calendar(name=f"Delta {uuid4().hex[:8]}"))
    return ben.me.calendars.by_calendar_id(made.id)


async def _round(builder: Any, page: Any, headers: dict[str, str] | None = None) -> tuple[list[Event], str, int]:
    """All items of a round, the link to the next round, and how many pages there were."""
    items, pages = list(page.value), 1
    while page.odata_next_link:
        assert page.odata_delta_link is None
        page = await builder.with_url(page.odata_next_link).get(asking(builder, headers=headers))
        items, pages = [*items, *page.value], pages + 1
    return items, page.odata_delta_link, pages


async def _first(calendar: Any, day: datetime, size: int = 50) -> tuple[list[Event], str, int]:
    delta, headers = calendar.calendar_view.delta, prefer(f"odata.maxpagesize={size}")
    return await _round(delta, await delta.get(asking(delta, headers=headers, **window(day))), headers)


async def _next(calendar: Any, link: str) -> tuple[list[Event], str]:
    delta = calendar.calendar_view.delta
    items, link, _ = await _round(delta, await delta.with_url(link).get())
    return items, link


async def test_the_pages_of_the_first_round_hold_the_whole_window(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    for number in range(5):
        await calendar.events.post(meeting(f"Number {number}", day + timedelta(hours=number)))
    await calendar.events.post(meeting("Far off", day + timedelta(days=30)))

    items, link, pages = await _first(calendar, day, size=2)

    assert sorted(one.subject for one in items) == [f"Number {number}" for number in range(5)]
    assert pages >= 3
    assert "deltatoken" in link.lower()


async def test_nothing_has_changed_and_the_round_is_empty(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    await calendar.events.post(meeting("Still", day))
    _, link, _ = await _first(calendar, day)

    items, _ = await _next(calendar, link)

    assert items == []


async def test_the_next_round_brings_what_is_new_changed_and_gone(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    kept = await calendar.events.post(meeting("Kept", day))
    gone = await calendar.events.post(meeting("Gone", day + timedelta(hours=1)))
    _, link, _ = await _first(calendar, day)
    new = await calendar.events.post(meeting("New", day + timedelta(hours=2)))
    await ben.me.events.by_event_id(kept.id).patch(Event(subject="Changed"))
    await ben.me.events.by_event_id(gone.id).delete()

    items, link = await _next(calendar, link)
    afterwards, _ = await _next(calendar, link)

    by_id = {one.id: one for one in items}
    assert set(by_id) == {new.id, kept.id, gone.id}
    assert (by_id[new.id].subject, by_id[kept.id].subject) == ("New", "Changed")
    assert by_id[gone.id].additional_data["@removed"] == {"reason": "deleted"}
    assert afterwards == []


async def test_a_series_comes_as_its_master_and_stubs_of_its_occurrences(
    ben: GraphServiceClient, day: datetime
) -> None:
    from tests.conformance.test_series import _weekly

    calendar = await _calendar(ben)
    master = await calendar.events.post(meeting("Choir", day + timedelta(hours=9), recurrence=_weekly(day.date(), 2)))

    items, _, _ = await _first(calendar, day)

    stubs = [one for one in items if one.type == EventType.Occurrence]
    assert [one.subject for one in items if one.id == master.id] == ["Choir"]
    assert [(one.series_master_id, one.subject) for one in stubs] == [(master.id, None)] * 2
    assert all(one.start and one.end for one in stubs)


async def test_an_event_that_leaves_the_window_is_removed_from_it(ben: GraphServiceClient, day: datetime) -> None:
    from tests.conformance.asking import moment

    calendar = await _calendar(ben)
    made = await calendar.events.post(meeting("Wanderer", day))
    _, link, _ = await _first(calendar, day)
    away = day + timedelta(days=60)
    await ben.me.events.by_event_id(made.id).patch(Event(start=moment(away), end=moment(away + timedelta(hours=1))))

    items, _ = await _next(calendar, link)

    assert [(one.id, "@removed" in one.additional_data) for one in items] == [(made.id, True)]


async def test_delta_refuses_to_select(ben: GraphServiceClient, day: datetime) -> None:
    delta = ben.me.calendar_view.delta

    with pytest.raises(ODataError) as refused:
        await delta.get(asking(delta, select=["subject"], **window(day)))

    assert 400 <= refused.value.response_status_code <= 501


async def test_without_a_window_there_is_no_delta(ben: GraphServiceClient) -> None:
    # The client sends blank values: startDateTime=&endDateTime=
    with pytest.raises(ODataError) as refused:
        await ben.me.calendar_view.delta.get()

    assert refused.value.response_status_code == 400


async def test_an_expired_token_is_gone_and_a_new_round_begins(
    clients: Clients, ben: GraphServiceClient, day: datetime
) -> None:
    calendar = await _calendar(ben)
    await calendar.events.post(meeting("Stays", day))
    _, link, _ = await _first(calendar, day)
    clients.simulator.control("POST", f"people/{BEN}/expire-delta-tokens")

    with pytest.raises(ODataError) as gone:
        await _next(calendar, link)
    again, _, _ = await _first(calendar, day)

    assert gone.value.response_status_code == 410
    assert gone.value.error.code.lower() in {"syncstatenotfound", "resyncrequired"}
    assert [one.subject for one in again] == ["Stays"]


async def test_an_application_follows_a_mailbox(app: GraphServiceClient, day: datetime) -> None:
    subject = f"Followed {uuid4().hex[:8]}"
    mailbox = app.users.by_user_id(BEN)
    delta = mailbox.calendar_view.delta
    _, link, _ = await _round(delta, await delta.get(asking(delta, **window(day))))
    made = await mailbox.events.post(meeting(subject, day + timedelta(hours=17)))

    items, _, _ = await _round(delta, await delta.with_url(link).get())

    assert made.id in {one.id for one in items}
