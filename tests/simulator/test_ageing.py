"""N days later in one tenant: what was issued grows older, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import ALICE, BOB, Client, payload

MALLORY = "mallory@corvid.example"
KESTREL = "kestrel.example"

pytestmark = pytest.mark.usefixtures("_young_again")


@pytest.fixture
def _young_again(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.control("POST", "reset")


def _later(client: Client, tenant: str = KESTREL, **time: int) -> None:
    client.simulator.control("POST", f"tenants/{tenant}/later", time)


def test_ninety_days_later_a_refresh_token_has_died_of_idleness(client: Client) -> None:
    token = client.connect()["refresh_token"]

    _later(client, days=90)
    answer = client.refresh(token)

    assert answer.json()["error_codes"] == [700082]


def test_eighty_nine_days_later_it_lives_and_its_use_gives_ninety_new_days(client: Client) -> None:
    token = client.connect()["refresh_token"]

    _later(client, days=89)
    client.simulator.control("POST", f"applications/{client.simulator.client_id}/secret", _secret(client))
    renewed = client.refresh(token).json()["refresh_token"]
    _later(client, days=89)
    client.simulator.control("POST", f"applications/{client.simulator.client_id}/secret", _secret(client))

    assert client.refresh(renewed).status_code == 200
    assert client.refresh(token).json()["error_codes"] == [700082]


def test_two_hours_later_access_tokens_have_run_out_and_refreshing_goes_on(client: Client) -> None:
    tokens = client.connect()

    _later(client, hours=2)

    assert client.graph(tokens["access_token"], "/me").status_code == 401
    renewed = client.refresh(tokens["refresh_token"]).json()["access_token"]
    assert client.graph(renewed, "/me").status_code == 200


def test_thirty_minutes_later_access_tokens_live(client: Client) -> None:
    token = client.connect()["access_token"]

    _later(client, minutes=30)

    assert client.graph(token, "/me").status_code == 200


def test_ageing_in_two_steps_counts_as_one(client: Client) -> None:
    token = client.connect()["access_token"]

    _later(client, minutes=50)
    between = client.graph(token, "/me").status_code
    _later(client, minutes=50)

    assert between == 200
    assert client.graph(token, "/me").status_code == 401


def test_a_code_has_expired_a_quarter_of_an_hour_later(client: Client) -> None:
    code = client.code()

    _later(client, minutes=15)

    assert client.redeem(code).json()["error_codes"] == [70008]


def test_the_wire_carries_true_time(client: Client) -> None:
    before = payload(client.connect()["access_token"])["iat"]
    _later(client, days=400)
    client.simulator.control("POST", f"applications/{client.simulator.client_id}/secret", _secret(client))

    after = payload(client.connect()["access_token"])["iat"]

    assert 0 <= after - before < 60


def test_a_secret_of_its_publisher_grows_older(client: Client) -> None:
    token = client.connect()["refresh_token"]

    _later(client, days=181)

    assert client.refresh(token).json()["error_codes"] == [7000222]


def test_a_browser_session_has_ended_a_day_later(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), ALICE, PASSWORD, session=browser)
    known = browser.get(client.authorize_url(prompt="none"), allow_redirects=False).headers["Location"]

    _later(client, days=1)
    forgotten = browser.get(client.authorize_url(prompt="none"), allow_redirects=False).headers["Location"]

    assert "code=" in known
    assert "AADSTS50058" in forgotten


def test_a_lock_has_ended_later(client: Client) -> None:
    client.person(ALICE, "lock", {"minutes": 30})

    _later(client, minutes=31)

    assert client.simulator.sign_in(client.authorize_url(), ALICE)["code"]


def test_other_tenants_stay_as_they_are(client: Client) -> None:
    tokens = client.connect(MALLORY)
    before = _ages(client, "Corvid Ltd")

    _later(client, days=90)
    client.simulator.control("POST", f"applications/{client.simulator.client_id}/secret", _secret(client))

    assert _ages(client, "Corvid Ltd") == before
    assert client.refresh(tokens["refresh_token"]).status_code == 200
    assert client.graph(tokens["access_token"], "/me").status_code == 200


def test_what_was_revoked_stays_revoked(client: Client) -> None:
    token = client.connect()["refresh_token"]
    client.person(ALICE, "revoke-sessions")

    _later(client, days=3)

    assert client.refresh(token).json()["error_codes"] == [50173]


@pytest.mark.parametrize("time", [{}, {"days": 0}, {"days": 3651}, {"days": -1}, {"days": "3"}, {"weeks": 1}])
def test_a_senseless_time_is_refused(client: Client, time: dict[str, Any]) -> None:
    from tests.simulator.test_control import call

    answer = call(client, "POST", f"tenants/{KESTREL}/later", time)

    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=4))
def test_ageing_by_parts_is_ageing_by_their_sum(client: Client, parts: list[int]) -> None:
    """Of two tenants with one person's consent each, one ages by parts and one by their sum."""
    client.simulator.control("POST", "reset")
    for name in (BOB, MALLORY):
        client.connect(name)
    before = {name: _ages(client, name) for name in ("Kestrel & Co", "Corvid Ltd")}

    for minutes in parts:
        _later(client, minutes=minutes)
    _later(client, "corvid.example", minutes=sum(parts))

    for name, (aged, moments) in before.items():
        now_aged, now_moments = _ages(client, name)
        assert now_aged - aged == sum(parts) * 60
        assert [old - new for old, new in zip(moments, now_moments, strict=True)] == [sum(parts) * 60.0] * len(moments)


def _secret(client: Client) -> dict[str, object]:
    return {"secret": client.simulator.client_secret, "days": 730}


def _ages(client: Client, tenant: str) -> tuple[int, list[float]]:
    """How much was aged, and every moment that the state tells of the tenant."""
    from datetime import datetime

    state = client.simulator.control("GET", "state")
    aged = next(one["aged_seconds"] for one in state["tenants"] if one["name"] == tenant)
    texts = [one["tokens_valid_from"] for one in state["people"] if one["tenant"] == tenant]
    texts += [one["granted_at"] for one in state["grants"] if one["tenant"] == tenant]
    return aged, [datetime.fromisoformat(text).timestamp() for text in texts]
