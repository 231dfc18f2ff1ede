"""Faults on order: whom they hit, how often, and what the client then sees on the wire."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import ALICE, BOB, Client

pytestmark = pytest.mark.usefixtures("_well_again")


@pytest.fixture
def _well_again(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.control("DELETE", "faults")


def _order(client: Client, **rule: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.simulator.control("POST", "faults", {"seconds": 60, **rule})
    return answer


def _refused(client: Client, **rule: Any) -> str:
    answer = requests.post(
        f"{client.simulator.human_url}/control/faults",
        json={"seconds": 60, **rule},
        headers={"Authorization": f"Bearer {client.simulator.control_token}"},
        timeout=10,
    )
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


# ── Whom ────────────────────────────────────────────────────────────────────
def test_a_rule_hits_only_its_person(client: Client) -> None:
    alice, bob = (client.connect(name)["access_token"] for name in (ALICE, BOB))

    _order(client, target="graph", status=503, person=ALICE)

    assert client.graph(alice, "/me").status_code == 503
    assert client.graph(bob, "/me").status_code == 200


def test_a_rule_hits_only_its_tenant(client: Client) -> None:
    kestrel, corvid = (client.connect(name)["refresh_token"] for name in (ALICE, "mallory@corvid.example"))

    _order(client, target="token", status=503, tenant="corvid.example")

    assert client.refresh(kestrel).status_code == 200
    assert client.refresh(corvid).status_code == 503


def test_a_rule_of_a_tenant_hits_client_credentials_there(client: Client) -> None:
    _order(client, target="token", status=429, tenant="kestrel.example", path="client_credentials")

    answer = client.token(
        "kestrel.example", grant_type="client_credentials", scope="https://graph.microsoft.com/.default"
    )

    assert answer.status_code == 429


def test_a_rule_hits_only_its_application(client: Client) -> None:
    token = client.connect()["access_token"]
    others = [app for app in client.simulator.control("GET", "state")["applications"] if app["name"] != "Meridian"]

    _order(client, target="graph", status=503, application=others[0]["client_id"])
    of_another = client.graph(token, "/me").status_code
    _order(client, target="graph", status=503, application=client.simulator.client_id)

    assert of_another == 200
    assert client.graph(token, "/me").status_code == 503


def test_a_rule_hits_only_its_method_and_path(client: Client) -> None:
    token = client.connect()["access_token"]

    _order(client, target="graph", status=503, method="GET", path="me/calendars*")

    assert client.graph(token, "/me").status_code == 200
    assert client.graph(token, "/me/calendars").status_code == 503
    assert client.graph(token, "/me/calendars", method="POST").status_code != 503


def test_a_rule_for_the_sign_in_pages_shows_a_page(client: Client) -> None:
    _order(client, target="sign_in", status=503, retry_after=7)

    page = client.http.get(client.authorize_url())

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "7"
    assert "AADSTS90033" in page.text


# ── How often ───────────────────────────────────────────────────────────────
def test_a_count_is_exact_when_many_come_at_once(client: Client) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", status=503, count=7)
    seen: Counter[int] = Counter()

    def ask() -> None:
        seen.update([client.graph(token, "/me").status_code for _ in range(5)])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {503: 7, 200: 23}


def test_of_two_rules_the_newest_answers(client: Client) -> None:
    token = client.connect()["access_token"]
    for status in (503, 429):
        _order(client, target="graph", status=status)

    assert client.graph(token, "/me").status_code == 429


def test_steps_come_in_turn_and_then_from_the_start(client: Client) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", steps=[{"status": 429}, {"latency_ms": 1}, {"status": 500}])

    seen = [client.graph(token, "/me").status_code for _ in range(6)]

    assert seen == [429, 200, 500, 429, 200, 500]


def test_a_part_of_the_requests_is_hit(client: Client) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", status=503, percent=50)

    seen = Counter(client.graph(token, "/me").status_code for _ in range(60))

    # Of sixty, fewer than ten or more than fifty happens once in some million runs.
    assert 10 <= seen[503] <= 50
    assert seen[503] + seen[200] == 60


def test_a_fault_ends_with_its_time(client: Client) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", status=503, seconds=1)

    during = client.graph(token, "/me").status_code
    time.sleep(1.1)

    assert during == 503
    assert client.graph(token, "/me").status_code == 200


# ── What is answered ────────────────────────────────────────────────────────
def test_graph_answers_the_code_and_message_that_were_ordered(client: Client) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", status=409, code="ErrorMailboxMoveInProgress", message="Moving.", retry_after=5)

    answer = client.graph(token, "/me")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "ErrorMailboxMoveInProgress"
    assert answer.json()["error"]["message"] == "Moving."
    assert answer.headers["Retry-After"] == "5"


def test_the_token_endpoint_answers_the_aadsts_code_that_was_ordered(client: Client) -> None:
    token = client.connect()["refresh_token"]
    _order(client, target="token", aadsts=50173, count=1)

    answer = client.refresh(token)

    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (400, "invalid_grant", [50173])
    assert "AADSTS50173" in answer.json()["error_description"]


def test_a_fault_uses_nothing_up(client: Client) -> None:
    code = client.code()
    _order(client, target="token", status=503, count=1)

    refused, given = client.redeem(code), client.redeem(code)

    assert (refused.status_code, given.status_code) == (503, 200)


@pytest.mark.parametrize(("form", "shape"), [("seconds", "seconds"), ("date", "date"), ("none", None)])
def test_retry_after_is_sent_as_ordered(client: Client, form: str, shape: str | None) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", status=429, retry_after=30, retry_after_as=form)

    told = client.graph(token, "/me").headers.get("Retry-After")

    if shape == "date":
        assert told
        assert 25 <= parsedate_to_datetime(told).timestamp() - time.time() <= 31
    else:
        assert told == ("30" if shape else None)


def test_latency_delays_the_true_answer(client: Client) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", latency_ms=600)

    began = time.perf_counter()
    answer = client.graph(token, "/me")

    assert answer.status_code == 200
    assert time.perf_counter() - began >= 0.6


@pytest.mark.parametrize("target", ["graph", "token"])
def test_a_reset_leaves_the_client_without_an_answer(client: Client, target: str) -> None:
    tokens = client.connect()
    _order(client, target=target, reset=True, count=1)

    with pytest.raises(requests.ConnectionError):
        client.graph(tokens["access_token"], "/me") if target == "graph" else client.refresh(tokens["refresh_token"])

    assert client.graph(tokens["access_token"], "/me").status_code == 200
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_a_reset_of_graph_is_one_of_the_connection(client: Client) -> None:
    """Below TLS, where libraries tell less: no polite end of the stream, but RST."""
    token = client.connect()["access_token"]
    _order(client, target="graph", reset=True, count=1)
    trusted = ssl.create_default_context(cafile=str(client.simulator.ca_path))

    with (
        socket.create_connection(("localhost", client.simulator.https_port), timeout=10) as bare,
        trusted.wrap_socket(bare.dup(), server_hostname="localhost") as secure,
    ):
        secure.sendall(f"GET /v1.0/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            while bare.recv(4096):
                pass


def test_a_reset_of_the_sign_in_pages_is_one_of_the_connection(client: Client) -> None:
    _order(client, target="sign_in", reset=True, count=1)

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        client.http.get(client.authorize_url())

    assert client.http.get(client.authorize_url()).status_code == 200


def test_the_service_goes_on_after_many_resets(client: Client) -> None:
    token = client.connect()["access_token"]
    _order(client, target="graph", reset=True, count=40)

    for _ in range(40):
        with pytest.raises(requests.ConnectionError):
            requests.get(
                f"{client.simulator.graph_url}/me",
                headers={"Authorization": f"Bearer {token}"},
                verify=str(client.simulator.ca_path),
                timeout=10,
            )

    assert client.graph(token, "/me").status_code == 200
    assert client.simulator.sign_in(client.authorize_url(), BOB, PASSWORD)["code"]


# ── What cannot be ordered ──────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"target": "moon", "status": 503}, "what is to fail"),
        ({"target": "graph"}, "an answer, a delay"),
        ({"target": "graph", "status": 418}, "one of the answers"),
        ({"target": "graph", "status": "503"}, "one of the answers"),
        ({"target": "graph", "status": True}, "one of the answers"),
        ({"target": "graph", "status": 503, "seconds": 0}, "1 second"),
        ({"target": "graph", "status": 503, "percent": 0}, "percent"),
        ({"target": "graph", "status": 503, "count": 0}, "requests"),
        ({"target": "graph", "status": 503, "method": "BREW"}, "method"),
        ({"target": "graph", "status": 503, "colour": "red"}, "no “colour”"),
        ({"target": "graph", "status": 503, "steps": [{"status": 503}]}, "either steps"),
        ({"target": "graph", "steps": "503"}, "list of objects"),
        ({"target": "graph", "steps": []}, "between 1 and 50"),
        ({"target": "graph", "steps": [{"statsu": 503}]}, "no “statsu”"),
        ({"target": "graph", "status": 400, "aadsts": 50173}, "not by Graph"),
        ({"target": "token", "status": 400}, "which AADSTS code"),
        ({"target": "graph", "latency_ms": 60_001}, "delay"),
        ({"target": "graph", "status": 429, "retry_after": -1}, "Retry-After"),
        ({"target": "graph", "status": 429, "retry_after": 5, "retry_after_as": "weeks"}, "seconds, date or none"),
        ({"target": "graph", "reset": "yes"}, "true or false"),
    ],
)
def test_a_senseless_rule_is_refused_with_a_sentence(client: Client, rule: dict[str, Any], says: str) -> None:
    sentence = _refused(client, **rule)

    assert says in sentence
    assert client.simulator.control("GET", "faults") == {"faults": []}


def test_a_rule_tells_how_often_it_has_hit(client: Client) -> None:
    token = client.connect()["access_token"]
    rule = _order(client, target="graph", status=503, count=5)

    client.graph(token, "/me")
    shown = client.simulator.control("GET", f"faults/{rule['id']}")

    assert (shown["hits"], shown["remaining"]) == (1, 4)
