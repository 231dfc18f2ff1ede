"""The Exchange Server on-premises: its port, its certificate, its bad days, and how mailboxes are found."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.simulated import Simulator
from tests.simulator.client import ALICE, Client
from tests.simulator.knocking import INGRID, Door, code_of


@pytest.fixture
def door(client: Client) -> Iterator[Door]:
    yield Door(client.simulator)
    # Whatever a test left of it, the next one finds it up.
    client.simulator.control("POST", "reset")


def _ordered(door: Door, action: str, **sent: object) -> None:
    door.simulator.control("POST", action, sent)


def test_a_server_that_is_down_refuses_connections_until_it_is_up_again(door: Door) -> None:
    _ordered(door, "exchange-down")
    with pytest.raises(requests.ConnectionError):
        door.by_password(INGRID)

    _ordered(door, "exchange-up")

    assert door.by_password(INGRID).status_code == 200


def test_a_connection_that_was_kept_open_ends_with_it(door: Door) -> None:
    with door.simulator.http() as kept:
        assert kept.get(door.simulator.exchange_url, timeout=10).status_code == 401

        _ordered(door, "exchange-down")

        with pytest.raises(requests.ConnectionError):
            kept.get(door.simulator.exchange_url, timeout=10)


@pytest.mark.parametrize("certificate", ["untrusted", "expired", "wrong_name"])
def test_a_certificate_that_is_not_good_is_refused_by_who_checks(door: Door, certificate: str) -> None:
    _ordered(door, "exchange-certificate", certificate=certificate)
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        door.by_password(INGRID)

    _ordered(door, "exchange-certificate", certificate="trusted")

    assert door.by_password(INGRID).status_code == 200


def test_the_cloud_is_not_touched_by_its_certificate(door: Door) -> None:
    _ordered(door, "exchange-certificate", certificate="untrusted")

    assert door.simulator.http().get(f"{door.simulator.origin}/healthz", timeout=10).status_code == 200


def test_a_busy_server_says_how_long_to_wait(door: Door) -> None:
    _ordered(door, "exchange-busy", milliseconds=12_345)
    answer = door.by_password(INGRID)
    wrong = door.by_password(INGRID, "not-it")

    _ordered(door, "exchange-busy", milliseconds=0)

    assert (answer.status_code, code_of(answer)) == (500, "ErrorServerBusy")
    assert 'Name="BackOffMilliseconds">12345<' in answer.text
    assert wrong.status_code == 401
    assert door.by_password(INGRID).status_code == 200


def test_a_port_that_somebody_else_has_taken_meanwhile_is_told(door: Door) -> None:
    _ordered(door, "exchange-down")
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", door.simulator.exchange_port))
        stranger.listen()

        with pytest.raises(requests.HTTPError, match="409"):
            _ordered(door, "exchange-up")

    assert door.simulator.control("GET", "state")["exchange"]["is_down"]
    _ordered(door, "exchange-up")
    assert door.by_password(INGRID).status_code == 200


def test_a_reset_brings_it_back(door: Door) -> None:
    _ordered(door, "exchange-certificate", certificate="expired")
    _ordered(door, "exchange-down")

    _ordered(door, "reset")

    assert door.by_password(INGRID).status_code == 200


def test_the_state_tells_how_it_is(door: Door) -> None:
    _ordered(door, "exchange-busy", milliseconds=5000)
    _ordered(door, "exchange-down")

    state = door.simulator.control("GET", "state")["exchange"]

    assert state == {"is_down": True, "certificate": "trusted", "back_off_milliseconds": 5000}


def test_what_ails_it_outlives_a_restart(tmp_path: Any) -> None:
    simulator = Simulator().start(tmp_path)
    simulator.control("POST", "exchange-down")
    simulator.stop()

    simulator.start()

    try:
        with pytest.raises(requests.ConnectionError):
            Door(simulator).by_password(INGRID)
        simulator.control("POST", "exchange-up")
        assert Door(simulator).by_password(INGRID).status_code == 200
    finally:
        simulator.stop()


@pytest.mark.parametrize("path", ["/v1.0/me", "/organizations/oauth2/v2.0/token", "/", "/control/"])
def test_it_is_no_microsoft_365(door: Door, path: str) -> None:
    there = door.simulator.exchange_url.removesuffix("/EWS/Exchange.asmx")

    answer = door.simulator.http().get(f"{there}{path}", timeout=10)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html"


@pytest.mark.parametrize("path", ["/ews/exchange.asmx", "/EWS/EXCHANGE.ASMX"])
def test_its_path_is_found_however_it_is_spelt(door: Door, path: str) -> None:
    url = door.simulator.exchange_url.removesuffix("/EWS/Exchange.asmx") + path

    assert door.by_password(INGRID, url=url).status_code == 200


# ── Autodiscover ────────────────────────────────────────────────────────────
def _discovered(simulator: Simulator, origin: str, address: str, query: str = "Protocol=EWS") -> requests.Response:
    url = f"{origin}/autodiscover/autodiscover.json/v1.0/{address}?{query}"
    return simulator.http().get(url, allow_redirects=False, timeout=10)


def _on_premises(simulator: Simulator) -> str:
    return simulator.exchange_url.removesuffix("/EWS/Exchange.asmx")


def test_each_server_knows_its_own_mailboxes_and_leads_to_the_other(door: Door) -> None:
    simulator = door.simulator
    cloud, own = simulator.origin, _on_premises(simulator)

    answers = {(origin, who): _discovered(simulator, origin, who) for origin in (cloud, own) for who in (ALICE, INGRID)}

    assert answers[cloud, ALICE].json() == {"Protocol": "EWS", "Url": simulator.ews_url}
    assert answers[own, INGRID].json() == {"Protocol": "EWS", "Url": simulator.exchange_url}
    assert (answers[cloud, INGRID].status_code, answers[own, ALICE].status_code) == (302, 302)
    assert answers[cloud, INGRID].headers["Location"].startswith(f"{own}/autodiscover/")
    assert answers[own, ALICE].headers["Location"].startswith(f"{cloud}/autodiscover/")


def test_a_redirect_leads_to_the_answer(door: Door) -> None:
    simulator = door.simulator
    away = _discovered(simulator, _on_premises(simulator), "a.moreau@kestrel.example")

    answer = simulator.http().get(away.headers["Location"], timeout=10)

    assert answer.json()["Url"] == simulator.ews_url


@pytest.mark.parametrize(
    ("address", "query", "status", "code"),
    [
        ("nobody@kestrel.example", "Protocol=EWS", 404, "UserNotFound"),
        ("nora@kestrel.example", "Protocol=EWS", 404, "UserNotFound"),
        (ALICE, "", 400, "MandatoryParameterMissing"),
        (ALICE, "Protocol=Pigeon", 400, "ProtocolNotSupported"),
    ],
)
def test_what_cannot_be_discovered(door: Door, address: str, query: str, status: int, code: str) -> None:
    answer = _discovered(door.simulator, door.simulator.origin, address, query)

    assert (answer.status_code, answer.json()["ErrorCode"]) == (status, code)
