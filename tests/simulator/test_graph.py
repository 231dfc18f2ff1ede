"""Graph: who may ask, how, and what comes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.simulator.aviary import BEN, Birds
from tests.simulator.client import ALICE, BOB, SCOPE, Client, Reader, payload
from tests.simulator.rows import Rows


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


@pytest.mark.parametrize("origin", ["beta", "v2.0"])
def test_other_versions_are_refused_in_json(reader: Reader, origin: str) -> None:
    answer = reader.graph(reader.connect()["access_token"], f"{reader.simulator.origin}/{origin}/me")

    assert answer.json()["error"]["message"] == f"Invalid version: {origin}"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("$slect=mail", "The query parameter '$slect' is not supported."),
        (
            "$select=mail&$SELECT=id",
            "Query option '$select' was specified more than once, but it must be specified at most once.",
        ),
    ],
)
def test_options_that_graph_does_not_have_are_refused(reader: Reader, query: str, message: str) -> None:
    answer = reader.graph(reader.connect()["access_token"], f"/me?{query}")

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


@pytest.mark.parametrize("query", ["select=mail", "$format=json&$select=mail", "unheard=of&$select=mail"])
def test_options_work_without_their_dollar_and_other_parameters_are_ignored(reader: Reader, query: str) -> None:
    found = reader.graph(reader.connect()["access_token"], f"/me?{query}").json()

    assert set(found) == {"@odata.context", "mail"}


def test_metadata_is_not_simulated(reader: Reader) -> None:
    answer = reader.graph(reader.connect()["access_token"], "/$metadata")

    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")


# ── What an answer says about itself ────────────────────────────────────────
NO_METADATA = {"Accept": "application/json;odata.metadata=none"}


def test_without_metadata_only_links_and_counts_are_left(reader: Reader) -> None:
    token = reader.connect(BOB)["access_token"]
    path = "/me/events?$top=1&$count=true"

    whole = reader.graph(token, path)
    bare = reader.graph(token, path, **NO_METADATA)
    by_option = reader.graph(token, f"{path}&$format=application/json;odata.metadata=none")

    usual = whole.json()
    assert bare.json() == {
        "@odata.count": usual["@odata.count"],
        "value": [{name: value for name, value in usual["value"][0].items() if name != "@odata.etag"}],
        "@odata.nextLink": usual["@odata.nextLink"],
    }
    assert by_option.json()["value"] == bare.json()["value"]
    assert ("metadata=minimal" in whole.headers["Content-Type"], "metadata=none" in bare.headers["Content-Type"]) == (
        True, True,
    )  # fmt: skip
    assert set(reader.graph(token, "/me?$select=mail", **NO_METADATA).json()) == {"mail"}


def test_delta_without_metadata_can_be_followed(reader: Reader) -> None:
    token = reader.connect(BOB)["access_token"]
    day = datetime.now(UTC).date()

    path = f"/me/calendarView/delta?startDateTime={day}&endDateTime={day + timedelta(days=1)}"
    page = reader.graph(token, path, **NO_METADATA, Prefer="odata.maxpagesize=1").json()
    done = reader.graph(token, page["@odata.nextLink"], **NO_METADATA, Prefer="odata.maxpagesize=1000").json()

    assert set(page) == {"@odata.nextLink", "value"}
    assert set(done) == {"@odata.deltaLink", "value"}
    assert not [name for item in page["value"] + done["value"] for name in item if "@odata" in name]


def test_in_a_batch_each_request_says_whether_it_wants_metadata(birds: Birds) -> None:
    token = birds.as_person("ben", "User.Read")
    items: list[dict[str, Any]] = [
        {"id": "1", "method": "GET", "url": "/me?$select=mail", "headers": NO_METADATA},
        {"id": "2", "method": "GET", "url": "/me?$select=mail"},
    ]

    first, second = birds.batch(token, *items).json()["responses"]

    assert set(first["body"]) == {"mail"}
    assert "metadata=none" in first["headers"]["Content-Type"]
    assert set(second["body"]) == {"@odata.context", "mail"}


# ── Bodies ──────────────────────────────────────────────────────────────────
UNREADABLE = (
    "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."
)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"", "application/json", "Empty Payload. JSON content expected."),
        (b"{}", "text/plain", "Entity only allows writes with a JSON Content-Type header."),
        (b"{}", "", "Entity only allows writes with a JSON Content-Type header."),
        (b"{", "application/json", UNREADABLE),
        (b"[]", "application/json", UNREADABLE),
        (b'"text"', "application/json", UNREADABLE),
        (b'{"timeZone": NaN}', "application/json", UNREADABLE),
        (b'{"timeZone": "\xff"}', "application/json", UNREADABLE),
        (b'{"timeZone": "\\ud800"}', "application/json", UNREADABLE),
        (b"[" * 100_000, "application/json; charset=utf-8", UNREADABLE),
    ],
    ids=range(10),
)
def test_a_body_that_is_no_json_object_is_refused(birds: Birds, body: bytes, kind: str, message: str) -> None:
    token = birds.as_person("ben", "MailboxSettings.ReadWrite")

    answer = birds.http.patch(
        f"{birds.simulator.graph_url}/me/mailboxSettings",
        data=body,
        headers={"Authorization": f"Bearer {token}", **({"Content-Type": kind} if kind else {})},
        timeout=30,
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert answer.json()["error"]["message"] == message


def test_a_body_may_be_large_and_not_too_large(birds: Birds) -> None:
    token = birds.as_person("ben", "MailboxSettings.ReadWrite")

    large = birds.send(token, "PATCH", "/me/mailboxSettings", {"timeZone": "x" * 3_000_000})
    too_large = birds.send(token, "PATCH", "/me/mailboxSettings", {"timeZone": "x" * 4_200_000})

    assert large.json()["error"]["code"] == "ErrorInvalidTimeZone"
    assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "RequestEntityTooLarge")


def test_a_body_may_come_in_chunks(birds: Birds) -> None:
    token = birds.as_person("ben", "MailboxSettings.ReadWrite")

    answer = birds.http.patch(
        f"{birds.simulator.graph_url}/me/mailboxSettings",
        data=iter([b'{"timeZone":', b' "Mars/Olympus"}']),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        timeout=30,
    )

    assert answer.json()["error"]["code"] == "ErrorInvalidTimeZone"


# ── Tokens ──────────────────────────────────────────────────────────────────
def test_a_token_ends_with_its_time(birds: Birds) -> None:
    past = int(datetime.now(UTC).timestamp()) - 10

    answer = birds.graph(birds.as_person("ben", "User.Read", exp=past), "/me")

    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "Lifetime validation failed, the token is expired."


def test_a_token_that_was_good_is_refused_when_its_time_is_over(birds: Birds) -> None:
    soon = int(datetime.now(UTC).timestamp()) + 3
    token = birds.as_person("ben", "User.Read", exp=soon)

    before = birds.graph(token, "/me").status_code
    time.sleep(max(0.0, soon - datetime.now(UTC).timestamp()) + 0.1)

    assert (before, birds.graph(token, "/me").status_code) == (200, 401)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://outlook.office365.com"},
        {"oid": "00000000-0000-4000-8000-000000000000"},
        {"oid": "nobody"},
        {"tid": "72000000-0000-4000-8000-000000000002"},
        {"appid": None},
    ],
)
def test_a_token_that_does_not_fit_together_is_refused(birds: Birds, changes: dict[str, str]) -> None:
    answer = birds.graph(birds.as_person("ben", "User.Read", **changes), "/me")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize("audience", ["https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000"])
def test_graph_goes_by_several_names(birds: Birds, audience: str) -> None:
    assert birds.graph(birds.as_person("ben", "User.Read", aud=audience), "/me").status_code == 200


def test_tokens_grow_old_with_their_tenant(flock: Birds) -> None:
    old = [flock.as_person("ben", "User.Read"), flock.as_app("User.Read.All")]
    paths = ["/me", "/organization"]
    flock.simulator.control("POST", "tenants/aviary.example/later", {"days": 1})

    aged = [flock.graph(token, path).status_code for token, path in zip(old, paths, strict=True)]
    fresh = flock.connect(BEN)["access_token"]

    assert aged == [401, 401]
    assert flock.graph(fresh, "/me").status_code == 200


# ── Pages in browsers ───────────────────────────────────────────────────────
def test_pages_of_other_origins_may_call(birds: Birds) -> None:
    page = {"Origin": "http://localhost:5173"}

    preflight = birds.http.options(
        f"{birds.simulator.graph_url}/me",
        headers={**page, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"},
        timeout=30,
    )
    answer = birds.graph(birds.as_person("ben", "User.Read"), "/me", **page)

    assert (preflight.status_code, preflight.content) == (200, b"")
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    for one in (preflight, answer):
        assert one.headers["Access-Control-Allow-Origin"] == "*"
    assert "request-id" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in birds.graph(birds.as_person("ben", "User.Read"), "/me").headers


# ── Our own failures ────────────────────────────────────────────────────────
def test_even_a_failure_of_the_simulator_is_graphs_json(flock: Birds) -> None:
    Rows(flock.simulator).update("contact", addresses=5)

    answer = flock.graph(flock.as_person("ben", "Contacts.Read"), "/me/contacts")

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "generalException")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "Traceback" in flock.simulator.log_path.read_text()


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
    tokens = reader.connect(scope="openid profile email User.Read")

    about = reader.graph(tokens["access_token"], f"{reader.simulator.origin}/oidc/userinfo").json()

    assert (about["name"], about["email"]) == ("Alice Moreau", ALICE)
    assert about["sub"] == payload(tokens["id_token"])["sub"]


@pytest.mark.parametrize("token", ["without openid", "of an application"])
def test_userinfo_is_for_who_signed_in_with_openid(birds: Birds, token: str) -> None:
    used = birds.as_person("ben", "User.Read") if token == "without openid" else birds.as_app("User.Read.All")

    answer = birds.graph(used, f"{birds.simulator.origin}/oidc/userinfo")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
    assert birds.graph("", f"{birds.simulator.origin}/oidc/userinfo").status_code == 401


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
