"""Graph: who may ask, how, and what comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.simulator.client import ALICE, BOB, SCOPE, Client, Reader, payload

CAST = ("dana", "gus", "alice", "bob", "wilhelmina-anastasia.von-hohenlohe-langenburg")
EVENT = {
    "@odata.etag", "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "transactionId",
    "originalStartTimeZone", "originalEndTimeZone", "iCalUId", "uid", "reminderMinutesBeforeStart", "isReminderOn",
    "hasAttachments", "subject", "bodyPreview", "importance", "sensitivity", "isAllDay", "isCancelled", "isOrganizer",
    "isDraft", "hideAttendees", "responseRequested", "allowNewTimeProposals", "seriesMasterId", "showAs", "type",
    "webLink", "onlineMeetingUrl", "isOnlineMeeting", "onlineMeetingProvider", "onlineMeeting", "recurrence",
    "occurrenceId", "responseStatus", "body", "start", "end", "location", "locations", "attendees", "organizer",
}  # fmt: skip


# ── Who may ask ─────────────────────────────────────────────────────────────
def test_without_a_token_nothing_is_answered(reader: Reader) -> None:
    for path in ("/me", "/me/calendarView", "/nothing"):
        answer = reader.graph("", path)

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
        assert answer.json()["error"]["message"] == "Access token is empty."
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(reader: Reader, token: str) -> None:
    assert reader.graph(token, "/me").status_code == 401


def test_a_token_that_somebody_else_signed_is_refused(reader: Reader) -> None:
    claims = payload(reader.connect()["access_token"])
    forged = jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256")

    assert reader.graph(forged, "/me").status_code == 401


def test_an_id_token_opens_nothing(reader: Reader) -> None:
    answer = reader.graph(reader.connect()["id_token"], "/me")

    assert answer.status_code == 401
    assert "audience" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("scope", "path", "status", "code"),
    [
        ("User.Read", "/me", 200, ""),
        ("Calendars.Read", "/me", 403, "Authorization_RequestDenied"),
        ("User.Read", "/me/calendar", 403, "ErrorAccessDenied"),
        ("User.Read", "/me/calendars", 403, "ErrorAccessDenied"),
        ("User.Read", "/me/calendarView", 403, "ErrorAccessDenied"),
        ("Contacts.Read", "/me/calendarView", 403, "ErrorAccessDenied"),
        ("Calendars.Read.Shared", "/me/calendar", 403, "ErrorAccessDenied"),
        ("Calendars.Read.Shared", "/me/calendars", 200, ""),
        ("Calendars.ReadBasic", "/me/calendarView", 200, ""),
        ("Calendars.Read", "/me/calendarView", 200, ""),
        ("Calendars.ReadWrite", "/me/calendarView", 200, ""),
    ],
)
def test_each_route_asks_for_its_permission(reader: Reader, scope: str, path: str, status: int, code: str) -> None:
    token = reader.connect(scope=scope)["access_token"]

    answer = reader.graph(token, path + "?" + _window() if path.endswith("View") else path)

    assert answer.status_code == status
    assert answer.json().get("error", {}).get("code", "") == code


def test_calendars_of_others_are_not_found(reader: Reader) -> None:
    alice, bob = reader.connect()["access_token"], reader.connect(BOB)["access_token"]
    calendar_id = reader.graph(alice, "/me/calendar").json()["id"]

    own = reader.graph(alice, f"/me/calendars/{calendar_id}")
    other = reader.graph(bob, f"/me/calendars/{calendar_id}")

    assert own.json()["owner"]["address"] == ALICE
    assert (other.status_code, other.json()["error"]["code"]) == (404, "ErrorItemNotFound")


@pytest.mark.parametrize("name", ["nora@kestrel.example", "erin@partner.example"])
def test_who_has_no_mailbox_has_a_profile_and_no_calendar(reader: Reader, name: str) -> None:
    token = reader.connect(name)["access_token"]

    profile = reader.graph(token, "/me")
    calendar = reader.graph(token, "/me/calendar")

    assert profile.status_code == 200
    assert (calendar.status_code, calendar.json()["error"]["code"]) == (404, "MailboxNotEnabledForRESTAPI")


# ── How ─────────────────────────────────────────────────────────────────────
def test_paths_are_read_as_graph_reads_them(reader: Reader) -> None:
    token = reader.connect()["access_token"]

    for path in ("/me", "//me", "/ME", "/users/me-token-to-replace", "/me/"):
        assert reader.graph(token, path).json()["userPrincipalName"] == ALICE, path
    for path in ("/me/calendarview", "/me/calendar/calendarView"):
        assert reader.graph(token, f"{path}?{_window()}").status_code == 200, path


@pytest.mark.parametrize(
    ("path", "segment"), [("/me/messages", "messages"), ("/groups", "groups"), ("/me/calendar/nothing", "nothing")]
)
def test_an_unknown_route_is_refused_in_graphs_words(reader: Reader, path: str, segment: str) -> None:
    answer = reader.graph(reader.connect()["access_token"], path)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Resource not found for the segment '{segment}'."


def test_a_method_that_is_not_there_is_refused(reader: Reader) -> None:
    assert reader.graph(reader.connect()["access_token"], "/me/calendar", "DELETE").status_code == 405


def test_only_version_one_is_there(reader: Reader) -> None:
    answer = reader.graph(reader.connect()["access_token"], f"{reader.simulator.origin}/beta/me")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_answers_carry_graphs_headers(reader: Reader) -> None:
    mine = "6a4f3c1e-aaaa-4bbb-8ccc-0123456789ab"

    good = reader.graph(reader.connect()["access_token"], "/me", **{"client-request-id": mine})
    bad = reader.graph("", "/me", **{"client-request-id": mine})

    for answer in (good, bad):
        assert answer.headers["client-request-id"] == mine
        assert {"request-id", "Date", "OData-Version", "x-ms-ags-diagnostic"} <= set(answer.headers)
        assert answer.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
    inner = bad.json()["error"]["innerError"]
    assert inner["client-request-id"] == mine
    assert inner["request-id"] == bad.headers["request-id"]


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
        ("$filter=isAllDay eq true", 501, "NotImplemented"),
        ("$expand=extensions", 501, "NotImplemented"),
    ],
)
def test_options_that_cannot_be_served_are_refused(reader: Reader, option: str, status: int, code: str) -> None:
    answer = reader.graph(reader.connect()["access_token"], f"/me/calendarView?{_window()}&{option}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("status", "code"), [(429, "ApplicationThrottled"), (503, "ServiceUnavailable")])
def test_a_fault_answers_with_retry_after(client: Client, status: int, code: str) -> None:
    token = client.connect()["access_token"]
    client.simulator.control("POST", "faults", {"target": "graph", "status": status, "seconds": 90})

    answer = client.graph(token, "/me")

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert 80 <= int(answer.headers["Retry-After"]) <= 90
    client.simulator.control("DELETE", "faults")
    assert client.graph(token, "/me").status_code == 200


# ── The profile and the calendars ───────────────────────────────────────────
def test_the_profile_has_the_default_properties(reader: Reader) -> None:
    tokens = reader.connect()

    profile = reader.graph(tokens["access_token"], "/me").json()

    assert set(profile) == {
        "@odata.context", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
        "officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id",
    }  # fmt: skip
    assert profile["id"] == payload(tokens["id_token"])["oid"]


def test_select_gives_what_it_names(reader: Reader) -> None:
    token = reader.connect()["access_token"]

    profile = reader.graph(token, "/me?$select=displayName,MAIL").json()
    event = reader.graph(token, f"/me/calendarView?{_window()}&$select=subject&$top=1").json()["value"][0]

    assert set(profile) == {"@odata.context", "displayName", "mail"}
    assert set(event) == {"@odata.etag", "id", "subject"}


def test_userinfo_names_the_person(reader: Reader) -> None:
    token = reader.connect(scope="openid profile email User.Read")["access_token"]

    about = reader.graph(token, f"{reader.simulator.origin}/oidc/userinfo").json()

    assert (about["name"], about["email"]) == ("Alice Moreau", ALICE)
    assert about["sub"] == payload(token)["sub"]


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
    assert all(set(event) == EVENT for event in found)


def test_the_companys_fortnight_has_all_kinds_of_events(reader: Reader) -> None:
    found = [event for key in CAST for event in _all(reader, reader.connect(f"{key}@kestrel.example")["access_token"])]

    assert {event["type"] for event in found} == {"singleInstance", "occurrence"}
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


@pytest.mark.parametrize("form", ["{0:%Y-%m-%dT%H:%M:%S}", "{0:%Y-%m-%dT%H:%M:%S}Z", "{1:%Y-%m-%dT%H:%M:%S}%2B05:30"])
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


def test_ids_are_the_same_after_a_reset(client: Client) -> None:
    before = {event["id"] for event in _all(client, client.connect(BOB)["access_token"])}

    client.simulator.control("POST", "reset")

    assert {event["id"] for event in _all(client, client.connect(BOB)["access_token"])} == before


def test_requests_are_counted(client: Client) -> None:
    client.simulator.control("POST", "reset")
    tokens = client.connect(scope=SCOPE)
    client.graph(tokens["access_token"], "/me")
    client.graph(tokens["access_token"], "/me")
    client.refresh("garbage")

    counted = client.simulator.control("GET", "state")["requests"]

    assert {"route": "me", "status": 200, "count": 2} in counted["graph"]
    assert {"grant_type": "authorization_code", "aadsts": 0, "count": 1} in counted["token"]
    assert {"grant_type": "refresh_token", "aadsts": 70000, "count": 1} in counted["token"]


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
