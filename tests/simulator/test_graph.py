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
