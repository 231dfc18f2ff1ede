"""The request log: who, what, answer, why; remarks on mistakes; and never anything secret."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import ALICE, BOB, VERIFIER, Client

pytestmark = pytest.mark.usefixtures("_blank")


@pytest.fixture
def _blank(simulator: Simulator) -> Iterator[None]:
    simulator.control("POST", "reset")
    simulator.control("DELETE", "log")
    yield
    simulator.control("POST", "reset")


def _log(client: Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.simulator.control("GET", f"log?{query}")["entries"]
    return found


def _remarks(client: Client) -> str:
    return " ".join(remark for entry in _log(client) for remark in entry["remarks"])


def test_a_request_is_logged_with_who_what_answer_and_why(client: Client) -> None:
    token = client.connect()["access_token"]

    client.graph(token, "/me")
    entry = _log(client)[0]

    assert (entry["kind"], entry["method"], entry["path"], entry["status"]) == ("graph", "GET", "/v1.0/me", 200)
    assert (entry["who"], entry["app"], entry["tenant"]) == (ALICE, "Meridian", "Kestrel & Co")
    assert entry["why"].endswith(".")


def test_a_refusal_names_its_code_and_its_reason(client: Client) -> None:
    token = client.connect()["refresh_token"]
    client.person(ALICE, "revoke-sessions")

    client.refresh(token)
    entry = _log(client)[0]

    assert (entry["kind"], entry["operation"], entry["status"]) == ("token", "refresh_token", 400)
    assert "50173" in entry["code"]
    assert entry["why"].endswith(".")
    assert entry["app"] == "Meridian"


def test_actions_of_the_trainer_stand_between_the_requests(client: Client) -> None:
    client.person(BOB, "disable")

    entry = _log(client)[0]

    assert (entry["kind"], entry["who"]) == ("trainer", BOB)
    assert entry["why"] == "Bob Tanaka is disabled and cannot sign in."


def test_nothing_secret_is_ever_in_it(client: Client) -> None:
    code = client.code()
    tokens = client.redeem(code).json()
    again = client.refresh(tokens["refresh_token"]).json()
    client.graph(tokens["access_token"], f"/me/{tokens['access_token']}?$skiptoken=SKIPPED&access_token=QUERIED")
    client.http.get(f"{client.simulator.origin}/{tokens['refresh_token']}/oauth2/v2.0/token")
    client.person(ALICE, "password", {"password": "a-new-Pa55word"})

    text = (
        json.dumps(client.simulator.control("GET", "log")) + client.http.get(f"{client.simulator.human_url}/log").text
    )

    given = (code, VERIFIER, client.simulator.client_secret, PASSWORD, "a-new-Pa55word", "SKIPPED", "QUERIED")
    given += tuple(
        answer[name]
        for answer in (tokens, again)
        for name in ("access_token", "refresh_token", "id_token")
        if name in answer
    )
    for secret in given:
        assert secret not in text
        assert secret[:60] not in text or len(secret) < 60
    assert client.simulator.control_token not in text


def test_what_is_put_in_the_wrong_place_is_not_in_it_either(client: Client) -> None:
    secret, token = client.simulator.client_secret, client.connect()["refresh_token"]
    client.token(client_id=secret, client_secret=client.simulator.client_id, grant_type="refresh_token")
    client.token(grant_type=token)
    client.refresh(token, scope=token)
    client.refresh(token, token[:100])
    client.graph(client.refresh(token).json()["access_token"], f"/me?$select={token[:200]}&client_id={secret}")
    client.graph("", f"/users/{token[:200]}")

    text = json.dumps(client.simulator.control("GET", "log")) + client.simulator.log_path.read_text()

    assert secret not in text
    assert token[:60] not in text


def test_it_keeps_the_last_thousand(client: Client) -> None:
    url = f"{client.simulator.origin}/common/discovery/instance"
    for _ in range(1005):
        client.http.get(url)

    entries = _log(client)

    assert len(entries) == 1000
    assert entries[0]["number"] - entries[-1]["number"] == 999


def test_since_gives_what_is_newer(client: Client) -> None:
    client.person(BOB, "disable")
    last = client.simulator.control("GET", "log")["last"]

    client.person(BOB, "enable")

    assert [entry["why"] for entry in _log(client, f"since={last}")] == ["Bob Tanaka is enabled and can sign in again."]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        (f"person={ALICE}", True),
        (f"person={BOB}", False),
        ("app=5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40", True),
        ("status=200", True),
        ("status=2xx", True),
        ("status=failed", False),
        ("remarks=1", False),
    ],
)
def test_it_can_be_filtered(client: Client, query: str, fits: bool) -> None:
    token = client.connect()["access_token"]
    client.graph(token, "/me")

    found = [entry for entry in _log(client, query) if entry["path"] == "/v1.0/me"]

    assert bool(found) is fits


# ── Remarks ─────────────────────────────────────────────────────────────────
def test_coming_back_before_retry_after_is_remarked(client: Client) -> None:
    token = client.connect()["access_token"]
    client.simulator.control("POST", "faults", {"target": "graph", "status": 429, "seconds": 60, "count": 1})

    client.graph(token, "/me")
    before = _remarks(client)
    client.graph(token, "/me")

    assert "Retry-After" not in before
    assert "before the time that Retry-After named" in _remarks(client)


@pytest.mark.parametrize(("name", "is_remarked"), [(ALICE, True), (BOB, False)])
def test_at_the_token_endpoint_it_is_the_person_who_came_too_early(
    client: Client, name: str, is_remarked: bool
) -> None:
    tokens = {one: client.connect(one)["refresh_token"] for one in (ALICE, BOB)}
    client.simulator.control("POST", "faults", {"target": "token", "status": 429, "seconds": 60, "count": 1})

    client.refresh(tokens[ALICE])
    refused = _log(client)[0]
    client.refresh(tokens[name])

    assert (refused["who"], refused["app"]) == (ALICE, "Meridian")
    assert ("Retry-After" in _remarks(client)) is is_remarked


def test_one_browser_is_not_taken_for_another(client: Client) -> None:
    client.simulator.control("POST", "faults", {"target": "sign_in", "status": 503, "retry_after": 60, "count": 1})

    for _ in range(2):
        client.simulator.http().get(client.authorize_url())

    assert "Retry-After" not in _remarks(client)


def test_somebody_else_may_come_meanwhile(client: Client) -> None:
    alice, bob = (client.connect(name)["access_token"] for name in (ALICE, BOB))
    client.simulator.control("POST", "faults", {"target": "graph", "status": 429, "seconds": 60, "person": ALICE})

    client.graph(alice, "/me")
    client.graph(bob, "/me")

    assert "Retry-After" not in _remarks(client)


def test_using_a_refresh_token_twice_is_remarked(client: Client) -> None:
    token = client.connect()["refresh_token"]

    client.refresh(token)
    before = _remarks(client)
    client.refresh(token)

    assert "second time" not in before
    assert "Used a refresh token a second time" in _remarks(client)


def test_coming_again_with_a_refresh_token_after_a_fault_is_not_remarked(client: Client) -> None:
    token = client.connect()["refresh_token"]
    client.simulator.control("POST", "faults", {"target": "token", "status": 500, "seconds": 60, "count": 1})

    client.refresh(token)
    client.refresh(token)

    assert _remarks(client) == ""


def test_refreshing_what_is_still_fresh_is_remarked(client: Client) -> None:
    token = client.connect()["refresh_token"]

    second = client.refresh(token).json()["refresh_token"]
    client.refresh(second)

    assert "Refreshed a token that was still fresh" in _remarks(client)


def test_refreshing_after_a_401_is_not_remarked(client: Client) -> None:
    first = client.refresh(client.connect()["refresh_token"]).json()
    client.person(ALICE, "expire-tokens")

    client.graph(first["access_token"], "/me")
    client.refresh(first["refresh_token"])

    assert "still fresh" not in _remarks(client)


def test_going_on_with_a_refused_token_is_remarked(client: Client) -> None:
    token = client.connect()["access_token"]
    client.person(ALICE, "expire-tokens")

    for _ in range(2):
        client.graph(token, "/me")
    before = _remarks(client)
    client.graph(token, "/me")

    assert "401" not in before
    assert "refused with 401 for the 3rd time" in _remarks(client)


def test_redeeming_a_code_twice_is_remarked(client: Client) -> None:
    code = client.code()

    client.redeem(code)
    client.redeem(code)

    assert "Redeemed an authorisation code twice" in _remarks(client)


def test_a_credential_in_the_query_is_remarked(client: Client) -> None:
    client.http.get(f"{client.simulator.origin}/common/oauth2/v2.0/token?client_secret=in-the-open")

    assert "Sent a credential in the query" in _remarks(client)
    assert "in-the-open" not in json.dumps(_log(client))


def test_signing_in_without_state_or_pkce_is_remarked(client: Client) -> None:
    client.http.get(client.authorize_url(state=None, code_challenge=None, code_challenge_method=None))

    assert "Sent no state" in _remarks(client)
    assert "Sent no code_challenge" in _remarks(client)


def test_asking_for_more_than_was_used_is_remarked(client: Client) -> None:
    scope = "openid offline_access User.Read Calendars.ReadWrite"
    token = client.connect(scope=scope)["access_token"]

    for _ in range(10):
        client.graph(token, "/me")
        client.graph(token, "/me/calendars")
    verdict = client.simulator.control("GET", "log")["permissions"][0]

    assert "Asked for more than it used" in _remarks(client)
    assert verdict["app"] == "Meridian"
    assert [pair[0] for pair in verdict["narrower"]] == ["Calendars.ReadWrite"]


def test_a_client_that_does_all_right_gets_no_remark(client: Client) -> None:
    tokens = client.connect(scope="openid offline_access User.Read")
    for _ in range(25):
        client.graph(tokens["access_token"], "/me")
    client.refresh(tokens["refresh_token"])

    assert _remarks(client) == ""


# ── Robust ──────────────────────────────────────────────────────────────────
def test_a_broken_request_is_logged_and_harms_nothing(client: Client) -> None:
    answer = requests.post(
        f"{client.simulator.origin}/common/oauth2/v2.0/token",
        data=b"\xff\x00=%%%",
        headers={"Content-Type": "multipart/form-data; boundary=nowhere"},
        verify=str(client.simulator.ca_path),
        timeout=10,
    )

    assert answer.status_code < 500
    assert _log(client)[0]["kind"] == "token"


def test_a_request_from_before_a_reset_is_not_counted_after_it(client: Client) -> None:
    token = client.connect()["refresh_token"]
    client.simulator.control("POST", "faults", {"target": "token", "latency_ms": 1500, "seconds": 60})

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(client.refresh, token)
        time.sleep(0.5)
        client.simulator.control("POST", "reset")
        answer = late.result()

    assert answer.status_code == 400
    assert client.simulator.control("GET", "state")["requests"]["token"] == []
