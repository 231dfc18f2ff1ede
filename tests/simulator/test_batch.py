"""Graph: many requests in one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.aviary import POLICED, Birds, oid

ME = {"id": "1", "method": "GET", "url": "/me"}


def _responses(birds: Birds, token: str, *items: dict[str, Any]) -> dict[str, dict[str, Any]]:
    answer = birds.batch(token, *items)
    assert answer.status_code == 200, answer.text
    return {response["id"]: response for response in answer.json()["responses"]}


def test_each_request_has_its_own_status_headers_and_body(birds: Birds) -> None:
    token = birds.as_person("ben", "User.Read", "Contacts.Read")

    found = _responses(
        birds,
        token,
        {"id": "a", "method": "GET", "url": "/me?$select=displayName"},
        {"id": "b", "method": "get", "url": "me/contacts?$top=1&$filter=displayName eq 'Zo%C3%AB Wren'"},
        {"id": "c", "method": "GET", "url": "/me/calendar"},
        {"id": "d", "method": "GET", "url": "/me/nothing"},
        {"id": "e", "method": "DELETE", "url": "/me/calendarView"},
    )

    assert {name: response["status"] for name, response in found.items()} == {
        "a": 200, "b": 200, "c": 403, "d": 404, "e": 405,
    }  # fmt: skip
    assert found["a"]["body"]["displayName"] == "Ben O'Hara"
    assert found["b"]["body"]["value"][0]["displayName"] == "Zoë Wren"
    assert found["c"]["body"]["error"]["code"] == "ErrorAccessDenied"
    assert found["a"]["headers"]["Content-Type"].startswith("application/json")


def test_next_links_within_a_batch_lead_on(birds: Birds) -> None:
    token = birds.as_person("ben", "Contacts.Read")

    found = _responses(birds, token, {"id": "1", "method": "GET", "url": "/me/contacts?$top=1"})

    link = found["1"]["body"]["@odata.nextLink"]
    assert link.startswith(f"{birds.simulator.graph_url}/me/contacts?")
    assert birds.graph(token, link).status_code == 200


def test_headers_belong_to_the_request_they_stand_with(birds: Birds) -> None:
    token = birds.as_person("ben", "Contacts.Read")
    url = "/me/contacts"

    found = _responses(
        birds,
        token,
        {"id": "1", "method": "GET", "url": url, "headers": {"Prefer": "odata.maxpagesize=2"}},
        {"id": "2", "method": "GET", "url": url},
    )

    assert [len(found[name]["body"]["value"]) for name in ("1", "2")] == [2, 3]
    assert found["1"]["headers"]["Preference-Applied"] == "odata.maxpagesize=2"


def test_a_body_is_sent_as_json_and_says_so(flock: Birds) -> None:
    token = flock.as_person("ben", "MailboxSettings.ReadWrite")
    change = {"method": "PATCH", "url": "/me/mailboxSettings", "body": {"timeZone": "UTC"}}

    found = _responses(
        flock,
        token,
        {"id": "1", **change, "headers": {"content-type": "application/json"}},
        {"id": "2", **change},
        {"id": "3", **change, "body": None, "headers": {"Content-Type": "application/json"}},
    )

    assert found["1"]["body"]["timeZone"] == "UTC"
    assert [found[name]["status"] for name in ("2", "3")] == [400, 400]


def test_an_answer_without_a_body_has_none(flock: Birds) -> None:
    admin = flock.as_person("ada", "DelegatedPermissionGrant.ReadWrite.All")
    grant = flock.graph(admin, "/oauth2PermissionGrants").json()["value"][0]["id"]

    found = _responses(flock, admin, {"id": "1", "method": "DELETE", "url": f"/oauth2PermissionGrants/{grant}"})

    assert found["1"]["status"] == 204
    assert "body" not in found["1"]


def test_what_depends_on_a_failure_fails_with_424(birds: Birds) -> None:
    token = birds.as_person("ben", "User.Read")

    found = _responses(
        birds,
        token,
        {"id": "1", "method": "GET", "url": "/me/nothing"},
        {**ME, "id": "2", "dependsOn": ["1"]},
        {**ME, "id": "3", "dependsOn": ["2"]},
        {**ME, "id": "4"},
        {**ME, "id": "5", "dependsOn": ["4"]},
    )

    assert {name: response["status"] for name, response in found.items()} == {
        "1": 404, "2": 424, "3": 424, "4": 200, "5": 200,
    }  # fmt: skip
    assert found["2"]["body"]["error"]["code"] == "FailedDependency"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Invalid batch payload format."),
        ({"requests": []}, "Invalid batch payload format."),
        ({"requests": "all"}, "Invalid batch payload format."),
        ({"requests": ["GET /me"]}, "Invalid batch payload format."),
        ({"requests": [{"id": "1", "method": "GET"}]}, "Invalid batch payload format."),
        ({"requests": [{"method": "GET", "url": "/me"}]}, "Invalid batch payload format."),
        ({"requests": [{**ME, "id": 1}]}, "Invalid batch payload format."),
        ({"requests": [{**ME, "method": "FETCH"}]}, "Invalid batch payload format."),
        ({"requests": [{**ME, "headers": {"Prefer": 5}}]}, "Invalid batch payload format."),
        ({"requests": [ME, ME]}, "Request Id: 1 is duplicated in the batch."),
        ({"requests": [{**ME, "dependsOn": ["2"]}]}, "Invalid dependency for request Id: 1."),
        ({"requests": [{**ME, "dependsOn": ["1"]}]}, "Invalid dependency for request Id: 1."),
        (
            {"requests": [{**ME, "id": str(number)} for number in range(21)]},
            "Number of batch request steps exceeds the maximum value of 20.",
        ),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused_whole(birds: Birds, body: Any, message: str) -> None:
    answer = birds.batch(birds.as_person("ben", "User.Read"), body=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert answer.json()["error"]["message"] == message


def test_twenty_requests_are_not_too_many(birds: Birds) -> None:
    items = [{**ME, "id": str(number)} for number in range(20)]

    found = _responses(birds, birds.as_person("ben", "User.Read"), *items)

    assert {response["status"] for response in found.values()} == {200}


def test_batches_are_not_nested_and_stay_within_the_version(birds: Birds) -> None:
    found = _responses(
        birds,
        birds.as_person("ben", "User.Read"),
        {
            "id": "1",
            "method": "POST",
            "url": "/$batch",
            "headers": {"Content-Type": "application/json"},
            "body": {"requests": [ME]},
        },
        {"id": "2", "method": "GET", "url": "/v1.0/me"},
        {"id": "3", "method": "GET", "url": f"{birds.simulator.graph_url}/me"},
    )

    assert {name: response["status"] for name, response in found.items()} == {"1": 400, "2": 404, "3": 404}


def test_requests_of_an_application_are_checked_one_by_one(birds: Birds) -> None:
    found = _responses(
        birds,
        birds.application(POLICED),
        {"id": "1", "method": "GET", "url": f"/users/{oid('ben')}/calendar"},
        {"id": "2", "method": "GET", "url": f"/users/{oid('ada')}/calendar"},
        {"id": "3", "method": "GET", "url": "/me/calendar"},
    )

    assert {name: response["status"] for name, response in found.items()} == {"1": 200, "2": 403, "3": 400}


def test_a_batch_needs_a_token_and_a_post(birds: Birds) -> None:
    assert birds.batch("").status_code == 401
    assert birds.graph(birds.as_person("ben", "User.Read"), "/$batch").status_code == 405


def test_throttling_and_faults_meet_each_request_of_a_batch(flock: Birds) -> None:
    fault = {"target": "graph", "status": 429, "seconds": 60, "path": "me/contacts*"}
    flock.simulator.control("POST", "faults", fault)

    found = _responses(
        flock,
        flock.as_person("ben", "User.Read", "Contacts.Read"),
        ME,
        {"id": "2", "method": "GET", "url": "/me/contacts"},
    )

    assert {name: response["status"] for name, response in found.items()} == {"1": 200, "2": 429}
    assert int(found["2"]["headers"]["Retry-After"]) > 50
