"""Calendars and the calendar view: what is in a window, how it is written, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest

from tests.simulator.client import BOB, Client, Reader

CAST = ("dana", "gus", "alice", "bob", "wilhelmina-anastasia.von-hohenlohe-langenburg")
EVENT = {
    "@odata.etag", "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories",
    "originalStartTimeZone", "originalEndTimeZone", "iCalUId", "uid", "reminderMinutesBeforeStart", "isReminderOn",
    "hasAttachments", "subject", "bodyPreview", "importance", "sensitivity", "isAllDay", "isCancelled", "isOrganizer",
    "isDraft", "hideAttendees", "responseRequested", "allowNewTimeProposals", "seriesMasterId", "showAs", "type",
    "webLink", "onlineMeetingUrl", "isOnlineMeeting", "onlineMeetingProvider", "onlineMeeting", "recurrence",
    "occurrenceId", "responseStatus", "body", "start", "end", "location", "locations", "attendees", "organizer",
}  # fmt: skip


# ── Calendars ────────────────────────────────────────────────────────────────
def test_there_is_one_calendar_and_it_is_the_default(reader: Reader) -> None:
    token = reader.connect()["access_token"]

    default = reader.graph(token, "/me/calendar").json()
    listed = reader.graph(token, "/me/calendars").json()["value"]

    assert default["isDefaultCalendar"] is True
    assert [calendar["id"] for calendar in listed] == [default["id"]]
    by_id = reader.graph(token, f"/me/calendars/{default['id']}/calendarView?{_window()}").json()["value"]
    assert by_id == reader.graph(token, f"/me/calendarView?{_window()}").json()["value"]


# ── The calendar view ───────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "query",
    [
        "",
        "startDateTime=2026-11-23T00:00:00Z",
        "startDateTime=&endDateTime=",
        "startDateTime=yesterday&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=2026-11-24T00:00:00Z&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=20261122&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=2026-W47-1&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=2026-11-22T10&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=2026-11-22T00:00:00%2B0530&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=2026-11-22 00:00:00&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=2026-02-30&endDateTime=2026-11-23T00:00:00Z",
        "startDateTime=2026-11-21&startDateTime=2026-11-22&endDateTime=2026-11-23",
    ],
)
def test_a_window_must_make_sense(reader: Reader, query: str) -> None:
    answer = reader.graph(reader.connect()["access_token"], f"/me/calendarView?{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ErrorInvalidParameter")


@pytest.mark.parametrize("name", [*(f"{key}@kestrel.example" for key in CAST), "mallory@corvid.example"])
def test_everybody_of_the_cast_has_a_lively_fortnight(reader: Reader, name: str) -> None:
    token = reader.connect(name)["access_token"]

    found = _all(reader, token, _window())

    assert len(found) >= 15
    now = datetime.now(UTC)
    assert any(_at(event["start"]) <= now < _at(event["end"]) for event in found), "something is going on right now"
    for event in found:
        assert set(event) - {"originalStart"} == EVENT
        assert ("originalStart" in event) == (event["type"] != "singleInstance")


def test_the_companys_fortnight_has_all_kinds_of_events(reader: Reader) -> None:
    found = [event for key in CAST for event in _all(reader, reader.connect(f"{key}@kestrel.example")["access_token"])]

    assert {event["type"] for event in found} == {"singleInstance", "occurrence", "exception"}
    assert {event["showAs"] for event in found} >= {"busy", "free", "tentative", "oof"}
    assert {event["sensitivity"] for event in found} >= {"normal", "private"}
    assert any(event["isAllDay"] for event in found)
    assert any(event["isCancelled"] for event in found)
    assert any(len(event["subject"]) > 120 for event in found)
    assert {event["originalStartTimeZone"] for event in found} >= {"GMT Standard Time", "W. Europe Standard Time"}


def test_a_meeting_is_in_the_calendars_of_all_who_take_part(reader: Reader) -> None:
    mine = _all(reader, reader.connect("gus@kestrel.example")["access_token"])
    theirs = _all(reader, reader.connect(BOB)["access_token"])

    of_gus = next(event for event in mine if event["subject"] == "Daily stand-up")
    of_bob = next(event for event in theirs if event["iCalUId"] == of_gus["iCalUId"])

    assert of_gus["id"] != of_bob["id"]
    assert (of_gus["isOrganizer"], of_bob["isOrganizer"]) == (True, False)
    assert of_bob["responseStatus"]["response"] == "accepted"
    assert of_bob["organizer"]["emailAddress"]["address"] == "gus@kestrel.example"
    assert BOB in [attendee["emailAddress"]["address"] for attendee in of_bob["attendees"]]


def test_occurrences_of_a_series_share_a_master_that_is_not_listed(reader: Reader) -> None:
    found = _all(reader, reader.connect(BOB)["access_token"])

    daily = [event for event in found if event["subject"] == "Daily stand-up"]

    assert len(daily) >= 9
    assert len({event["seriesMasterId"] for event in daily}) == 1
    assert len({event["uid"] for event in daily}) == 1
    assert len({event["iCalUId"] for event in daily}) == len(daily)
    assert daily[0]["seriesMasterId"] not in {event["id"] for event in found}


def test_pages_together_are_the_whole_and_stay_on_this_origin(reader: Reader) -> None:
    token = reader.connect(BOB)["access_token"]
    whole = [event["id"] for event in reader.graph(token, f"/me/calendarView?{_window()}&$top=1000").json()["value"]]

    page = reader.graph(token, f"/me/calendarView?{_window()}").json()
    sizes, ids = [len(page["value"])], [event["id"] for event in page["value"]]
    while "@odata.nextLink" in page:
        link = page["@odata.nextLink"]
        assert link.startswith(f"{reader.simulator.graph_url}/me/calendarView?")
        page = reader.graph(token, link).json()
        sizes.append(len(page["value"]))
        ids += [event["id"] for event in page["value"]]

    assert len(whole) > 50
    assert ids == whole
    assert set(sizes[:-1]) == {10}


def test_the_page_size_may_be_preferred(reader: Reader) -> None:
    token = reader.connect(BOB)["access_token"]

    page = reader.graph(token, f"/me/calendarView?{_window()}", Prefer="odata.maxpagesize=7")

    assert len(page.json()["value"]) == 7
    assert page.headers["Preference-Applied"] == "odata.maxpagesize=7"


def test_top_and_options_are_kept_by_the_next_link(reader: Reader) -> None:
    token = reader.connect(BOB)["access_token"]

    page = reader.graph(token, f"/me/calendarView?{_window()}&$top=5&$select=subject&$count=true").json()
    following = reader.graph(token, page["@odata.nextLink"]).json()

    assert page["@odata.count"] > 50
    assert parse_qs(urlsplit(page["@odata.nextLink"]).query)["$top"] == ["5"]
    assert [set(event) for event in following["value"]] == [{"@odata.etag", "id", "subject"}] * 5


def test_parameter_names_are_read_in_any_case(reader: Reader) -> None:
    token = reader.connect()["access_token"]

    query = _window().replace("startDateTime", "STARTDATETIME").replace("endDateTime", "enddatetime")
    answer = reader.graph(token, f"/me/calendarView?{query}&$TOP=3")

    assert len(answer.json()["value"]) == 3


def test_the_order_may_be_turned_round(reader: Reader) -> None:
    token = reader.connect()["access_token"]
    query = f"/me/calendarView?{_window()}&$top=1000"

    forward = [_at(event["start"]) for event in reader.graph(token, query).json()["value"]]
    backward = [
        _at(event["start"]) for event in reader.graph(token, f"{query}&$orderby=start/dateTime desc").json()["value"]
    ]

    assert forward == sorted(forward)
    assert backward == sorted(backward, reverse=True)


@pytest.mark.parametrize("zone", ["America/New_York", "Eastern Standard Time", "eastern standard time"])
def test_times_come_in_the_zone_that_is_preferred(reader: Reader, zone: str) -> None:
    token = reader.connect()["access_token"]
    query = f"/me/calendarView?{_window()}&$top=1000"

    plain = {event["id"]: event for event in reader.graph(token, query).json()["value"]}
    answer = reader.graph(token, query, Prefer=f'outlook.timezone="{zone}", outlook.body-content-type="text"')

    applied = answer.headers["Preference-Applied"]
    assert f'outlook.timezone="{zone}"' in applied
    assert 'outlook.body-content-type="text"' in applied
    for event in answer.json()["value"]:
        assert event["start"]["timeZone"] == zone
        assert event["body"]["contentType"] == "text"
        local = datetime.fromisoformat(event["start"]["dateTime"]).replace(tzinfo=ZoneInfo("America/New_York"))
        if not event["isAllDay"]:
            assert local == _at(plain[event["id"]]["start"])


def test_an_unknown_zone_is_refused(reader: Reader) -> None:
    answer = reader.graph(reader.connect()["access_token"], "/me/calendar", Prefer='outlook.timezone="Mars/Olympus"')

    assert answer.status_code == 400
    assert "Mars/Olympus" in answer.json()["error"]["message"]


def test_times_have_seven_digits_and_all_day_is_midnight_to_midnight_in_any_zone(reader: Reader) -> None:
    token = reader.connect("dana@kestrel.example")["access_token"]
    query = f"/me/calendarView?{_window(days=21)}&$top=1000"

    for prefer in ("UTC", "Asia/Tokyo", "Pacific Standard Time"):
        found = reader.graph(token, query, Prefer=f'outlook.timezone="{prefer}"').json()["value"]
        whole_days = [event for event in found if event["isAllDay"]]

        assert whole_days
        for event in found:
            assert len(event["start"]["dateTime"].partition(".")[2]) == 7
        for event in whole_days:
            assert event["start"]["dateTime"].endswith("T00:00:00.0000000")
            assert event["end"]["dateTime"].endswith("T00:00:00.0000000")
            assert event["end"]["dateTime"] > event["start"]["dateTime"]


def test_what_overlaps_the_window_is_in_it_and_what_touches_it_is_not(reader: Reader) -> None:
    token = reader.connect(BOB)["access_token"]
    focus = next(event for event in _all(reader, token) if event["subject"] == "Focus time")
    start, end = _at(focus["start"]), _at(focus["end"])
    minute = timedelta(minutes=1)

    def is_in(first: datetime, last: datetime) -> bool:
        return focus["id"] in {event["id"] for event in _all(reader, token, _between(first, last))}

    assert is_in(start + minute, start + 2 * minute)
    assert is_in(start + minute, start + minute), "an empty window is a moment"
    assert is_in(start - minute, start + minute)
    assert is_in(end - minute, end + minute)
    assert not is_in(end, end + minute)
    assert not is_in(start - minute, start)


@pytest.mark.parametrize(
    "form",
    [
        "{0:%Y-%m-%dT%H:%M:%S}",
        "{0:%Y-%m-%dT%H:%M:%S}Z",
        "{0:%Y-%m-%dT%H:%M}z",
        "{0:%Y-%m-%dT%H:%M:%S}.000000000Z",
        "{1:%Y-%m-%dT%H:%M:%S}%2B05:30",
        "{1:%Y-%m-%dT%H:%M:%S}+05:30",
    ],
)
def test_the_window_may_be_written_with_or_without_an_offset(reader: Reader, form: str) -> None:
    token = reader.connect(BOB)["access_token"]
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    last = first + timedelta(days=3)
    india = timedelta(hours=5, minutes=30)
    expected = {event["id"] for event in _all(reader, token, _between(first, last))}

    query = "&".join(
        f"{name}={form.format(at, at + india)}" for name, at in (("startDateTime", first), ("endDateTime", last))
    )

    assert {event["id"] for event in _all(reader, token, query)} == expected


def test_basic_permission_shows_no_bodies(reader: Reader) -> None:
    token = reader.connect(scope="Calendars.ReadBasic")["access_token"]

    event = reader.graph(token, f"/me/calendarView?{_window()}&$top=1").json()["value"][0]
    body = reader.graph(token, f"/me/calendarView?{_window()}&$select=body")

    assert {"body", "bodyPreview"}.isdisjoint(event)
    assert body.status_code == 400


@pytest.mark.parametrize(
    ("option", "status", "code"),
    [
        ("$slect=subject", 400, "BadRequest"),
        ("$select=subjekt", 400, "RequestBroker--ParseUri"),
        ("$top=0", 400, "BadRequest"),
        ("$top=1001", 400, "BadRequest"),
        ("$top=many", 400, "BadRequest"),
        ("$skip=-1", 400, "BadRequest"),
        ("$orderby=colour", 400, "BadRequest"),
        ("$orderby=start/dateTime sideways", 400, "BadRequest"),
        ("$filter=isAllDay eq", 400, "BadRequest"),
        ("$filter=colour eq 'red'", 400, "BadRequest"),
        ("$filter=singleValueExtendedProperties/any(e:e/id eq 'x')", 400, "BadRequest"),
        ("$filter=singleValueExtendedProperties/any(e:e/id eq 'x' and e/value eq 'y')", 400, "ErrorInvalidProperty"),
        ("$expand=singleValueExtendedProperties", 400, "BadRequest"),
        ("$filter=endswith(subject,'x')", 400, "ErrorInvalidUrlQueryFilter"),
        ("$filter=bodyPreview eq 'x'", 400, "ErrorInvalidUrlQueryFilter"),
        ("$expand=nothing", 400, "RequestBroker--ParseUri"),
        ("$expand=extensions", 501, "NotImplemented"),
    ],
)
def test_options_that_cannot_be_served_are_refused(reader: Reader, option: str, status: int, code: str) -> None:
    answer = reader.graph(reader.connect()["access_token"], f"/me/calendarView?{_window()}&{option}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def _window(days: int = 14) -> str:
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return _between(first, first + timedelta(days=days))


def _between(first: datetime, last: datetime) -> str:
    return urlencode({"startDateTime": f"{first:%Y-%m-%dT%H:%M:%SZ}", "endDateTime": f"{last:%Y-%m-%dT%H:%M:%SZ}"})


def _all(client: Client, token: str, query: str = "") -> list[dict[str, Any]]:
    answer = client.graph(token, f"/me/calendarView?{query or _window()}&$top=1000")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def _at(time: dict[str, str]) -> datetime:
    return datetime.fromisoformat(time["dateTime"]).replace(tzinfo=ZoneInfo(time["timeZone"]))
