"""Whose account it is: bound by tenant and object id, and each wrong one told apart in a sentence of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account, User
from integrations import connecting, disconnecting, health, states
from integrations.failures import Reason
from integrations.microsoft.graph import me
from integrations.models import Connection, Ending, State
from tests.cast import joined
from tests.integrations.wired import answered, asked, assert_ended, begun, connected, redeemed, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def requests_for_calendars(microsoft: Simulator) -> int:
    return sum("calendarView" in entry["path"] for entry in microsoft.control("GET", "log")["entries"])


# ── No mailbox here, and why ────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("address", "name", "reason", "says"),
    [
        ("nora@kestrel.example", "Nora", Reason.NO_MAILBOX, "has no mailbox that Meridian can read"),
        ("erin@partner.example", "Erin", Ending.GUEST, "guests have no mailbox there"),
        ("saskia@plover.example", "Saskia", Ending.ON_PREMISES, "most likely it is on a server of your organization’s"),
    ],
)
def test_each_kind_of_account_without_a_mailbox_has_a_sentence_of_its_own(
    address: str, name: str, reason: str, says: str, kestrel: Account, microsoft: Simulator
) -> None:
    person = joined(kestrel, name=name, email=f"{name.lower()}@kestrel.example")
    microsoft.control("POST", "tenants/plover.example/user-consent", {"setting": "allowed"})

    consent = redeemed(answered(person, microsoft, name=address))

    connection = Connection.objects.get(user=person)
    words = health.of_connection(connection)
    assert_ended(consent, reason)
    assert (connection.state, connection.reason) == (State.NOT_ELIGIBLE, reason)
    assert says in health.of_consent(consent, connection).says
    assert words
    assert says in words.says
    assert words.button == health.RECONNECT


def test_a_mailbox_that_moves_away_meanwhile_is_told_from_one_that_was_taken(
    alice: User, bob: User, microsoft: Simulator
) -> None:
    microsoft.control("POST", "people/alice@kestrel.example/move-on-premises")
    microsoft.control("POST", "people/bob@kestrel.example/take-mailbox")

    moved, taken = redeemed(answered(alice, microsoft)), redeemed(answered(bob, microsoft))

    assert (moved.reason, taken.reason) == (Ending.ON_PREMISES, Reason.NO_MAILBOX)


@pytest.mark.parametrize("state", [State.CONNECTED, State.NEEDS_REAUTH])
def test_a_connection_there_is_stays_as_it_was_though_the_mailbox_is_gone(
    state: State, alice: User, microsoft: Simulator
) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.filter(pk=connection.pk).update(state=state)
    before = row(Connection, connection.pk)
    microsoft.control("POST", "people/alice@kestrel.example/take-mailbox")

    consent = redeemed(answered(alice, microsoft, calendar_write=True))

    assert_ended(consent, Reason.NO_MAILBOX)
    assert row(Connection, connection.pk) == before


def test_who_had_no_mailbox_may_connect_with_another_account(
    kestrel: Account, alice: User, microsoft: Simulator
) -> None:
    nora = joined(kestrel, name="Nora", email="nora@kestrel.example")
    redeemed(answered(nora, microsoft))

    assert query_of(begun(nora))["prompt"] == "select_account"
    assert connected(nora, microsoft, name="alice@kestrel.example").state == State.CONNECTED


# What Graph's reference says of these members, and what is seen there: missing, null, in other letters.
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, Reason.NO_MAILBOX),
        ({"userType": "Member", "onPremisesSyncEnabled": None}, Reason.NO_MAILBOX),
        ({"userType": "Member", "onPremisesSyncEnabled": False}, Reason.NO_MAILBOX),
        ({"userType": "Member", "onPremisesSyncEnabled": True}, Reason.ON_PREMISES),
        ({"userType": None, "onPremisesSyncEnabled": True}, Reason.ON_PREMISES),
        ({"userType": "Guest"}, Reason.GUEST),
        ({"userType": "guest", "onPremisesSyncEnabled": True}, Reason.GUEST),
        ({"userPrincipalName": "erin_partner.example#EXT#@kestrel.example"}, Reason.GUEST),
        ({"userPrincipalName": "erin_partner.example#ext#@kestrel.example", "userType": "Member"}, Reason.GUEST),
    ],
)
def test_what_me_says_of_somebody_without_a_mailbox(body: dict[str, Any], reason: Reason) -> None:
    assert me.reason_in(body) is reason


@given(
    st.dictionaries(
        st.sampled_from(["userType", "userPrincipalName", "onPremisesSyncEnabled"]),
        st.none() | st.booleans() | st.integers() | st.text(),
    )
)
def test_whatever_me_says_the_reason_is_one_of_three(body: dict[str, Any]) -> None:
    assert me.reason_in(body) in (Reason.GUEST, Reason.ON_PREMISES, Reason.NO_MAILBOX)


def test_me_that_does_not_answer_leaves_the_plain_reason(kestrel: Account, microsoft: Simulator) -> None:
    nora = joined(kestrel, name="Nora", email="nora@kestrel.example")
    consent = answered(nora, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "path": "me", "status": 503, "seconds": 60})

    redeemed(consent)

    assert consent.ended_at is None, "the address could not be asked for: it is tried again"


# ── Somebody else's, or another one ─────────────────────────────────────────
def test_a_taken_mailbox_is_not_opened_and_nobody_is_named(alice: User, bob: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    opened = requests_for_calendars(microsoft)

    consent = redeemed(answered(bob, microsoft, name="alice@kestrel.example"))

    says = health.of_consent(consent, None)
    assert_ended(consent, Ending.TAKEN)
    assert requests_for_calendars(microsoft) == opened
    assert not {"Alice", "alice", "kestrel.example"} & set(f"{says.says} {says.explains}".replace(".", " ").split())
    assert not Connection.objects.filter(user=bob).exists()


def test_the_same_person_of_another_tenant_is_another_account(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.filter(pk=connection.pk).update(tenant_id="b83e0c4d-91f6-4f0a-8d27-7c12e6a95b30")
    before = row(Connection, connection.pk)

    consent = redeemed(answered(alice, microsoft))

    assert_ended(consent, Ending.ANOTHER_ACCOUNT)
    assert row(Connection, connection.pk) == before


def test_a_new_address_is_the_same_account(alice: User, microsoft: Simulator) -> None:
    before = connected(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/rename", {"upn": "alice.moreau@kestrel.example"})

    after = connected(alice, microsoft, name="alice.moreau@kestrel.example")

    assert (after.pk, after.object_id) == (before.pk, before.object_id)


def test_another_account_is_refused_before_its_mailbox_is_opened(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    opened = requests_for_calendars(microsoft)

    redeemed(answered(alice, microsoft, name="bob@kestrel.example"))

    assert requests_for_calendars(microsoft) == opened


# ── What Microsoft is asked to ask ──────────────────────────────────────────
@pytest.mark.parametrize(
    ("reason", "prompt"),
    [
        (Ending.ANOTHER_ACCOUNT, "select_account"),
        (Ending.ANOTHER_DOMAIN, "select_account"),
        (Ending.TAKEN, "select_account"),
        (Ending.GUEST, "select_account"),
        (Ending.ON_PREMISES, "select_account"),
        (Reason.NO_MAILBOX, "select_account"),
        (Ending.LESS_GRANTED, "consent"),
        (Ending.NOT_LASTING, "consent"),
        (Reason.DECLINED, None),
        (Ending.INTERRUPTED, None),
    ],
)
def test_after_a_way_that_led_nowhere_microsoft_asks_again(
    reason: str, prompt: str | None, alice: User, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft, answer="cancel")
    redeemed(consent)
    type(consent).objects.filter(pk=consent.pk).update(reason=reason)

    sent, left_open = query_of(begun(alice)), query_of(begun(alice))

    assert sent.get("prompt") == left_open.get("prompt") == prompt
    assert ("login_hint" in sent) == (prompt != "select_account")


def test_a_success_ends_the_extra_question(alice: User, bob: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    redeemed(answered(bob, microsoft, name="alice@kestrel.example"))
    connected(bob, microsoft)

    assert "prompt" not in query_of(begun(bob))


def test_the_hint_names_the_connected_account_and_no_other(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft, name="bob@kestrel.example")
    redeemed(answered(alice, microsoft, name="alice@kestrel.example"))

    sent = query_of(begun(alice))

    assert (sent["login_hint"], sent["prompt"]) == ("bob@kestrel.example", "select_account")
    disconnecting.disconnect(alice, actor=alice, now=timezone.now())
    assert connecting.domain_bound(Connection.objects.get(pk=connection.pk)) == ""


# ── Who waits for an administrator ──────────────────────────────────────────
def test_who_lost_a_connection_and_waits_is_bound_to_its_account(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.filter(pk=connection.pk).update(state=State.NEEDS_REAUTH)
    states.awaiting_admin(alice, now=timezone.now())

    consent = redeemed(answered(alice, microsoft, name="bob@kestrel.example"))

    assert_ended(consent, Ending.ANOTHER_ACCOUNT)


def test_a_code_is_asked_for_once_whatever_comes_after(alice: User, bob: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    redeemed(answered(bob, microsoft, name="alice@kestrel.example"))

    assert asked(microsoft, "authorization_code") == 2
