"""Reconnecting in place: the same row and its history, a success only once the mailbox has opened, and everything as
it was where it leads nowhere."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, AuditEntry, User
from integrations import agreeing, connecting, health, redeeming, states, tokens
from integrations.consent_steps import sealed
from integrations.failures import Reason
from integrations.models import AwaitedApproval, Connection, ConsentRequest, Ending, State, Step
from integrations.preferences import ServicePolicy
from tests.cast import ClientOf
from tests.integrations.holding import again, used_up
from tests.integrations.tied import connect, set_to
from tests.integrations.wired import BROWSER, answered, asked, assert_ended, begun, connected, redeemed, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
RECONNECT, DELETE, PROFILE = "/profile/calendar/reconnect/", "/profile/calendar/delete/", "/profile/"
SELECT, PERMISSIONS = "/profile/calendar/", "/profile/calendar/office-365/"


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def text_of(response: Any) -> str:
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())
    return re.sub(r" ([.,])", r"\1", words)


def lost(person: User, microsoft: Simulator, *, calendar_write: bool = False) -> Connection:
    connection = used_up(connected(person, microsoft, calendar_write=calendar_write))
    microsoft.control("POST", f"people/{person.email}/revoke-sessions")
    tokens.refresh(connection, now=timezone.now())
    assert again(connection).state == State.NEEDS_REAUTH
    return again(connection)


# ── Success ─────────────────────────────────────────────────────────────────
def test_it_is_the_same_row_with_its_history(alice: User, microsoft: Simulator) -> None:
    before = lost(alice, microsoft, calendar_write=True)

    after = connected(alice, microsoft, calendar_write=True)

    assert (after.pk, after.connected_at, after.object_id) == (before.pk, before.connected_at, before.object_id)
    assert (after.state, after.reason, after.code) == (State.CONNECTED, "", "")
    assert after.token_version > before.token_version
    assert AuditEntry.objects.filter(action="calendar.connected").count() == 2


def test_nothing_is_said_to_be_connected_before_the_mailbox_has_opened(alice: User, microsoft: Simulator) -> None:
    before = row(Connection, lost(alice, microsoft).pk)
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    redeemed(consent)

    assert (consent.step, consent.ended_at) == (Step.STORED, None)
    assert row(Connection, before["id"]) == before
    microsoft.control("DELETE", "faults")
    assert redeemed(consent).step == Step.DONE
    assert Connection.objects.get().state == State.CONNECTED


def test_a_first_connection_is_not_there_before_the_mailbox_has_opened(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    redeemed(consent)

    assert not Connection.objects.exists()


# ── Failure ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", [State.CONNECTED, State.NEEDS_REAUTH, State.DEGRADED, State.PAUSED])
@pytest.mark.parametrize(
    "spoil",
    [
        ("people/alice@kestrel.example/withdraw-consent", "consent_withdrawn"),
        ("people/alice@kestrel.example/disable", "account_disabled"),
        ("people/alice@kestrel.example/take-mailbox", "no_mailbox"),
    ],
)
def test_what_fails_leaves_the_connection_as_it_was_with_its_tokens(
    state: State, spoil: tuple[str, str], alice: User, microsoft: Simulator
) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.filter(pk=connection.pk).update(state=state)
    before = row(Connection, connection.pk)
    consent = answered(alice, microsoft, calendar_write=True)
    microsoft.control("POST", spoil[0])

    redeemed(consent)

    assert_ended(consent, spoil[1])
    assert row(Connection, connection.pk) == before


def test_a_code_lost_in_flight_is_asked_for_again(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "token", "steps": [{"reset": True}], "count": 1})
    redeemed(consent)
    flow, answer = connecting.opened(consent, "flow"), connecting.opened(consent, "answer")
    redeemed(ConsentRequest.objects.get(), after=timedelta(minutes=2))
    assert ConsentRequest.objects.get().step == Step.DONE, "a fault before Microsoft saw the code uses nothing up"
    spent = answered(alice, microsoft)
    ConsentRequest.objects.filter(pk=spent.pk).update(
        flow=sealed(spent, "flow", flow), answer=sealed(spent, "answer", answer)
    )
    Connection.objects.all().delete()

    redeemed(spent)

    page = text_of(client_of(alice).get(PROFILE))
    assert_ended(spent, Ending.INTERRUPTED)
    assert "Nothing is connected. Press Authorize again." in page
    assert not Connection.objects.exists()


def test_an_access_token_refused_by_graph_is_renewed_from_what_is_kept(alice: User, microsoft: Simulator) -> None:
    before = row(Connection, connected(alice, microsoft).pk)
    consent = answered(alice, microsoft, calendar_write=True)
    microsoft.control("POST", "faults", {"target": "graph", "status": 401, "count": 1})

    redeemed(consent)

    assert row(Connection, before["id"]) == before
    assert redeemed(consent, after=timedelta(minutes=2)).step == Step.DONE
    assert asked(microsoft) == 1


def test_one_that_is_about_to_end_is_renewed_first(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "count": 1})
    redeemed(consent)
    kept = agreeing.kept_by(consent)
    late = kept.tokens.lasts - agreeing.EARLY + timedelta(seconds=1)
    ConsentRequest.objects.filter(pk=consent.pk).update(answered_at=timezone.now() + late)

    redeemed(consent, after=late)

    assert consent.step == Step.DONE
    assert asked(microsoft) == 1


def test_access_that_was_revoked_before_the_mailbox_opened_ends_it(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 401, "count": 1})
    redeemed(consent)
    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")

    redeemed(consent, after=timedelta(minutes=2))

    assert_ended(consent, Reason.SESSIONS_REVOKED)
    assert not Connection.objects.exists()


# ── Step-up ─────────────────────────────────────────────────────────────────
def test_what_microsoft_wants_to_see_is_sent_along_and_then_forgotten(alice: User, microsoft: Simulator) -> None:
    connection = used_up(connected(alice, microsoft))
    microsoft.control("POST", "people/alice@kestrel.example/require-mfa")
    tokens.refresh(connection, now=timezone.now())
    wanted = again(connection).claims
    assert json.loads(wanted)["access_token"]["capolids"]

    sent = query_of(begun(alice))
    after = connected(alice, microsoft)

    assert json.loads(sent["claims"]) == json.loads(wanted)
    assert (after.state, after.claims) == (State.CONNECTED, "")
    assert "claims" not in query_of(begun(alice))


def test_a_first_connection_that_needs_a_step_up_sends_along_what_was_wanted(alice: User, microsoft: Simulator) -> None:
    wanted = '{"id_token":{"acr":{"essential":true}}}'
    state = microsoft.sign_in(begun(alice), alice.email)["state"]
    said = {"error": "interaction_required", "claims": wanted, "state": state}
    consent = redeemed(connecting.record_answer(alice, said, browser=BROWSER, now=timezone.now()))

    assert consent.step == Step.FAILED
    assert json.loads(query_of(begun(alice))["claims"]) == json.loads(wanted)


@pytest.mark.parametrize("claims", ["", "{", "null", "[]", '"x"', "17", "²"])
def test_what_is_no_claims_request_is_not_sent(claims: str, alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.filter(pk=connection.pk).update(claims=claims)

    assert "claims" not in query_of(begun(alice))


# ── The page that letters lead to ───────────────────────────────────────────
def test_a_letters_link_leads_through_the_sign_in_page_and_back(alice: User) -> None:
    response = Client().get(reverse("reconnect"))

    assert response.headers["Location"] == f"{reverse('account_login')}?next={RECONNECT}"


@pytest.mark.parametrize("state", State)
def test_the_page_opens_in_every_state_with_one_button_at_most(state: State, alice: User, client_of: ClientOf) -> None:
    connect([alice], state)

    response = client_of(alice).get(RECONNECT)

    main = response.content.decode().partition("<main")[2]
    buttons = re.findall(r"<button[^>]*>([^<]+)<|class=\"btn[^>]*>([^<]+)<", main)
    assert response.status_code == 200
    assert len(buttons) == 1, buttons
    assert ("Reconnect" in buttons[0]) == (state in (State.NEEDS_REAUTH, State.NOT_ELIGIBLE))


def test_it_says_what_was_lost_and_leads_to_microsoft(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    lost(alice, microsoft, calendar_write=True)
    client = client_of(alice)

    page, go = client.get(RECONNECT), client.post(RECONNECT)

    assert "your sessions were ended or your password was changed" in text_of(page)
    sent = query_of(go.headers["Location"])
    assert sent["login_hint"] == "alice@kestrel.example"
    assert "Calendars.ReadWrite" in sent["scope"]


def test_a_connection_that_works_says_so(alice: User, client_of: ClientOf) -> None:
    connect([alice])

    assert "Your calendar is connected. There is nothing you need to do." in text_of(client_of(alice).get(RECONNECT))


def test_what_is_not_allowed_says_who_decided_it(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice], State.NEEDS_REAUTH, reason=Reason.INACTIVE.value)
    set_to("enabled", False, at=kestrel, by=dana)

    page = client_of(alice).get(RECONNECT)

    assert "Your organization has turned calendar integration off." in text_of(page)
    assert "Decided for Account by Dana" in text_of(page)
    assert "Reconnect</button>" not in page.content.decode()


# ── With which permissions ──────────────────────────────────────────────────
def wish(response: Any) -> tuple[bool, bool]:
    scope = query_of(response.headers["Location"])["scope"]
    return "Calendars.ReadWrite" in scope, "Contacts.ReadWrite" in scope


def test_what_failed_just_now_is_asked_for_again(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    redeemed(answered(alice, microsoft, answer="cancel", contacts_write=True))
    client = client_of(alice)

    assert "Authorize</button>" in client.get(PROFILE).content.decode()
    assert wish(client.post(RECONNECT)) == (False, True)


def test_within_what_the_settings_give_now(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    redeemed(answered(alice, microsoft, answer="cancel", calendar_write=True, contacts_write=True))
    set_to("services", ServicePolicy(calendar_write=False), at=kestrel, by=dana)

    assert wish(client_of(alice).post(RECONNECT)) == (False, True)


def test_what_failed_long_ago_is_ticked_anew(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    consent = redeemed(answered(alice, microsoft, answer="cancel", contacts_write=True))
    ConsentRequest.objects.filter(pk=consent.pk).update(ended_at=timezone.now() - timedelta(hours=2))

    assert client_of(alice).post(RECONNECT).headers["Location"] == SELECT


def test_after_a_delete_everything_is_ticked_anew(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    connected(alice, microsoft)
    answered(alice, microsoft, contacts_write=True)
    client = client_of(alice)
    client.post(DELETE)

    assert client.post(RECONNECT).headers["Location"] == SELECT


# ── An administrator's approval ─────────────────────────────────────────────
def stopped(person: User, microsoft: Simulator) -> None:
    """By *Need admin approval*."""
    answer = microsoft.sign_in(begun(person, contacts_write=True), person.email)
    said = {"error": "access_denied", "error_description": "AADSTS90094: Admin.", "state": answer["state"]}
    redeemed(connecting.record_answer(person, said, browser=BROWSER, now=timezone.now()))


def test_who_waits_reads_so_with_what_was_asked_for(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    stopped(alice, microsoft)

    shown = text_of(client_of(alice).get(PROFILE))

    assert "Your Microsoft 365 admin must approve Meridian first." in shown
    assert "read and write your contacts (Contacts.ReadWrite)" in shown
    assert "Stop waiting" in shown
    assert "Configure Calendar" not in shown


def test_once_released_one_step_is_left_with_the_wish_kept(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    stopped(alice, microsoft)
    AwaitedApproval.objects.update(released_at=timezone.now())
    states.approval_over([alice.pk], now=timezone.now())
    client = client_of(alice)

    for path in (PROFILE, RECONNECT):
        shown = text_of(client.get(path))
        assert "Your Microsoft 365 admin has approved Meridian. One step is left." in shown
        assert "Authorize" in shown
    assert wish(client.post(RECONNECT)) == (False, True)


def test_what_fails_after_the_approval_is_told_beside_it(
    alice: User, bob: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(bob, microsoft)
    stopped(alice, microsoft)
    AwaitedApproval.objects.update(released_at=timezone.now())

    redeemed(answered(alice, microsoft, name="bob@kestrel.example", contacts_write=True))

    page = client_of(alice).get(PROFILE)
    assert "This mailbox is already connected to somebody else" in text_of(page)
    assert "One step is left." in text_of(page)
    assert page.content.decode().count("Authorize</button>") == 1


def test_who_was_connected_finishes_the_same_connection_once_approved(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.update(state=State.NEEDS_REAUTH, refresh_token="", access_token="")
    stopped(alice, microsoft)
    AwaitedApproval.objects.update(released_at=timezone.now())
    states.approval_over([alice.pk], now=timezone.now(), is_given=True)

    page = client_of(alice).get(PROFILE).content.decode()

    assert connecting.is_bound(connecting.current(alice))
    assert (page.count("Authorize</button>"), page.count("Reconnect</button>"), page.count("Not now")) == (1, 0, 1)
    assert connected(alice, microsoft).pk == connection.pk


def test_connected_nobody_waits_any_more(alice: User, microsoft: Simulator) -> None:
    stopped(alice, microsoft)

    connected(alice, microsoft)

    assert not AwaitedApproval.objects.exists()
    assert Connection.objects.get().state == State.CONNECTED


def test_a_working_connection_stays_though_more_needs_an_admin(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    before = row(Connection, connected(alice, microsoft).pk)

    stopped(alice, microsoft)

    shown = text_of(client_of(alice).get(PROFILE))
    assert row(Connection, before["id"]) == before
    assert "Your Microsoft 365 admin must approve Meridian first." in shown
    assert "Last good answer" in shown


@pytest.mark.parametrize("answer", [{"error_subcode": "cancel"}, {}])
def test_after_a_bare_no_one_may_say_that_an_admin_was_wanted(
    answer: dict[str, str], alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    state = microsoft.sign_in(begun(alice), alice.email)["state"]
    said = {"error": "access_denied", "state": state, **answer}
    redeemed(connecting.record_answer(alice, said, browser=BROWSER, now=timezone.now()))
    client = client_of(alice)
    assert "Microsoft wanted an admin’s approval" in text_of(client.get(PROFILE))

    shown = text_of(client.post(reverse("ask_admin"), follow=True))

    assert "Your Microsoft 365 admin must approve Meridian first." in shown


def test_an_answer_to_an_administrators_link_is_handed_over_and_changes_nothing_here(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    begun(alice)
    before = list(ConsentRequest.objects.values())
    forged = {"admin_consent": "True", "tenant": "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21", "state": "forged"}

    for client in (Client(), client_of(alice)):
        response = client.get("/integrations/microsoft/callback/", forged)
        assert response.status_code == 302
        assert "forged" not in response.headers["Location"]

    assert list(ConsentRequest.objects.values()) == before
    assert not Connection.objects.exists()


# ── Delete ──────────────────────────────────────────────────────────────────
def test_delete_asks_on_a_page_of_its_own_and_names_what_remains(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft, calendar_write=True)
    client = client_of(alice)

    shown = text_of(client.get(DELETE))

    assert "Meridian forgets its access to alice@kestrel.example at once." in shown
    assert "read and write your calendars (Calendars.ReadWrite)" in shown
    assert Connection.objects.get().is_alive
    assert "The connection is deleted." in text_of(client.post(DELETE, follow=True))
    assert "A connection was deleted before." in text_of(client.get(PROFILE))


def test_with_nothing_to_delete_the_page_leads_back(alice: User, client_of: ClientOf) -> None:
    assert client_of(alice).get(DELETE).headers["Location"] == "/profile/#calendar"


def test_delete_ends_the_wait_for_an_approval_too(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    stopped(alice, microsoft)

    client_of(alice).post(DELETE)

    assert not AwaitedApproval.objects.exists()
    assert Connection.objects.get().state == State.DISCONNECTED


# ── What is offered ─────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
def test_while_our_own_credential_is_refused_no_service_is_offered(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    client = client_of(alice)
    assert "Office 365" in text_of(client.get(SELECT))
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": "another-secret"})
    redeeming.redeem(answered(alice, microsoft).pk, now=timezone.now())

    shown = client.get(SELECT)

    assert "No calendar can be connected at the moment." in text_of(shown)
    assert "radio" not in shown.content.decode()
    asked_for = ConsentRequest.objects.count()
    assert "Its operator has been told. Nothing has changed." in text_of(client.post(PERMISSIONS, follow=True))
    assert ConsentRequest.objects.count() == asked_for


def test_what_may_not_be_ticked_says_who_decided_it(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    set_to("services", ServicePolicy(contacts_write=False), at=kestrel, by=dana)

    shown = text_of(client_of(alice).get(PERMISSIONS))

    assert "Not allowed by your organization. Decided for Account by Dana" in shown


# ── In words ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("state", "says"),
    [
        (None, "Nothing is connected. Press Authorize again."),
        (State.DISCONNECTED, "Nothing is connected. Press Authorize again."),
        (State.CONNECTED, "Your connection is as it was. Press Authorize again."),
        (State.NEEDS_REAUTH, "Your connection is as it was. Press Reconnect again."),
    ],
)
def test_an_interrupted_way_says_what_to_press(state: State | None, says: str) -> None:
    connection = Connection(state=state) if state else None
    consent = ConsentRequest(step=Step.FAILED, reason=Ending.INTERRUPTED, ended_at=timezone.now())

    assert health.of_consent(consent, connection).explains == says
