"""The retirement of Exchange Web Services in Exchange Online: which switch and which day shut whom out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from integrations.simulator.ews import retirement
from integrations.simulator.ews.retirement import BLOCKED_BY_DEFAULT, ENDED, Switches
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.knocking import BLOCKED, DISABLED, INGRID, REASON, Door
from tests.simulator.knocking import SCOPE as EWS

KESTREL = "tenants/kestrel.example"
OURS, ANOTHER = "5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40", "7c3e9b15-d204-4a8f-b6e7-51f0a82c9d36"
DAYS = st.dates(date(2026, 1, 1), date(2028, 1, 1))
SETTINGS = st.sampled_from([None, True, False])
LISTS = st.none() | st.lists(st.sampled_from([OURS, ANOTHER]), unique=True)


@pytest.fixture
def door(client: Client) -> Door:
    return Door(client.simulator)


def _reason(switches: Switches, day: date, mailbox: bool | None = None) -> str:
    found = retirement.refusal(switches, application=OURS, mailbox=mailbox, day=day)
    return found.reason if found else ""


# ── The rule ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("enabled", "listed", "day", "reason"),
    [
        (None, None, BLOCKED_BY_DEFAULT - timedelta(days=1), ""),
        (None, None, BLOCKED_BY_DEFAULT, DISABLED),
        (True, None, BLOCKED_BY_DEFAULT - timedelta(days=1), ""),
        (True, None, BLOCKED_BY_DEFAULT, BLOCKED),
        (True, [], BLOCKED_BY_DEFAULT, BLOCKED),
        (True, [ANOTHER], BLOCKED_BY_DEFAULT, BLOCKED),
        (True, [ANOTHER], BLOCKED_BY_DEFAULT - timedelta(days=1), BLOCKED),
        (True, [OURS], BLOCKED_BY_DEFAULT, ""),
        (True, [OURS], ENDED - timedelta(days=1), ""),
        (True, [OURS], ENDED, DISABLED),
        (False, [OURS], BLOCKED_BY_DEFAULT - timedelta(days=1), DISABLED),
    ],
)
def test_switches_and_days(enabled: bool | None, listed: list[str] | None, day: date, reason: str) -> None:
    assert _reason(Switches(enabled, listed), day) == reason


@given(enabled=SETTINGS, listed=LISTS, mailbox=SETTINGS, day=DAYS)
def test_who_is_shut_out_stays_shut_out_on_every_later_day(
    enabled: bool | None, listed: list[str] | None, mailbox: bool | None, day: date
) -> None:
    switches = Switches(enabled, listed)

    if _reason(switches, day, mailbox):
        assert _reason(switches, day + timedelta(days=1), mailbox)


@given(enabled=SETTINGS, listed=LISTS, day=DAYS)
def test_a_mailbox_that_says_no_is_never_opened(enabled: bool | None, listed: list[str] | None, day: date) -> None:
    assert _reason(Switches(enabled, listed), day, mailbox=False) == DISABLED


@given(listed=LISTS, mailbox=SETTINGS, day=DAYS)
def test_a_mailbox_opens_nothing_that_the_organization_shuts(
    listed: list[str] | None, mailbox: bool | None, day: date
) -> None:
    assert _reason(Switches(False, listed), day, mailbox) == DISABLED


# ── On the wire ─────────────────────────────────────────────────────────────
def test_the_day_comes_and_goes(client: Client, door: Door) -> None:
    token = client.connect(scope=EWS)["access_token"]
    before = door.by_token(token)

    client.simulator.control("POST", f"{KESTREL}/ews-policy-date", {"day": "2026-10-01"})
    refused = door.by_token(token)
    client.simulator.control("POST", f"{KESTREL}/ews-policy-date", {"day": "2026-09-30"})

    assert before.status_code == 200
    assert (refused.status_code, refused.headers[REASON], refused.text) == (403, DISABLED, "")
    assert door.by_token(token).status_code == 200


def test_an_administrator_turns_it_on_again_for_one_application(client: Client, door: Door) -> None:
    token = client.connect(scope=EWS)["access_token"]
    client.simulator.control("POST", "recipes/ews-is-shut-off", {"tenant": "kestrel.example"})
    client.simulator.control("POST", f"{KESTREL}/ews-enabled", {"setting": "true"})
    not_listed = door.by_token(token)

    client.simulator.control("POST", f"{KESTREL}/ews-allowed-apps", {"applications": [client.simulator.client_id]})

    assert (not_listed.status_code, not_listed.headers[REASON]) == (403, BLOCKED)
    assert door.by_token(token).status_code == 200


def test_in_the_end_nothing_helps(client: Client, door: Door) -> None:
    token = client.connect(scope=EWS)["access_token"]
    client.simulator.control("POST", f"{KESTREL}/ews-enabled", {"setting": "true"})
    client.simulator.control("POST", f"{KESTREL}/ews-allowed-apps", {"applications": [client.simulator.client_id]})

    client.simulator.control("POST", "recipes/ews-ends", {"tenant": "kestrel.example"})

    answer = door.by_token(token)
    assert (answer.status_code, answer.headers[REASON]) == (403, DISABLED)


def test_one_mailbox_is_shut_and_the_others_are_not(client: Client, door: Door) -> None:
    alice, bob = (client.connect(who, EWS)["access_token"] for who in (ALICE, BOB))

    client.person(BOB, "ews-enabled", {"setting": "false"})

    assert door.by_token(alice).status_code == 200
    assert (door.by_token(bob).status_code, door.by_token(bob).headers[REASON]) == (403, DISABLED)


def test_a_server_on_premises_knows_nothing_of_it(client: Client, door: Door) -> None:
    client.simulator.control("POST", "recipes/ews-ends", {"tenant": "kestrel.example"})
    client.person(INGRID, "ews-enabled", {"setting": "false"})

    assert door.by_password(INGRID).status_code == 200


def test_what_is_no_day_and_no_client_id_is_refused_in_a_sentence(client: Client) -> None:
    for action, sent in (("ews-policy-date", {"day": "soon"}), ("ews-allowed-apps", {"applications": ["mine"]})):
        with pytest.raises(requests.HTTPError, match="400"):
            client.simulator.control("POST", f"{KESTREL}/{action}", sent)


def test_the_list_can_be_as_if_it_had_never_been_set(client: Client) -> None:
    client.simulator.control("POST", f"{KESTREL}/ews-allowed-apps", {"applications": [OURS.upper()]})
    listed = client.simulator.control("GET", KESTREL)["ews_allowed_app_ids"]

    client.simulator.control("POST", f"{KESTREL}/ews-allowed-apps", {"listed": False})

    assert listed == [OURS]
    assert client.simulator.control("GET", KESTREL)["ews_allowed_app_ids"] is None
