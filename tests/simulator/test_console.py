"""The console and the control API: who may use them, and that each switch does what it says."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
import requests

from tests.simulated import Simulator, form_of
from tests.simulator.client import ALICE, Client


# ── Who may ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("token", ["", "wrong", "Bearer"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "state"),
        ("GET", "log"),
        ("POST", "reset"),
        ("POST", "tenants/kestrel.example/later"),
        ("POST", "recipes/holiday"),
        ("GET", "no/such/thing"),
        ("GET", "faults"),
        ("DELETE", "faults/1"),
        ("POST", f"people/{ALICE}/revoke-sessions"),
        ("POST", f"people/{ALICE}/password"),
        ("DELETE", f"people/{ALICE}/grants"),
        ("POST", "applications/5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40/secret"),
        ("POST", "applications/5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40/expire-secrets"),
    ],
)
def test_the_api_asks_for_the_control_token(simulator: Simulator, method: str, path: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    answer = requests.request(method, f"{simulator.human_url}/control/{path}", headers=headers, json={}, timeout=10)

    assert answer.status_code == 401


def test_the_console_is_open_on_loopback_but_not_to_other_sites(client: Client) -> None:
    page = client.http.get(_page_of_alice(client))
    action = _action(page, "revoke-sessions")

    forged = client.http.post(urljoin(page.url, action), headers={"Origin": "http://elsewhere.example"})
    rebound = client.http.get(client.simulator.human_url, headers={"Host": "rebound.example"})

    assert page.status_code == 200
    assert forged.status_code == 403
    assert rebound.status_code == 400


def test_reachable_from_elsewhere_the_console_asks_for_the_token(tmp_path_factory: pytest.TempPathFactory) -> None:
    remote = Simulator(options=("--host", "0.0.0.0", "--allow-remote"))  # noqa: S104
    remote.start(tmp_path_factory.mktemp("remote"))
    try:
        browser = remote.http()
        page = browser.get(remote.human_url)
        action, fields = form_of(page)
        wrong = browser.post(urljoin(page.url, action), data={**fields, "token": "guess"})
        right = browser.post(urljoin(page.url, action), data={**fields, "token": remote.control_token})
        switch = requests.post(f"{remote.human_url}/console/faults", timeout=10, allow_redirects=False)
    finally:
        remote.stop()

    assert "Control token" in page.text
    assert wrong.status_code == 403
    assert "Kestrel &amp; Co" in right.text
    assert switch.status_code == 403


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_switches_are_not_thrown_by_looking(client: Client, method: str) -> None:
    with pytest.raises(requests.HTTPError, match="405"):
        client.simulator.control(method, "reset")


# ── The pages ───────────────────────────────────────────────────────────────
def test_revoking_on_the_page_revokes_and_says_so(client: Client) -> None:
    token = client.connect()["refresh_token"]
    browser = client.simulator.http()

    page = _press(browser, client, "revoke-sessions")

    assert "Alice Moreau’s sessions are revoked" in page.text
    assert client.refresh(token).json()["error_codes"] == [50173]


@pytest.mark.parametrize(
    ("action", "refresh", "graph"),
    [
        ("expire-tokens", 200, 401),
        ("expire-all-tokens", 400, 401),
        ("withdraw-consent", 400, 200),
        ("disable", 400, 200),
    ],
)
def test_each_switch_of_a_person_does_what_it_says(client: Client, action: str, refresh: int, graph: int) -> None:
    tokens = client.connect()

    page = _press(client.simulator.http(), client, action)

    assert 'role="status"' in page.text
    assert client.graph(tokens["access_token"], "/me").status_code == graph
    assert client.refresh(tokens["refresh_token"]).status_code == refresh


def test_a_fault_is_started_shown_and_stopped(client: Client) -> None:
    token = client.connect()["access_token"]
    browser = client.simulator.http()
    page = browser.get(client.simulator.human_url)
    order = {"target": "graph", "status": "503", "tenant": "", "seconds": "60", "latency_ms": "0"}

    page = browser.post(f"{client.simulator.human_url}/console/faults", data={**_csrf(page), **order})
    during = client.graph(token, "/me").status_code
    stop = re.search(r'action="(/console/faults/\d+/stop)"', page.text)
    assert stop, page.text
    page = browser.post(urljoin(page.url, stop[1]), data=_csrf(page))

    assert during == 503
    assert "The fault is off." in page.text
    assert client.graph(token, "/me").status_code == 200


@pytest.mark.parametrize(
    "order",
    [
        {"target": "graph", "status": "429", "seconds": "0"},
        {"target": "graph", "status": "429", "seconds": "many"},
        {"target": "graph", "status": "418", "seconds": "60"},
        {"target": "graph", "status": "", "seconds": "60"},
        {"target": "moon", "status": "429", "seconds": "60"},
    ],
)
def test_a_senseless_fault_is_explained_and_not_started(client: Client, order: dict[str, str]) -> None:
    browser = client.simulator.http()
    page = browser.get(client.simulator.human_url)

    page = browser.post(f"{client.simulator.human_url}/console/faults", data={**_csrf(page), **order})

    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert client.simulator.control("GET", "faults") == {"faults": []}


def test_only_sentences_of_its_own_are_shown(client: Client) -> None:
    page = client.http.get(f"{client.simulator.human_url}/?said=You+have+won")

    assert "You have won" not in page.text


def test_a_form_that_cannot_be_done_says_why_and_keeps_what_was_typed(client: Client) -> None:
    browser = client.simulator.http()
    page = browser.get(_page_of_alice(client))

    page = browser.post(
        urljoin(page.url, _action(page, "rename")), data={**_csrf(page), "upn": "alice@elsewhere.example"}
    )

    assert page.status_code == 400
    assert "elsewhere.example is no verified domain" in page.text
    assert 'value="alice@elsewhere.example"' in page.text


def test_a_password_is_never_written_back_into_a_form(client: Client) -> None:
    browser = client.simulator.http()
    page = browser.get(_page_of_alice(client))

    page = browser.post(
        urljoin(page.url, _action(page, "password")), data={**_csrf(page), "password": "typed-once", "way": "no way"}
    )

    assert page.status_code == 400
    assert "typed-once" not in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_a_form_does_nothing(client: Client, method: str) -> None:
    client.http.request(method, f"{_page_of_alice(client)}/disable")

    assert client.simulator.control("GET", f"people/{ALICE}")["is_enabled"]


@pytest.mark.parametrize(
    "path",
    [
        "console/people/00000000-0000-0000-0000-00000000dead",
        "console/tenants/00000000-0000-0000-0000-00000000dead",
        "console/applications/00000000-0000-0000-0000-00000000dead",
        "console/people/2f7b4c34-5e3d-4a2c-9b11-3d4c9e7b6a03/explode",
        "console/people/2f7b4c34-5e3d-4a2c-9b11-3d4c9e7b6a03/events/none",
        "console/recipes/apocalypse",
    ],
)
def test_what_is_gone_gets_a_page_that_says_so(client: Client, path: str) -> None:
    page = client.http.get(f"{client.simulator.human_url}/{path}")

    assert page.status_code == 404
    assert "Nothing is simulated at this address" in page.text


def test_who_waits_for_approval_is_shown_until_an_administrator_grants(client: Client) -> None:
    place = "tenants/corvid.example"
    client.simulator.control("POST", f"{place}/user-consent", {"setting": "not_allowed"})
    client.simulator.control("POST", f"{place}/consent-workflow", {"on": True})
    page_of_corvid = f"{client.simulator.human_url}/console/tenants/b83e0c4d-91f6-4f0a-8d27-7c12e6a95b30"
    client.simulator.sign_in(client.authorize_url(), "trent@corvid.example", justification="For the team")

    waiting = client.http.get(page_of_corvid).text
    client.simulator.control(
        "POST",
        f"applications/{client.simulator.client_id}/{place}/grant",
        {"scopes": ["openid", "profile", "offline_access", "User.Read", "Calendars.Read"]},
    )
    granted = client.http.get(page_of_corvid).text
    client.simulator.control("POST", "reset")

    assert "Waiting for an administrator’s approval" in waiting
    assert "Waiting for an administrator’s approval" not in granted


def test_people_are_found_by_name(client: Client) -> None:
    state = client.simulator.control("GET", "state")
    kestrel = next(tenant for tenant in state["tenants"] if tenant["name"] == "Kestrel & Co")

    page = client.http.get(f"{client.simulator.human_url}/console/tenants/{kestrel['id']}", params={"q": "moreau"})

    assert "Alice Moreau" in page.text
    assert "Bob Tanaka" not in page.text


def test_what_is_not_there_says_so(client: Client) -> None:
    page = client.http.get(f"{client.simulator.human_url}/nothing/here")

    assert page.status_code == 404
    assert "Nothing is simulated at this address" in page.text


# ── The API ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("method", "path", "json", "status"),
    [
        ("POST", "people/nobody@kestrel.example/revoke-sessions", None, 404),
        ("POST", f"people/{ALICE}/tickle", None, 404),
        ("POST", f"people/{ALICE}/password", {}, 400),
        ("POST", "faults", {"target": "graph", "status": 429, "seconds": "60"}, 400),
        ("POST", "faults", {"target": "graph", "status": 418, "seconds": 60}, 400),
        ("POST", "recipes/apocalypse", None, 404),
        ("POST", "faults", {"target": "graph", "status": 429, "seconds": 60, "tenant": "nowhere.example"}, 404),
        ("POST", "faults", [], 400),
        ("DELETE", "faults/999999", None, 404),
        ("POST", "applications/00000000-0000-0000-0000-00000000dead/expire-secrets", None, 404),
    ],
)
def test_a_senseless_order_is_refused_with_a_sentence(
    client: Client, method: str, path: str, json: object, status: int
) -> None:
    answer = requests.request(
        method,
        f"{client.simulator.human_url}/control/{path}",
        json=json,
        headers={"Authorization": f"Bearer {client.simulator.control_token}"},
        timeout=10,
    )

    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")


def test_a_reset_ends_everything_that_was_given(client: Client) -> None:
    tokens = client.connect()

    client.simulator.control("POST", "reset")

    assert client.refresh(tokens["refresh_token"]).json()["error_codes"] == [70000]
    assert client.graph(tokens["access_token"], "/me").status_code == 401
    assert client.grants() == []


def test_the_state_tells_everything_but_secrets(client: Client) -> None:
    client.connect()

    state = client.simulator.control("GET", "state")

    assert {person["sign_in_name"] for person in state["people"]} >= {ALICE, "mallory@corvid.example"}
    assert client.grants()[0]["person"] == ALICE
    assert client.simulator.client_secret not in str(state)
    assert "pbkdf2" not in str(state)


def _press(browser: requests.Session, client: Client, action: str) -> requests.Response:
    page = browser.get(_page_of_alice(client))
    return browser.post(urljoin(page.url, _action(page, action)), data=_csrf(page))


def _page_of_alice(client: Client) -> str:
    return f"{client.simulator.human_url}/console/people/2f7b4c34-5e3d-4a2c-9b11-3d4c9e7b6a03"


def _action(page: requests.Response, action: str) -> str:
    """Alice's switch; her id is in the seed."""
    found = re.search(rf'action="(/console/people/2f7b4c34[^"]*/{action})"', page.text)
    assert found, page.text
    return found[1]


def _csrf(page: requests.Response) -> dict[str, str]:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found, page.text
    return {"csrfmiddlewaretoken": found[1]}
