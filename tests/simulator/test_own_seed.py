"""A seed of one's own: other people, and an application that belongs to one organisation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated import Simulator
from tests.simulator.client import Client

SEED = """
password: wren-demo-1
tenants:
  - id: 11111111-2222-4333-8444-555555555555
    name: Wren
    domains: [wren.example]
    people:
      ida: {id: 21111111-2222-4333-8444-555555555555, name: Ida Berg}
  - id: 31111111-2222-4333-8444-555555555555
    name: Rook
    domains: [rook.example]
    people:
      ole: {id: 41111111-2222-4333-8444-555555555555, name: Ole Dahl}
applications:
  - client_id: ${SIMULATOR_APP_CLIENT_ID}
    name: In-house
    publisher: wren.example
    multi_tenant: false
    secret: ${SIMULATOR_APP_CLIENT_SECRET}
    redirect_uris: ["${SIMULATOR_APP_REDIRECT_URI}"]
calendar:
  - {slug: tea, subject: "Tea, ${NOT_SET:-with cake}", organizer: ida, days: weekdays, at: "15:00"}
"""


@pytest.fixture(scope="module")
def wren(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    directory: Path = tmp_path_factory.mktemp("wren")
    (directory / "seed.yaml").write_text(SEED)
    simulator = Simulator(options=("--seed", str(directory / "seed.yaml"))).start(directory)
    yield Client(simulator)
    simulator.stop()


def test_its_people_sign_in_and_have_their_calendars(wren: Client) -> None:
    sent = wren.simulator.sign_in(wren.authorize_url("wren.example"), "ida@wren.example", "wren-demo-1")
    token = wren.redeem(sent["code"], "wren.example").json()["access_token"]

    window = "startDateTime=2000-01-01T00:00:00Z&endDateTime=2100-01-01T00:00:00Z"
    events = wren.graph(token, f"/me/calendarView?{window}").json()["value"]

    assert {event["subject"] for event in events} == {"Tea, with cake"}


@pytest.mark.parametrize(("tenant", "code"), [("organizations", 50194), ("common", 50194), ("rook.example", 700016)])
def test_an_application_of_one_organisation_is_used_there_only(wren: Client, tenant: str, code: int) -> None:
    page = wren.http.get(wren.authorize_url(tenant), allow_redirects=False)
    token = wren.refresh("whatever", tenant)

    assert page.status_code == 400
    assert f"AADSTS{code}" in page.text
    assert token.json()["error_codes"] == [code]
