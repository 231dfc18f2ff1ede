"""Microsoft's Graph client: calendars and single events, written, read, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.attendee_type import AttendeeType
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.calendar import Calendar
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.event_type import EventType
from msgraph.generated.models.free_busy_status import FreeBusyStatus
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.single_value_legacy_extended_property import SingleValueLegacyExtendedProperty
from msgraph.generated.users.item.calendar.get_schedule.get_schedule_post_request_body import GetSchedulePostRequestBody
from msgraph.generated.users.item.events.item.cancel.cancel_post_request_body import CancelPostRequestBody

from tests.conformance.asking import asking, every, listening, meeting, moment, prefer, window
from tests.conformance.clients import Clients, SignedIn
from tests.conformance.conftest import BEN

IMMUTABLE = prefer('IdType="ImmutableId"')


async def _calendar(ben: GraphServiceClient) -> Any:
    """A calendar of the test's own."""
    made = await ben.me.calendars.post(Calendar(name=f"Conformance {uuid4().hex[:8]}"))
    return ben.me.calendars.by_calendar_id(made.id)


def _etag(event: Event) -> str:
    return str(event.additional_data["@odata.etag"])


async def test_the_default_calendar_is_among_the_calendars(ben: GraphServiceClient) -> None:
    default = await ben.me.calendar.get()

    every = await ben.me.calendars.get()

    assert default.is_default_calendar
    assert default.id in {one.id for one in every.value}
    assert default.owner.address == BEN


async def test_a_calendar_is_made_renamed_and_deleted(ben: GraphServiceClient) -> None:
    made = await ben.me.calendars.post(Calendar(name=f"Projects {uuid4().hex[:6]}"))
    calendar = ben.me.calendars.by_calendar_id(made.id)

    renamed = await calendar.patch(Calendar(name=f"Plans {uuid4().hex[:6]}"))
    await calendar.delete()

    assert renamed.name.startswith("Plans")
    assert made.id not in {one.id for one in (await ben.me.calendars.get()).value}


async def test_the_default_calendar_stays(ben: GraphServiceClient) -> None:
    default = await ben.me.calendar.get()

    with pytest.raises(ODataError) as refused:
        await ben.me.calendars.by_calendar_id(default.id).delete()

    assert 400 <= refused.value.response_status_code < 500


async def test_an_event_is_created_as_the_client_wrote_it(ben: GraphServiceClient, day: datetime) -> None:
    event = meeting("Tasting", day + timedelta(hours=9), show_as=FreeBusyStatus.Tentative)
    event.body = ItemBody(content_type=BodyType.Html, content="<p>Bring cups.</p>")

    made = await ben.me.events.post(event)
    read = await ben.me.events.by_event_id(made.id).get()

    assert (read.subject, read.show_as, read.type) == ("Tasting", FreeBusyStatus.Tentative, EventType.SingleInstance)
    assert "Bring cups." in read.body.content
    assert read.body_preview == "Bring cups."
    assert read.start.date_time == f"{day:%Y-%m-%d}T09:00:00.0000000"
    assert read.start.time_zone == "UTC"
    assert read.is_organizer
    assert read.organizer.email_address.address == BEN
    assert made.additional_data["@odata.etag"] == read.additional_data["@odata.etag"]


async def test_a_change_touches_only_what_it_names_and_makes_a_new_etag(ben: GraphServiceClient, day: datetime) -> None:
    made = await ben.me.events.post(meeting("Before", day + timedelta(hours=10)))

    changed = await ben.me.events.by_event_id(made.id).patch(Event(subject="After"))

    assert changed.subject == "After"
    assert changed.start.date_time == made.start.date_time
    assert changed.change_key != made.change_key
    assert _etag(changed) == f'W/"{changed.change_key}"'


async def test_a_deleted_event_is_gone(ben: GraphServiceClient, day: datetime) -> None:
    made = await ben.me.events.post(meeting("Short-lived", day + timedelta(hours=11)))
    event = ben.me.events.by_event_id(made.id)

    await event.delete()
    with pytest.raises(ODataError) as refused:
        await event.get()

    assert refused.value.response_status_code == 404
    assert refused.value.error.code == "ErrorItemNotFound"


async def test_a_stale_if_match_changes_nothing(ben: GraphServiceClient, day: datetime) -> None:
    made = await ben.me.events.post(meeting("First", day + timedelta(hours=12)))
    event = ben.me.events.by_event_id(made.id)
    await event.patch(Event(subject="Second"))

    with pytest.raises(ODataError) as refused:
        await event.patch(Event(subject="Third"), asking(event, headers={"If-Match": _etag(made)}))

    assert refused.value.response_status_code == 412
    assert (await event.get()).subject == "Second"


async def test_a_current_if_match_is_obeyed(ben: GraphServiceClient, day: datetime) -> None:
    made = await ben.me.events.post(meeting("First", day + timedelta(hours=13)))
    event = ben.me.events.by_event_id(made.id)

    changed = await event.patch(Event(subject="Second"), asking(event, headers={"If-Match": _etag(made)}))

    assert changed.subject == "Second"


async def test_the_same_transaction_makes_one_event(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    event = meeting("Once", day + timedelta(hours=14), transaction_id=str(uuid4()))
    made = await calendar.events.post(event)

    with pytest.raises(ODataError) as refused:
        await calendar.events.post(event)

    assert refused.value.response_status_code in {400, 409}
    assert refused.value.error.code == "ErrorDuplicateTransactionId"
    assert [one.id for one in (await calendar.events.get()).value] == [made.id]


async def test_an_extended_property_is_kept_expanded_and_found(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    name = "String {a1b2c3d4-1111-4222-8333-444455556666} Name PortalEventId"
    marked = meeting("Marked", day + timedelta(hours=9))
    marked.single_value_extended_properties = [SingleValueLegacyExtendedProperty(id=name, value="42")]
    made = await calendar.events.post(marked)
    await calendar.events.post(meeting("Unmarked", day + timedelta(hours=9)))
    event = ben.me.events.by_event_id(made.id)

    plain = await event.get()
    expanded = await event.get(asking(event, expand=[f"singleValueExtendedProperties($filter=id eq '{name}')"]))
    found = await calendar.events.get(
        asking(
            calendar.events,
            filter=f"singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and ep/value eq '42')",
        )
    )

    assert plain.single_value_extended_properties is None
    assert [(one.id, one.value) for one in expanded.single_value_extended_properties] == [(name, "42")]
    assert [one.subject for one in found.value] == ["Marked"]


@pytest.mark.parametrize(
    ("zone", "hour"), [("Pacific Standard Time", 1), ("America/Los_Angeles", 1), ("Asia/Tokyo", 18)]
)
async def test_times_come_in_the_zone_that_is_preferred(
    ben: GraphServiceClient, day: datetime, zone: str, hour: int
) -> None:
    january = day.replace(year=day.year + 1, month=1, day=15)
    made = await ben.me.events.post(meeting("Zoned", january + timedelta(hours=9)))
    event, heard = ben.me.events.by_event_id(made.id), listening()

    read = await event.get(asking(event, headers=prefer(f'outlook.timezone="{zone}"'), option=heard))

    assert read.start.date_time == f"{january:%Y-%m-%d}T{hour:02}:00:00.0000000"
    assert read.start.time_zone == zone
    assert zone in str(heard.response_headers.get("preference-applied"))


async def test_a_windows_zone_is_written_and_kept_as_the_original_one(ben: GraphServiceClient, day: datetime) -> None:
    made = await ben.me.events.post(meeting("Berlin", day + timedelta(hours=9), zone="W. Europe Standard Time"))

    read = await ben.me.events.by_event_id(made.id).get()

    assert read.original_start_time_zone == "W. Europe Standard Time"
    assert read.start.time_zone == "UTC"
    assert read.start.date_time != f"{day:%Y-%m-%d}T09:00:00.0000000"


async def test_an_all_day_event_runs_from_midnight_to_midnight(ben: GraphServiceClient, day: datetime) -> None:
    whole = meeting("Offsite", day, minutes=24 * 60, is_all_day=True)

    made = await ben.me.events.post(whole)

    assert made.is_all_day
    assert made.end.date_time == f"{day + timedelta(days=1):%Y-%m-%d}T00:00:00.0000000"


async def test_an_all_day_event_of_half_a_day_is_refused(ben: GraphServiceClient, day: datetime) -> None:
    with pytest.raises(ODataError) as refused:
        await ben.me.events.post(meeting("Half", day + timedelta(hours=8), minutes=90, is_all_day=True))

    assert refused.value.response_status_code == 400


async def test_the_page_iterator_walks_through_a_calendar_once(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    for number in range(7):
        await calendar.events.post(meeting(f"Number {number}", day + timedelta(hours=number)))

    first = await calendar.events.get(asking(calendar.events, top=3))
    found = await every(ben, first)

    assert len(first.value) == 3
    assert sorted(one.subject for one in found) == [f"Number {number}" for number in range(7)]


async def test_a_calendar_view_holds_what_lies_in_its_window(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    for number in range(4):
        await calendar.events.post(meeting(f"Day {number}", day + timedelta(days=number, hours=9)))

    page = await calendar.calendar_view.get(asking(calendar.calendar_view, **window(day, days=2)))

    assert [one.subject for one in page.value] == ["Day 0", "Day 1"]


async def test_an_immutable_id_is_the_same_in_every_answer(ben: GraphServiceClient, day: datetime) -> None:
    calendar = await _calendar(ben)
    made = await calendar.events.post(meeting("Lasting", day), asking(calendar.events, headers=IMMUTABLE))
    event = ben.me.events.by_event_id(made.id)

    read = await event.get(asking(event, headers=IMMUTABLE))
    viewed = await calendar.calendar_view.get(asking(calendar.calendar_view, headers=IMMUTABLE, **window(day)))
    ordinary = await calendar.calendar_view.get(asking(calendar.calendar_view, **window(day)))

    assert read.id == viewed.value[0].id == made.id
    assert ordinary.value[0].id != made.id


async def test_a_meeting_appears_in_its_attendees_mailbox_and_leaves_it_when_cancelled(
    clients: Clients, ben: GraphServiceClient, people: Callable[[str], SignedIn], day: datetime
) -> None:
    cleo = clients.graph(people("cleo"))
    subject = f"Kick-off {uuid4().hex[:8]}"
    guest = Attendee(type=AttendeeType.Required, email_address=EmailAddress(address="cleo@fabrikam.example"))
    made = await ben.me.events.post(meeting(subject, day + timedelta(hours=15), attendees=[guest]))

    async def of_cleo() -> list[Event]:
        page = await cleo.me.calendar_view.get(asking(cleo.me.calendar_view, top=100, **window(day)))
        return [one for one in page.value if one.subject and subject in one.subject]

    invited = await of_cleo()
    await ben.me.events.by_event_id(made.id).cancel.post(CancelPostRequestBody(comment="Not today."))
    afterwards = await of_cleo()

    assert [(one.is_organizer, one.i_cal_u_id) for one in invited] == [(False, made.i_cal_u_id)]
    assert all(one.is_cancelled for one in afterwards)


async def test_moving_an_event_moves_both_its_ends(ben: GraphServiceClient, day: datetime) -> None:
    made = await ben.me.events.post(meeting("Movable", day + timedelta(hours=9)))
    later = day + timedelta(days=1, hours=9)

    moved = await ben.me.events.by_event_id(made.id).patch(
        Event(start=moment(later), end=moment(later + timedelta(hours=2)))
    )

    assert moved.start.date_time == f"{later:%Y-%m-%dT%H:%M:%S}.0000000"
    assert moved.end.date_time == f"{later + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}.0000000"


async def test_a_schedule_says_when_others_are_taken(
    ben: GraphServiceClient, people: Callable[[str], SignedIn], clients: Clients, day: datetime
) -> None:
    busy = day + timedelta(days=3, hours=10)
    await clients.graph(people("cleo")).me.events.post(meeting("Not for Ben’s eyes", busy))
    asked = GetSchedulePostRequestBody(
        schedules=["cleo@fabrikam.example"],
        start_time=moment(busy - timedelta(hours=1)),
        end_time=moment(busy + timedelta(hours=2)),
        availability_view_interval=60,
    )

    answer = await ben.me.calendar.get_schedule.post(asked)

    assert answer.value[0].availability_view == "020"
    assert [(one.status, one.subject) for one in answer.value[0].schedule_items] == [(FreeBusyStatus.Busy, None)]


async def test_an_application_writes_into_the_mailboxes_it_may(app: GraphServiceClient, day: datetime) -> None:
    made = await app.users.by_user_id(BEN).events.post(meeting("By the application", day + timedelta(hours=16)))

    read = await app.users.by_user_id(BEN).events.by_event_id(made.id).get()

    assert read.subject == "By the application"
    assert read.organizer.email_address.address == BEN
