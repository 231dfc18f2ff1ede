"""Every way in which a consent ends without a connection, and none of them changes what there was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts import vault
from accounts.cascade import declare
from accounts.cascade.write import choose
from accounts.models import Account, User
from integrations import connecting, disconnecting, redeeming
from integrations.domains import DomainRule
from integrations.microsoft import identity
from integrations.models import AwaitedApproval, Connection, ConsentRequest, Ending, State, Step
from integrations.preferences import Integrations, ServicePolicy
from tests.integrations.tied import set_to
from tests.integrations.wired import BROWSER, answered, asked, assert_ended, begun, connected, redeemed, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
ENABLED = declare.setting_of(Integrations, "enabled")
SERVICES = declare.setting_of(Integrations, "services")


# ── How it ends ─────────────────────────────────────────────────────────────
def test_leaving_the_consent_page_ends_it_without_asking_microsoft(alice: User, microsoft: Simulator) -> None:
    consent = redeemed(answered(alice, microsoft, answer="cancel"))

    assert consent.reason in ("declined", "cancelled")
    assert_ended(consent, consent.reason)
    assert asked(microsoft, "authorization_code") == 0
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"error": "access_denied", "error_description": "AADSTS65004: User declined."}, "declined"),
        ({"error": "access_denied", "error_subcode": "cancel"}, "cancelled"),
        ({"error": "server_error"}, "service_trouble"),
        ({"error": "invalid_request", "code": "1.A"}, "request_rejected"),
    ],
)
def test_each_refusal_by_way_of_the_browser_ends_it(
    said: dict[str, str], reason: str, alice: User, microsoft: Simulator
) -> None:
    answer = microsoft.sign_in(begun(alice), alice.email)
    consent = connecting.record_answer(alice, said | {"state": answer["state"]}, browser=BROWSER, now=timezone.now())

    redeemed(consent)

    assert_ended(consent, reason)
    assert not Connection.objects.exists()


def test_a_refusal_leaves_an_existing_connection_as_it_was(alice: User, microsoft: Simulator) -> None:
    before = row(Connection, connected(alice, microsoft).pk)

    consent = redeemed(answered(alice, microsoft, answer="cancel", calendar_write=True))

    assert consent.step == Step.FAILED
    assert row(Connection, before["id"]) == before


def test_a_mailbox_is_connected_once(alice: User, bob: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)

    consent = redeemed(answered(bob, microsoft, name="alice@kestrel.example"))

    assert_ended(consent, Ending.TAKEN)
    assert list(Connection.objects.values_list("user__name", "state")) == [("Alice", State.CONNECTED)]


def test_a_mailbox_that_was_given_up_is_free(alice: User, bob: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    assert connected(bob, microsoft, name="alice@kestrel.example").state == State.CONNECTED
    consent = redeemed(answered(alice, microsoft))

    assert_ended(consent, Ending.TAKEN)
    assert Connection.objects.get(user=alice).state == State.DISCONNECTED


def test_reconnecting_with_another_account_is_refused_and_changes_nothing(alice: User, microsoft: Simulator) -> None:
    before = row(Connection, connected(alice, microsoft).pk)

    consent = redeemed(answered(alice, microsoft, name="bob@kestrel.example"))

    assert_ended(consent, Ending.ANOTHER_ACCOUNT)
    assert row(Connection, before["id"]) == before


@pytest.mark.parametrize("code", ["AADSTS90094", "AADSTS90095"])
def test_who_needs_an_admins_approval_waits_for_it(code: str, alice: User, microsoft: Simulator) -> None:
    answer = microsoft.sign_in(begun(alice, contacts_write=True), alice.email)
    said = {"error": "access_denied", "error_description": f"{code}: Admin.", "state": answer["state"]}
    consent = connecting.record_answer(alice, said, browser=BROWSER, now=timezone.now())

    redeemed(consent)

    awaited = AwaitedApproval.objects.get()
    assert_ended(consent, "admin_approval")
    assert (awaited.user, awaited.calendar_write, awaited.contacts_write) == (alice, False, True)
    assert Connection.objects.get().state == State.AWAITING_ADMIN


def test_consent_withdrawn_before_the_code_is_redeemed(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/withdraw-consent")

    assert_ended(redeemed(consent), "consent_withdrawn")
    assert not Connection.objects.exists()


def test_a_person_disabled_meanwhile(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/disable")

    assert redeemed(consent).step == Step.FAILED
    assert not Connection.objects.exists()


def with_flow(consent: ConsentRequest, change: Callable[[dict[str, Any]], None]) -> None:
    flow = connecting.opened(consent, "flow")
    change(flow)
    sealed = vault.seal(json.dumps(flow), bound_to=connecting.place(consent, "flow"))
    ConsentRequest.objects.filter(pk=consent.pk).update(flow=sealed)


def test_less_than_reading_the_calendar_is_not_enough(alice: User, microsoft: Simulator, settings: Any) -> None:
    begun(alice)
    consent = ConsentRequest.objects.get()
    flow = identity.begin(
        scopes=["User.Read"],
        redirect_uri=f"{settings.PUBLIC_URL}/integrations/microsoft/callback/",
        login_hint=alice.email,
    )
    answer = microsoft.sign_in(flow["auth_uri"], alice.email)
    ConsentRequest.objects.filter(pk=consent.pk).update(
        flow=vault.seal(json.dumps(flow), bound_to=connecting.place(consent, "flow")),
        answer=vault.seal(json.dumps(answer), bound_to=connecting.place(consent, "answer")),
        step=Step.ANSWERED,
        answered_at=timezone.now(),
    )

    assert_ended(redeemed(consent), Ending.LESS_GRANTED)
    assert not Connection.objects.exists()


def test_an_id_token_for_another_attempt_is_not_trusted(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    with_flow(consent, lambda flow: flow.update(nonce="of another attempt"))

    assert_ended(redeemed(consent), Ending.UNTRUSTED)
    assert not Connection.objects.exists()


def test_a_code_without_its_verifier_is_worth_nothing(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    with_flow(consent, lambda flow: flow.update(code_verifier="x" * 43))

    assert redeemed(consent).step == Step.FAILED
    assert not Connection.objects.exists()


def test_a_code_that_was_spent_already_asks_for_another_try(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    identity.redeem(connecting.opened(consent, "flow"), connecting.opened(consent, "answer"))

    assert_ended(redeemed(consent), Ending.INTERRUPTED)


def test_settings_that_were_turned_off_meanwhile_win(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    choose(ENABLED, False, at=kestrel, actor=dana, now=timezone.now())

    assert_ended(redeemed(consent), Ending.NOT_ALLOWED)
    assert not Connection.objects.exists()


def test_a_ceiling_that_came_down_meanwhile_wins(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft, calendar_write=True)
    choose(SERVICES, ServicePolicy(calendar_write=False), at=kestrel, actor=dana, now=timezone.now())

    assert_ended(redeemed(consent), Ending.NOT_ALLOWED)


def test_what_the_settings_do_not_allow_is_not_begun(alice: User, dana: User, kestrel: Account) -> None:
    choose(ENABLED, False, at=kestrel, actor=dana, now=timezone.now())

    with pytest.raises(connecting.NotAllowed):
        begun(alice)

    assert not ConsentRequest.objects.exists()


def test_a_key_that_is_gone_interrupts(alice: User, microsoft: Simulator, settings: Any) -> None:
    consent = answered(alice, microsoft)
    settings.TOKEN_KEYS = {"other": bytes(32)}

    assert_ended(redeemed(consent), Ending.INTERRUPTED)


@pytest.mark.parametrize("answer", [{}, {"code": ""}, {"session_state": "x"}])
def test_an_answer_that_says_nothing_is_no_trouble_of_microsofts(
    answer: dict[str, str], alice: User, microsoft: Simulator
) -> None:
    state = microsoft.sign_in(begun(alice), alice.email)["state"]
    consent = connecting.record_answer(alice, {"state": state} | answer, browser=BROWSER, now=timezone.now())

    assert_ended(redeemed(consent), Ending.UNTRUSTED)
    assert asked(microsoft, "authorization_code") == 0


def test_who_is_not_shown_the_address_that_the_settings_ask_for_was_granted_less(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    set_to("domains", DomainRule(is_on=True, domains=("kestrel.example",)), at=kestrel, by=dana)
    consent = answered(alice, microsoft)
    refusal = {"status": 403, "code": "Authorization_RequestDenied"}
    microsoft.control("POST", "faults", {"target": "graph", "path": "me", "seconds": 60, "steps": [refusal]})

    assert_ended(redeemed(consent), Ending.LESS_GRANTED)


def test_an_access_token_that_is_refused_to_the_settings_question_is_renewed(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    set_to("domains", DomainRule(is_on=True, domains=("kestrel.example",)), at=kestrel, by=dana)
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "count": 1, "seconds": 60, "steps": [{"status": 401}]})

    redeemed(consent)
    redeemed(consent)

    assert (consent.step, asked(microsoft, "refresh_token")) == (Step.DONE, 1)


def test_a_long_wait_is_not_waited_out_with_a_code_that_dies_before(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    wait = {"status": 429, "retry_after": 3600}
    microsoft.control("POST", "faults", {"target": "token", "seconds": 60, "steps": [wait]})

    redeemed(consent)

    assert (consent.step, consent.not_before) == (Step.ANSWERED, consent.expires_at)
    assert_ended(redeemed(consent, after=connecting.LASTS), Ending.INTERRUPTED)


# ── Passing trouble ─────────────────────────────────────────────────────────
@pytest.mark.parametrize(("target", "step"), [("token", Step.ANSWERED), ("graph", Step.STORED)])
@pytest.mark.parametrize("status", [429, 503])
def test_passing_trouble_is_waited_out_at_the_step_where_it_stands(
    target: str, step: Step, status: int, alice: User, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": target, "status": status, "seconds": 60})

    redeemed(consent)

    now = timezone.now()
    assert (consent.step, consent.attempts, consent.ended_at, consent.claimed_until) == (step, 1, None, None)
    assert consent.not_before is not None
    assert now < consent.not_before <= now + timedelta(minutes=2)
    assert connecting.to_redeem(now=now) == []
    assert connecting.to_redeem(now=consent.not_before) == [consent.pk]
    microsoft.control("DELETE", "faults")
    assert redeemed(consent).step == Step.DONE
    assert Connection.objects.get().state == State.CONNECTED


def test_a_first_connection_whose_mailbox_never_answers_is_given_up(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    redeemed(consent)
    redeemed(consent, after=redeeming.GIVE_UP + timedelta(seconds=1))

    assert_ended(consent, "service_trouble")
    assert not Connection.objects.exists()


def test_an_older_connection_stays_as_it_was_though_the_mailbox_never_answers(
    alice: User, microsoft: Simulator
) -> None:
    before = row(Connection, connected(alice, microsoft).pk)
    consent = answered(alice, microsoft, calendar_write=True)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    redeemed(consent)
    redeemed(consent, after=redeeming.GIVE_UP + timedelta(seconds=1))

    assert_ended(consent, "service_trouble")
    assert row(Connection, before["id"]) == before


def test_a_refused_access_token_is_renewed_before_the_mailbox_is_tried_again(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})
    redeemed(consent)
    microsoft.control("DELETE", "faults")
    microsoft.control("POST", "people/alice@kestrel.example/expire-tokens")

    redeemed(consent)
    redeemed(consent)

    assert consent.step == Step.DONE
    assert asked(microsoft, "refresh_token") == 1


@pytest.mark.django_db(transaction=True)
def test_our_own_credential_is_told_to_the_operator_and_the_way_goes_on_when_it_is_mended(
    alice: User, microsoft: Simulator
) -> None:
    consent = answered(alice, microsoft)
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": "another-secret"})

    redeemed(consent)
    redeemed(consent)

    assert (consent.step, consent.attempts, consent.reason) == (Step.ANSWERED, 2, "credential_wrong")
    assert [message.to for message in mail.outbox] == [["operator@meridian.example"]]
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": microsoft.client_secret})
    assert redeemed(consent).step == Step.DONE


def test_what_fails_in_unforeseen_ways_is_not_tried_for_ever(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)

    assert_ended(redeemed(consent, after=timedelta(days=1, seconds=1)), Ending.INTERRUPTED)
