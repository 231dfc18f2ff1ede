"""Who is asked after single sign-on: the rule against a table, for every combination there is, and the real cascade."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.cascade.read import held
from accounts.models import Account, Group, SettingDecision, User
from integrations import prompting
from integrations.domains import DomainRule
from integrations.models import Answer, CalendarPrompt, Connection, State
from integrations.preferences import Api, Integrations, Method, Service, ServicePolicy, SsoPrompt
from integrations.prompt_rules import Case, Standing, should_ask
from tests.cast import FOUNDED
from tests.integrations.tied import connect

OWN = "https://mail.kestrel.example/EWS/Exchange.asmx"
# Each way that the settings can lead, and whether people go it themselves, to Office 365, by OAuth.
WAYS = [
    (ServicePolicy(), True),
    (ServicePolicy(calendar_write=False, contacts_write=False), True),
    (ServicePolicy(authorize_with=Api.EWS), True),
    (ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS), False),
    (ServicePolicy(authorize_with=Api.EWS, who_can_set_up=Method.APPLICATION_PERMISSIONS), False),
    *[
        (ServicePolicy(Service.EXCHANGE, Api.EWS, method, ews_url=OWN), False)
        for method in (Method.PASSWORD, Method.IMPERSONATION)
    ],
]
ONLY_KESTREL = DomainRule(is_on=True, domains=("kestrel.example",))
# A rule, the domain of the one account that will do, and whether it is allowed.
DOMAINS = [
    (DomainRule(), "", True),
    (DomainRule(), "kestrel.example", True),
    (ONLY_KESTREL, "", True),
    (ONLY_KESTREL, "kestrel.example", True),
    (ONLY_KESTREL, "corvid.example", False),
]
# Whether a step of the person is missing.
MISSING = {
    Standing.NONE: True,
    Standing.BROKEN: True,
    Standing.BLOCKED: True,
    Standing.NOT_ELIGIBLE: True,
    Standing.WORKING: False,
    Standing.CARRIED: False,
    Standing.AWAITING_ADMIN: False,
}
# By the prompt, and whether they were asked before.
TURNS = {
    (SsoPrompt.OFF, False): False,
    (SsoPrompt.OFF, True): False,
    (SsoPrompt.FIRST_TIME, False): True,
    (SsoPrompt.FIRST_TIME, True): False,
    (SsoPrompt.EVERY_TIME, False): True,
    (SsoPrompt.EVERY_TIME, True): True,
}


def test_it_is_the_table_for_every_combination() -> None:
    tried = 0
    for is_sso, is_enabled, way, domain, standing, turn in itertools.product(
        (True, False), (True, False), WAYS, DOMAINS, Standing, TURNS
    ):
        (policy, goes_themselves), (rule, bound_to, is_allowed), (prompt, was_asked) = way, domain, turn
        holding = Integrations(enabled=is_enabled, services=policy, sso_prompt=prompt, domains=rule)
        case = Case(is_sso, holding, standing, bound_to, was_asked)

        wanted = [is_sso, is_enabled, goes_themselves, is_allowed, MISSING[standing], TURNS[turn]]

        assert should_ask(case) == all(wanted), case
        tried += 1
    assert tried == 2 * 2 * 7 * 5 * 7 * 6


@pytest.mark.parametrize("turn", TURNS)
def test_a_password_is_never_followed_by_it(turn: tuple[SsoPrompt, bool]) -> None:
    prompt, was_asked = turn

    assert not should_ask(Case(False, Integrations(sso_prompt=prompt), was_asked=was_asked))


# ── Through the cascade ─────────────────────────────────────────────────────
# At each level: no decision, or a value and whether it is locked.
decided = st.none() | st.tuples(st.sampled_from(list(SsoPrompt)), st.booleans())
# What a person was asked before: the answer, and whether that was reset.
pasts = st.lists(st.tuples(st.sampled_from(list(Answer)), st.booleans()), max_size=3)
states = st.none() | st.sampled_from([state for state in State if state != State.CONNECTING])
STATES = {
    None: True,
    State.DISCONNECTED: True,
    State.NEEDS_REAUTH: True,
    State.NOT_ELIGIBLE: True,
    State.BLOCKED_BY_POLICY: False,  # nothing blocks it any more: it comes back by itself
    State.AWAITING_ADMIN: False,
    State.CONNECTED: False,
    State.DEGRADED: False,
    State.PAUSED: False,
}


def effective(account: Any, group: Any, own: Any) -> SsoPrompt:
    """A lock from the top down, else the lowest that has decided, else Meridian’s default."""
    for one in (account, group):
        if one and one[1]:
            return SsoPrompt(one[0])
    said = next((one for one in (own, group, account) if one), None)
    return SsoPrompt(said[0]) if said else SsoPrompt.OFF


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(account=decided, group=decided, own=decided, before=pasts, state=states)
def test_it_follows_the_settings_at_every_level_with_their_locks(
    account: Any, group: Any, own: Any, before: Any, state: State | None, kestrel: Account, sales: Group, alice: User
) -> None:
    for model in (SettingDecision, CalendarPrompt, Connection):
        model.objects.all().delete()
    for at, said in (({"account": kestrel}, account), ({"group": sales}, group), ({"user": alice}, own)):
        if said:
            locks = {"is_locked": said[1] and "user" not in at}
            key = "integrations.sso_prompt"
            SettingDecision.objects.create(**at, **locks, key=key, value=said[0].value, decided_at=FOUNDED)
    for answer, is_reset in before:
        reset_at = FOUNDED + timedelta(hours=1) if is_reset else None
        asked = {"account": kestrel, "user": alice, "asked_at": FOUNDED, "mode": "first_time", "answer": answer}
        CalendarPrompt.objects.create(**asked, reset_at=reset_at)
    if state:
        connect([alice], state)

    holding = held(Integrations, alice)

    prompt = effective(account, group, own)
    assert holding.values.sso_prompt == prompt
    was_asked = any(not is_reset for _, is_reset in before)
    assert prompting.is_due(alice, holding, now=timezone.now()) == (TURNS[prompt, was_asked] and STATES[state])
