"""Calendar items of EWS in the words of the contract."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, fromstring
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.microsoft.ews import events

USUAL = {
    "Subject": "Pipeline review",
    "Start": "2026-11-23T10:00:00Z",
    "End": "2026-11-23T11:00:00Z",
    "Location": "Room Kite",
    "Body": "Bring numbers.",
    "Sensitivity": "Normal",
    "LegacyFreeBusyStatus": "Busy",
    "CalendarItemType": "Single",
}
ORGANIZER = (
    "<t:Organizer><t:Mailbox><t:Name>Gus</t:Name><t:EmailAddress>gus@kestrel.example</t:EmailAddress>"
    "</t:Mailbox></t:Organizer>"
)
PERSON = "<t:Attendee><t:Mailbox><t:EmailAddress>a@kestrel.example</t:EmailAddress></t:Mailbox></t:Attendee>"
BERLIN, LOS_ANGELES, AUCKLAND = "W. Europe Standard Time", "Pacific Standard Time", "New Zealand Standard Time"


def an_item(*, more: str = "", **changes: str) -> Any:
    said = "".join(f"<t:{name}>{value}</t:{name}>" for name, value in (USUAL | changes).items())
    return fromstring(  # noqa: S314  our own
        '<t:CalendarItem xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">'
        f'<t:ItemId Id="AAMk1" ChangeKey="A"/>{said}{more}</t:CalendarItem>'
    )


def all_day(start: str, end: str, zone: str = "", end_zone: str = "") -> Any:
    zones = f'<t:StartTimeZone Id="{zone}"/>' if zone else ""
    zones += f'<t:EndTimeZone Id="{end_zone or zone}"/>' if zone else ""
    return an_item(IsAllDayEvent="true", Start=start, End=end, more=zones)


def test_a_timed_event_is_read() -> None:
    everybody = f"<t:RequiredAttendees>{PERSON}{PERSON}</t:RequiredAttendees><t:Resources>{PERSON}</t:Resources>"

    event = events.read(an_item(more=ORGANIZER + everybody))

    assert event.id == "AAMk1"
    assert event.starts_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert event.ends_at == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert (event.first_day, event.last_day, event.is_all_day) == (None, None, False)
    assert (event.subject, event.location, event.body) == ("Pipeline review", "Room Kite", "Bring numbers.")
    assert (event.organizer, event.attendees) == ("Gus", 3)
    assert not (event.is_cancelled or event.is_private or event.is_tentative or event.is_recurring)


@pytest.mark.parametrize(
    ("start", "moment"),
    [
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00.0000000Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00+01:00", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("2026-11-23T10:00:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_with_its_offset(start: str, moment: datetime) -> None:
    assert events.read(an_item(Start=start, End="2026-11-24T00:00:00Z")).starts_at == moment


@pytest.mark.parametrize(
    ("item", "first", "last"),
    [
        # Of one day, of three, of none at all.
        (all_day("2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z", BERLIN), date(2026, 11, 23), date(2026, 11, 23)),
        (all_day("2026-11-22T23:00:00Z", "2026-11-25T23:00:00Z", BERLIN), date(2026, 11, 23), date(2026, 11, 25)),
        (all_day("2026-11-22T23:00:00Z", "2026-11-22T23:00:00Z", BERLIN), date(2026, 11, 23), date(2026, 11, 23)),
        # West and far east of Greenwich; over the end of summer time.
        (all_day("2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z", LOS_ANGELES), date(2026, 11, 23), date(2026, 11, 23)),
        (all_day("2026-11-22T11:00:00Z", "2026-11-23T11:00:00Z", AUCKLAND), date(2026, 11, 23), date(2026, 11, 23)),
        (all_day("2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z", BERLIN), date(2026, 10, 25), date(2026, 10, 26)),
        # Zones that nobody knows, or that are not said.
        (all_day("2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z", "Customized"), date(2026, 11, 23), date(2026, 11, 23)),
        (all_day("2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z"), date(2026, 11, 23), date(2026, 11, 23)),
        (all_day("2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"), date(2026, 11, 23), date(2026, 11, 23)),
        (all_day("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "UTC"), date(2026, 11, 23), date(2026, 11, 23)),
    ],
)
def test_an_all_day_event_has_the_days_of_where_it_was_made(item: Any, first: date, last: date) -> None:
    event = events.read(item)

    assert (event.first_day, event.last_day) == (first, last)
    assert (event.starts_at, event.ends_at) == (None, None)


@given(
    first=st.dates(date(2000, 1, 1), date(2050, 1, 1)),
    days=st.integers(1, 40),
    zone=st.sampled_from([BERLIN, LOS_ANGELES, AUCKLAND, "Tokyo Standard Time", "UTC", "Hawaiian Standard Time"]),
)
def test_days_survive_any_time_zone(first: date, days: int, zone: str) -> None:
    from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP

    place = ZoneInfo(MS_TIMEZONE_TO_IANA_MAP[zone])
    start, end = (
        datetime(day.year, day.month, day.day, tzinfo=place).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for day in (first, first + timedelta(days=days))
    )

    event = events.read(all_day(start, end, zone))

    assert (event.first_day, event.last_day) == (first, first + timedelta(days=days - 1))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"IsCancelled": "true"}, "is_cancelled"),
        ({"Sensitivity": "Private"}, "is_private"),
        ({"Sensitivity": "Confidential"}, "is_private"),
        ({"LegacyFreeBusyStatus": "Tentative"}, "is_tentative"),
        ({"CalendarItemType": "Occurrence"}, "is_recurring"),
        ({"CalendarItemType": "Exception"}, "is_recurring"),
        ({"CalendarItemType": "RecurringMaster"}, "is_recurring"),
    ],
)
def test_its_marks_are_read(change: dict[str, str], name: str) -> None:
    event = events.read(an_item(**change))

    marks = {mark: getattr(event, mark) for mark in ("is_cancelled", "is_private", "is_tentative", "is_recurring")}
    assert [mark for mark, is_on in marks.items() if is_on] == [name]


@pytest.mark.parametrize("change", [{"Start": ""}, {"End": "soon"}, {"Start": "2026-13-01T00:00:00Z"}])
def test_a_time_is_never_made_up(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        events.read(an_item(**change))


def test_what_has_no_id_is_no_event() -> None:
    nameless: Element = an_item()
    nameless.remove(nameless[0])

    with pytest.raises(ValueError, match="without an id"):
        events.read(nameless)


def test_an_organizer_without_a_name_is_called_by_their_address() -> None:
    event = events.read(an_item(more=ORGANIZER.replace("<t:Name>Gus</t:Name>", "")))

    assert event.organizer == "gus@kestrel.example"


def test_what_is_not_said_is_nothing() -> None:
    event = events.read(an_item(Subject="", Location="", Body=""))

    assert (event.subject, event.location, event.body, event.organizer, event.attendees) == ("", "", "", "", 0)
