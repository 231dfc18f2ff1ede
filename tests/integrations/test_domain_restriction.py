"""Restricted by domain: said before anybody leaves, checked on Microsoft's answer, and when the list changes."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, User
from integrations import connecting, fitting
from integrations.domains import DomainRule
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from integrations.policy import Obstacle
from tests.cast import FOUNDED, ClientOf
from tests.integrations.tied import connect, set_to, state_of
from tests.integrations.wired import answered, assert_ended, begun, connected, redeemed
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
ONLY_KESTREL = DomainRule(is_on=True, domains=("kestrel.example",))
TWO = DomainRule(is_on=True, domains=("kestrel.example", "xn--mwe-sna.example"))
ONLY_CORVID = DomainRule(is_on=True, domains=("corvid.example",))
SENTENCE = "Only accounts of kestrel.example and möwe.example may be connected here."


def text_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


# ── Before leaving ──────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", ["/profile/", "/profile/calendar/", "/profile/calendar/office-365/"])
def test_the_pages_on_the_way_name_the_allowed_domains(
    path: str, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    assert "Only accounts" not in text_of(client_of(alice).get(path))

    set_to("domains", TWO, at=kestrel, by=dana)

    assert SENTENCE in text_of(client_of(alice).get(path))


def test_somebody_new_may_go_and_choose_an_account_at_microsoft(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    assert "login_hint=alice%40kestrel.example" in begun(alice)
    set_to("domains", ONLY_CORVID, at=kestrel, by=dana)

    address = begun(alice)

    assert address.startswith(microsoft.human_url)
    assert "login_hint" not in address, "that account would be refused afterwards"


@pytest.mark.parametrize("state", [State.CONNECTED, State.DEGRADED, State.NEEDS_REAUTH])
def test_who_is_bound_to_a_refused_account_is_told_before_leaving(
    state: State, kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], state)
    set_to("domains", ONLY_CORVID, at=kestrel, by=dana)

    with pytest.raises(connecting.NotAllowed) as refused:
        begun(alice)

    assert refused.value.obstacle == Obstacle.DOMAIN
    assert not ConsentRequest.objects.exists()


@pytest.mark.parametrize("state", [State.DISCONNECTED, State.NOT_ELIGIBLE])
def test_who_is_no_longer_bound_may_choose_another(
    state: State, kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connect([alice], state)
    set_to("domains", ONLY_CORVID, at=kestrel, by=dana)

    assert begun(alice).startswith(microsoft.human_url)


def test_reconnecting_a_refused_account_says_which_are_allowed(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice], State.NEEDS_REAUTH)
    set_to("domains", ONLY_CORVID, at=kestrel, by=dana)

    shown = text_of(client_of(alice).post("/profile/calendar/reconnect/", follow=True))

    assert "Only accounts of corvid.example may be connected here." in shown


# ── On Microsoft's answer ───────────────────────────────────────────────────
def test_an_account_of_an_allowed_domain_is_connected(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    set_to("domains", TWO, at=kestrel, by=dana)

    assert connected(alice, microsoft).address == "alice@kestrel.example"


def test_an_account_of_another_domain_is_refused_and_nothing_is_kept(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    set_to("domains", TWO, at=kestrel, by=dana)

    consent = redeemed(answered(alice, microsoft, name="mallory@corvid.example"))

    assert_ended(consent, Ending.ANOTHER_DOMAIN)
    assert not Connection.objects.exists()
    shown = text_of(client_of(alice).get("/profile/"))
    assert "You signed in at Microsoft with an account of another domain than your organization allows." in shown
    assert SENTENCE in shown


def test_an_existing_connection_survives_the_attempt_with_another_account(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connected(alice, microsoft)
    set_to("domains", ONLY_KESTREL, at=kestrel, by=dana)

    assert_ended(redeemed(answered(alice, microsoft, name="mallory@corvid.example")), Ending.ANOTHER_DOMAIN)

    assert (state_of(alice), Connection.objects.get().address) == (State.CONNECTED, "alice@kestrel.example")


def test_the_address_of_the_mailbox_decides_not_the_name_one_signs_in_with(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    """A guest of kestrel.example whose mail is at partner.example."""
    set_to("domains", ONLY_KESTREL, at=kestrel, by=dana)
    assert_ended(redeemed(answered(alice, microsoft, name="erin@partner.example")), Ending.ANOTHER_DOMAIN)

    set_to("domains", DomainRule(is_on=True, domains=("partner.example",)), at=kestrel, by=dana)
    consent = redeemed(answered(alice, microsoft, name="erin@partner.example"))

    assert consent.reason != Ending.ANOTHER_DOMAIN


def test_a_list_that_came_while_the_person_was_at_microsoft_holds(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    set_to("domains", ONLY_CORVID, at=kestrel, by=dana)

    assert_ended(redeemed(consent), Ending.ANOTHER_DOMAIN)
    assert not Connection.objects.exists()


def test_a_list_that_came_before_the_mailbox_was_opened_holds(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})
    redeemed(consent)
    assert consent.step == Step.STORED
    microsoft.control("DELETE", "faults")
    set_to("domains", ONLY_CORVID, at=kestrel, by=dana)
    ConsentRequest.objects.update(claimed_until=None, not_before=None)

    assert_ended(redeemed(consent), Ending.ANOTHER_DOMAIN)

    # It never worked, so there is nothing that could come back.
    assert not Connection.objects.exists()


def test_microsoft_that_does_not_say_the_address_is_asked_again_later(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    set_to("domains", ONLY_KESTREL, at=kestrel, by=dana)
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    redeemed(consent)

    assert (consent.step, consent.ended_at) == (Step.IDENTIFIED, None)
    assert consent.not_before is not None
    assert not Connection.objects.exists()


# ── When the list changes ───────────────────────────────────────────────────
def test_a_new_list_blocks_those_of_other_domains_locked_or_not(
    kestrel: Account, dana: User, alice: User, bob: User, gus: User
) -> None:
    connect([alice])
    connect([bob], address="bob@eu.kestrel.example")
    connect([gus], address="gus@MÖWE.example")

    set_to("domains", TWO, at=kestrel, by=dana)

    assert fitting.apply_policy(kestrel, now=FOUNDED) == 1
    assert (state_of(alice), state_of(bob), state_of(gus)) == (
        State.CONNECTED,
        State.BLOCKED_BY_POLICY,
        State.CONNECTED,
    )


@pytest.mark.parametrize(
    "wider",
    [
        DomainRule(is_on=True, domains=("corvid.example", "kestrel.example")),
        DomainRule(is_on=False, domains=("corvid.example",)),
    ],
)
def test_a_wider_list_brings_them_back(wider: DomainRule, kestrel: Account, dana: User, alice: User) -> None:
    connect([alice])
    set_to("domains", ONLY_CORVID, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    set_to("domains", wider, at=kestrel, by=dana)

    assert fitting.apply_policy(kestrel, now=FOUNDED) == 1
    assert (state_of(alice), Connection.objects.get().refresh_token) == (State.CONNECTED, "sealed")


def test_the_person_is_told_which_domains_until_when_and_by_whom(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice], address="alice@corvid.example")
    set_to("domains", TWO, at=kestrel, by=dana, now=timezone.now())

    shown = text_of(client_of(alice).get("/profile/"))

    assert "Blocked by policy" in shown
    assert SENTENCE in shown
    assert "It keeps its sealed access until" in shown
    assert "To connect another account, delete this connection first." in shown
    assert "Decided for Account by Dana, today" in shown
    assert "Configure" not in shown
