"""Back to the first day: one tenant or all of them, quickly, and without a request noticing more than that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.simulated import Simulator
from tests.simulator.client import Client

SEED = """
password: reset-demo-1
tenants:
  - name: Wren
    domains: [wren.example]
    people:
      ida: {name: Ida Berg, aliases: [i.berg@wren.example], contacts: [{name: Per Lie, emails: [per@lie.example]}]}
      jon: {name: Jon Holm, admin: true}
    crowd: {people: 20, events: 300}
    enterprise_applications:
      - {application: Helper, roles: [Calendars.Read]}
  - name: Rook
    domains: [rook.example]
    people:
      ole: {name: Ole Dahl, admin: true}
applications:
  - client_id: ${SIMULATOR_APP_CLIENT_ID}
    name: Shared
    publisher: wren.example
    secret: ${SIMULATOR_APP_CLIENT_SECRET}
    redirect_uris: ["${SIMULATOR_APP_REDIRECT_URI}"]
  - client_id: 51111111-2222-4333-8444-555555555555
    name: Helper
    publisher: rook.example
    secrets: [{value: helper-secret-1}]
    redirect_uris: []
calendar:
  - {slug: tea, subject: Tea, organizer: ida, attendees: [jon], days: weekdays, at: "15:00", series: true}
  - {slug: walk, subject: Walk, organizer: ida, days: weekdays, at: "12:00"}
"""
HELPER = {"client_id": "51111111-2222-4333-8444-555555555555", "client_secret": "helper-secret-1"}
SCOPE = "openid profile offline_access User.Read Calendars.ReadWrite"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    directory: Path = tmp_path_factory.mktemp("reset")
    (directory / "seed.yaml").write_text(SEED)
    simulator = Simulator(options=("--seed", str(directory / "seed.yaml"))).start(directory)
    yield simulator
    simulator.stop()


@pytest.fixture
def fresh(served: Simulator) -> Client:
    served.control("POST", "reset")
    return Client(served)


def _connect(client: Client, name: str) -> dict[str, Any]:
    sent = client.simulator.sign_in(client.authorize_url(scope=SCOPE), name, "reset-demo-1")
    return dict(client.redeem(sent["code"]).json())


def _reset(client: Client, tenant: str = "wren.example") -> None:
    client.simulator.control("POST", f"tenants/{tenant}/reset")


def _events(client: Client, token: str) -> dict[str, str]:
    """Everything a year around today: change keys by id."""
    first, last = (datetime.now(UTC) + timedelta(days=days) for days in (-120, 400))
    window = f"startDateTime={first:%Y-%m-%d}T00:00:00Z&endDateTime={last:%Y-%m-%d}T00:00:00Z&$top=1000"
    answer = client.graph(token, f"/me/calendarView?{window}")
    assert answer.status_code == 200, answer.text
    return {event["id"]: event["changeKey"] for event in answer.json()["value"]}


def _create(client: Client, token: str, subject: str) -> str:
    at = {"dateTime": f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
    body = {"subject": subject, "start": at, "end": at}
    bearer = {"Authorization": f"Bearer {token}"}
    answer = client.http.post(f"{client.simulator.graph_url}/me/events", json=body, headers=bearer, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_an_applications_token_of_the_same_second_is_dead_too(client: Client) -> None:
    tenant = "kestrel.example"
    answer = client.token(tenant, grant_type="client_credentials", scope="https://graph.microsoft.com/.default")
    client.simulator.control("POST", f"tenants/{tenant}/reset")

    refused = client.graph(answer.json()["access_token"], "/users")

    assert refused.status_code == 401


def test_what_is_in_calendars_is_as_on_the_first_day(fresh: Client) -> None:
    token = _connect(fresh, "ida@wren.example")["access_token"]
    before = _events(fresh, token)
    made = _create(fresh, token, "Made meanwhile")
    walk = next(event_id for event_id in before if event_id not in (made,))
    assert fresh.graph(token, f"/me/events/{walk}", "DELETE").status_code == 204

    _reset(fresh)

    assert _events(fresh, _connect(fresh, "ida@wren.example")["access_token"]) == before


def test_a_crowds_calendars_are_as_on_the_first_day(fresh: Client) -> None:
    token = _connect(fresh, "crowd-007@wren.example")["access_token"]
    before = _events(fresh, token)
    _create(fresh, token, "Made meanwhile")
    changed, gone = list(before)[:2]
    bearer = {"Authorization": f"Bearer {token}"}
    url = f"{fresh.simulator.graph_url}/me/events/{changed}"
    assert fresh.http.patch(url, json={"subject": "Changed"}, headers=bearer, timeout=30).status_code == 200
    assert fresh.graph(token, f"/me/events/{gone}", "DELETE").status_code == 204
    assert len(before) == 300

    _reset(fresh)

    assert _events(fresh, _connect(fresh, "crowd-007@wren.example")["access_token"]) == before


def test_people_settings_and_consents_are_as_on_the_first_day(fresh: Client) -> None:
    before = fresh.simulator.control("GET", "state")
    _connect(fresh, "ida@wren.example")
    fresh.person("jon@wren.example", "disable")
    fresh.simulator.control(
        "POST", "faults", {"target": "graph", "status": 503, "tenant": "wren.example", "seconds": 60}
    )

    _reset(fresh)

    after = fresh.simulator.control("GET", "state")
    for name in ("grants", "faults", "refresh_tokens"):
        assert after[name] == before[name]
    assert [{**one, "tokens_valid_from": ""} for one in after["people"]] == [
        {**one, "tokens_valid_from": ""} for one in before["people"]
    ]


def test_tokens_from_before_are_dead(fresh: Client) -> None:
    tokens = _connect(fresh, "ida@wren.example")
    form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default", **HELPER}
    of_the_app = fresh.token("wren.example", **form).json()["access_token"]
    # The time in a token has whole seconds.
    time.sleep(1.1)

    _reset(fresh)

    assert fresh.graph(tokens["access_token"], "/me").status_code == 401
    assert fresh.refresh(tokens["refresh_token"]).json()["error_codes"] == [70000]
    assert fresh.graph(of_the_app, "/users/ida@wren.example/calendar").status_code == 401
    again = fresh.token("wren.example", **form).json()["access_token"]
    assert fresh.graph(again, "/users/ida@wren.example/calendar").status_code == 200


@pytest.mark.parametrize("name", ["ida@wren.example", "crowd-003@wren.example"])
def test_delta_tokens_from_before_are_gone(fresh: Client, name: str) -> None:
    window = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"
    token = _connect(fresh, name)["access_token"]
    page = fresh.graph(token, f"/me/calendarView/delta?{window}").json()
    link = page.get("@odata.nextLink") or page["@odata.deltaLink"]

    _reset(fresh)

    answer = fresh.graph(_connect(fresh, name)["access_token"], link)
    assert answer.status_code == 410


def test_another_tenant_notices_nothing_though_it_uses_an_application_of_this_one(fresh: Client) -> None:
    tokens = _connect(fresh, "ole@rook.example")
    made = _create(fresh, tokens["access_token"], "Ole’s own")

    _reset(fresh)

    assert fresh.graph(tokens["access_token"], f"/me/events/{made}").json()["subject"] == "Ole’s own"
    assert fresh.refresh(tokens["refresh_token"]).status_code == 200


def test_reset_of_all_resets_the_other_tenant_too(fresh: Client) -> None:
    tokens = _connect(fresh, "ole@rook.example")
    _create(fresh, tokens["access_token"], "Ole’s own")

    fresh.simulator.control("POST", "reset")

    assert fresh.graph(tokens["access_token"], "/me").status_code == 401
    assert _events(fresh, _connect(fresh, "ole@rook.example")["access_token"]) == {}


def test_an_expired_secret_of_the_tenants_application_is_good_again(fresh: Client) -> None:
    fresh.simulator.control("POST", f"applications/{fresh.simulator.client_id}/expire-secrets")
    refused = fresh.refresh("whatever").json()["error_codes"]

    _reset(fresh)

    assert refused == [7000222]
    assert _connect(fresh, "ida@wren.example")["token_type"] == "Bearer"


def test_requests_during_a_reset_are_answered(fresh: Client) -> None:
    """Those of another tenant as ever; of this one, with what was before or with what is after."""
    ole = _connect(fresh, "ole@rook.example")
    ida = _connect(fresh, "ida@wren.example")
    enough = Event()

    def ask(number: int) -> set[tuple[str, int]]:
        client, seen = Client(fresh.simulator), set()
        while not enough.is_set():
            seen.add(("ole", client.graph(ole["access_token"], "/me/calendar").status_code))
            seen.add(("refresh", client.refresh(ole["refresh_token"]).status_code))
            seen.add(("ida", client.graph(ida["access_token"], "/me/calendar").status_code))
        return seen

    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask, number) for number in range(6)]
        for _ in range(3):
            _reset(fresh)
        enough.set()
        seen = set().union(*(one.result() for one in asking))

    assert seen <= {("ole", 200), ("refresh", 200), ("ida", 200), ("ida", 401)}
    assert ("ole", 200) in seen


def test_a_reset_takes_no_longer_than_it_may(fresh: Client) -> None:
    """Of this small crowd; `tests/benchmarks/simulator.py` measures a hundred mailboxes of a thousand events."""
    began = time.monotonic()

    _reset(fresh)

    assert time.monotonic() - began < 3
