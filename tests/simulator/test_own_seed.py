"""A seed of one's own: other organizations, people and applications. `test_seed_mistakes.py` has what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.simulated import Simulator
from tests.simulator.client import Client

SEED = """
password: wren-demo-1
tenants:
  - id: 11111111-2222-4333-8444-555555555555
    name: Wren
    domains: [wren.example, {name: wren-labs.example, verified: false}]
    ews: {enabled: true, allowed_apps: [51111111-2222-4333-8444-555555555555], policy_date: 2026-11-01}
    time_zone: Europe/Paris
    people:
      ida:
        id: 21111111-2222-4333-8444-555555555555
        name: Ida Berg
        aliases: [i.berg@wren.example]
        calendars: [{name: Choir, color: lightGreen}]
        contacts: [{name: Per Lie, emails: [per@lie.example], company: Lie & Co}]
      jon: {name: Jon Holm, password: jons-own-1, admin: true}
      kaj: {name: Kaj Ruud, mailbox: on_premises, impersonation: true, ews: false}
    enterprise_applications:
      - application: Helper
        roles: [Calendars.Read]
        grants: [{for: jon, scopes: [User.Read, Calendars.Read]}]
        access_policy: {only: [ida]}
  - id: 31111111-2222-4333-8444-555555555555
    name: Rook
    domains: [rook.example]
    user_consent: not_allowed
    people:
      ole: {id: 41111111-2222-4333-8444-555555555555, name: Ole Dahl}
    crowd: {people: 2, events: 40}
applications:
  - client_id: ${SIMULATOR_APP_CLIENT_ID}
    name: In-house
    publisher: wren.example
    multi_tenant: false
    secret: ${SIMULATOR_APP_CLIENT_SECRET}
    redirect_uris: ["${SIMULATOR_APP_REDIRECT_URI}"]
  - client_id: 51111111-2222-4333-8444-555555555555
    name: Helper
    publisher: rook.example
    secrets: [{value: helper-secret-1, days: 30}, {value: an-old-one-1, days: -1}]
    redirect_uris: ["${SIMULATOR_APP_REDIRECT_URI}"]
calendar:
  - {slug: tea, subject: "Tea, ${NOT_SET:-with cake}", organizer: ida, days: weekdays, at: "15:00"}
  - {slug: song, subject: Singing, organizer: ida, days: [tue], at: "19:00", calendar: Choir, zone: Europe/Paris}
  - slug: sync
    subject: Sync
    organizer: ida
    attendees: [jon, "Guest <guest@elsewhere.example>"]
    responses: {jon: tentativelyAccepted}
    days: [mon, tue, wed, thu, fri, sat, sun]
    at: "09:00"
    series: true
    zone: Europe/Paris
    changes: [{date: 2, at: "11:00", subject: Late sync}, {date: 3, removed: true}]
  - slug: rent
    subject: Rent
    organizer: jon
    date: 2
    repeats: {unit: month, day_of_month: 31, times: 4}
    whole_days: 1
  - {slug: party, subject: Party, organizer: jon, attendees: [ida], date: 5, at: "20:00", zone: Europe/Paris}
"""
PASSWORD = "wren-demo-1"
HELPER = {"client_id": "51111111-2222-4333-8444-555555555555", "client_secret": "helper-secret-1"}


def _today() -> dt.date:
    """The seed counts its days where Wren is: there it is tomorrow an hour or two before it is in UTC."""
    return datetime.now(ZoneInfo("Europe/Paris")).date()


@pytest.fixture(scope="module")
def laid_on() -> dt.date:
    return _today()


@pytest.fixture(scope="module")
def wren(laid_on: dt.date, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    directory: Path = tmp_path_factory.mktemp("wren")
    (directory / "seed.yaml").write_text(SEED)
    simulator = Simulator(options=("--seed", str(directory / "seed.yaml"))).start(directory)
    yield Client(simulator)
    simulator.stop()


def _token(client: Client, name: str, password: str = PASSWORD) -> str:
    sent = client.simulator.sign_in(client.authorize_url("wren.example"), name, password)
    return str(client.redeem(sent["code"], "wren.example").json()["access_token"])


def _between(client: Client, token: str, days: int, calendar: str = "/me") -> list[dict[str, Any]]:
    """What is in the calendar from today, for so many days."""
    first = _today()
    window = f"startDateTime={first}T00:00:00Z&endDateTime={first + timedelta(days=days)}T00:00:00Z&$top=1000"
    answer = client.graph(token, f"{calendar}/calendarView?{window}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def test_its_people_sign_in_and_have_their_calendars(wren: Client) -> None:
    events = _between(wren, _token(wren, "ida@wren.example"), 28)

    assert {event["subject"] for event in events} == {"Tea, with cake", "Sync", "Late sync", "Party"}


def test_who_has_a_password_of_their_own_needs_it(wren: Client) -> None:
    with pytest.raises(AssertionError, match="Signing in failed"):
        _token(wren, "jon@wren.example")

    assert _token(wren, "jon@wren.example", "jons-own-1")


def test_a_series_is_one_event_that_repeats(wren: Client) -> None:
    ida = _between(wren, _token(wren, "ida@wren.example"), 2)
    jon = _between(wren, _token(wren, "jon@wren.example", "jons-own-1"), 2)

    copies = [[event for event in events if event["subject"] == "Sync"] for events in (ida, jon)]
    assert [{event["type"] for event in events} for events in copies] == [{"occurrence"}, {"occurrence"}]
    assert [len({event["seriesMasterId"] for event in events}) for events in copies] == [1, 1]
    assert [event["iCalUId"] for event in copies[0]] == [event["iCalUId"] for event in copies[1]]
    assert copies[0][0]["seriesMasterId"] != copies[1][0]["seriesMasterId"]


def test_one_occurrence_may_differ_and_one_may_be_missing(wren: Client, laid_on: dt.date) -> None:
    events = _between(wren, _token(wren, "jon@wren.example", "jons-own-1"), 7)

    by_day = {event["start"]["dateTime"][:10]: event for event in events if "ync" in event["subject"]}
    late = by_day[(laid_on + timedelta(days=2)).isoformat()]
    assert (late["type"], late["subject"]) == ("exception", "Late sync")
    assert (laid_on + timedelta(days=3)).isoformat() not in by_day
    assert (laid_on + timedelta(days=4)).isoformat() in by_day


def test_a_series_may_end(wren: Client) -> None:
    events = _between(wren, _token(wren, "jon@wren.example", "jons-own-1"), 1000)

    days = [dt.date.fromisoformat(event["start"]["dateTime"][:10]) for event in events if event["subject"] == "Rent"]
    assert len(days) == 4
    assert {(day + timedelta(days=1)).day for day in days} == {1}, "on the 31st, or the last day of shorter months"


def test_a_person_may_have_further_calendars(wren: Client) -> None:
    token = _token(wren, "ida@wren.example")

    calendars = {one["name"]: one for one in wren.graph(token, "/me/calendars").json()["value"]}
    events = _between(wren, token, 28, f"/me/calendars/{calendars['Choir']['id']}")

    assert {name: one["color"] for name, one in calendars.items()} == {"Calendar": "auto", "Choir": "lightGreen"}
    assert {event["subject"] for event in events} == {"Singing"}


def test_a_mailbox_on_premises_is_out_of_reach(wren: Client) -> None:
    answer = wren.graph(_token(wren, "kaj@wren.example"), "/me/calendar")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "MailboxNotEnabledForRESTAPI"


def test_it_says_how_exchange_stands(wren: Client) -> None:
    tenant = wren.simulator.control("GET", "tenants/wren.example")
    kaj = wren.simulator.control("GET", "people/kaj@wren.example")

    assert (tenant["ews_enabled"], tenant["ews_policy_date"]) == (True, "2026-11-01")
    assert tenant["ews_allowed_app_ids"] == ["51111111-2222-4333-8444-555555555555"]
    assert (kaj["ews_enabled"], kaj["may_impersonate"]) == (False, True)


def test_an_application_is_granted_permissions_and_held_to_mailboxes(wren: Client) -> None:
    form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default", **HELPER}
    token = wren.token("wren.example", **form).json()["access_token"]

    answers = [wren.graph(token, f"/users/{name}@wren.example/calendar").status_code for name in ("ida", "jon")]

    assert answers == [200, 403]


def test_a_secret_of_the_seed_may_have_expired(wren: Client) -> None:
    form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default", **HELPER}

    answer = wren.token("wren.example", **{**form, "client_secret": "an-old-one-1"})

    assert answer.json()["error_codes"] == [7000222]


@pytest.mark.parametrize(("tenant", "code"), [("organizations", 50194), ("common", 50194), ("rook.example", 700016)])
def test_an_application_of_one_organization_is_used_there_only(wren: Client, tenant: str, code: int) -> None:
    page = wren.http.get(wren.authorize_url(tenant), allow_redirects=False)
    token = wren.refresh("whatever", tenant)

    assert page.status_code == 400
    assert f"AADSTS{code}" in page.text
    assert token.json()["error_codes"] == [code]
