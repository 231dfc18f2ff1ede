"""*Check now*, and looking after those whose mailbox is in trouble or not there yet: asked, filed, said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, User
from integrations import checking, states, tokens
from integrations.failures import NO_ANSWER, Outcome, Reason
from integrations.microsoft import http
from integrations.models import Connection, State, Trouble
from tests.cast import Cast
from tests.integrations.holding import again, connection, used_up
from tests.integrations.tied import connect, set_to
from tests.integrations.wired import answered, asked, connected, redeemed
from tests.simulated import Simulator

__all__ = ["connection"]

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = "people/alice@kestrel.example"


def graph_fails(microsoft: Simulator, **step: object) -> None:
    microsoft.control("POST", "faults", {"target": "graph", "seconds": 600, "steps": [step]})


# ── One ─────────────────────────────────────────────────────────────────────
def test_what_works_is_found_to_work(connection: Connection) -> None:
    now = timezone.now()

    finding = checking.check(connection.pk, now=now)

    assert (finding.state, finding.says, finding.failure) == (State.CONNECTED, "The mailbox answered.", None)
    assert again(connection).last_good_at == now


def test_an_address_that_has_changed_at_microsoft_is_known_afterwards(
    connection: Connection, microsoft: Simulator
) -> None:
    Connection.objects.update(address="old@kestrel.example")

    checking.check(connection.pk, now=timezone.now())

    assert again(connection).address == "alice@kestrel.example"


def test_a_dead_grant_is_found_and_filed_once(connection: Connection, microsoft: Simulator) -> None:
    microsoft.control("POST", f"{ALICE}/revoke-sessions")

    findings = [checking.check(connection.pk, now=timezone.now()) for _ in range(2)]

    assert [finding.state for finding in findings] == [State.NEEDS_REAUTH] * 2
    assert findings[0].failure is not None
    assert findings[0].failure.reason is Reason.SESSIONS_REVOKED
    assert "your sessions were ended" in findings[1].says
    assert AuditEntry.objects.filter(action="calendar.authorization_lost").count() == 1
    assert asked(microsoft) == 1


@pytest.mark.parametrize(("status", "reason"), [(503, Reason.SERVICE_TROUBLE), (429, Reason.TOO_MANY_REQUESTS)])
def test_trouble_of_the_mailbox_alone_lasts_until_the_mailbox_answers(
    status: int, reason: Reason, connection: Connection, microsoft: Simulator
) -> None:
    graph_fails(microsoft, status=status)
    now = timezone.now()

    finding = checking.check(connection.pk, now=now)
    tokens.refresh(again(connection), now=now + timedelta(seconds=1))
    during = again(connection)
    microsoft.control("DELETE", "faults")
    checking.check(connection.pk, now=now + timedelta(hours=1))

    assert (finding.state, finding.failure and finding.failure.reason) == (State.DEGRADED, reason)
    assert (during.state, during.trouble, during.since_at) == (State.DEGRADED, Trouble.MAILBOX, now)
    assert (again(connection).state, again(connection).trouble) == (State.CONNECTED, Trouble.NONE)


def test_a_mailbox_has_one_time_for_all_that_it_is_asked(
    connection: Connection, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a check ends within its claim."""
    longest = http.TOTAL + tokens.PATIENCE + checking.MAILBOX
    assert 2 * 2 * longest < checking.CLAIM, "two in turn, and each may ask with a second token"
    monkeypatch.setattr(checking, "MAILBOX", timedelta(seconds=0.6))
    graph_fails(microsoft, latency_ms=400)

    finding = checking.check(connection.pk, now=timezone.now())

    assert (finding.state, finding.failure and finding.failure.reason) == (State.DEGRADED, Reason.NO_ANSWER)


def test_an_access_token_that_is_refused_before_its_time_is_replaced(
    connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", "faults", {"target": "graph", "count": 1, "seconds": 600, "steps": [{"status": 401}]})

    finding = checking.check(connection.pk, now=timezone.now())

    assert finding.state == State.CONNECTED
    assert asked(microsoft) == 2


def test_an_access_token_that_is_refused_whenever_is_passing_trouble(
    connection: Connection, microsoft: Simulator
) -> None:
    graph_fails(microsoft, status=401)

    finding = checking.check(connection.pk, now=timezone.now())

    assert finding.failure is not None
    assert (finding.state, finding.failure.outcome) == (State.DEGRADED, Outcome.UNREACHABLE)
    assert asked(microsoft) == 2


def test_what_the_settings_do_not_allow_is_not_asked(cast: Cast, microsoft: Simulator) -> None:
    mine = used_up(connected(cast.alice, microsoft))
    set_to("enabled", False, at=cast.kestrel, by=cast.dana, is_locked=True)

    finding = checking.check(mine.pk, now=timezone.now())

    assert (finding.state, finding.failure) == (State.BLOCKED_BY_POLICY, None)
    assert asked(microsoft) == 0


@pytest.mark.parametrize("state", [State.DISCONNECTED, State.NEEDS_REAUTH, State.AWAITING_ADMIN, State.CONNECTING])
def test_where_there_is_nothing_to_ask_with_nobody_is_asked(state: State, alice: User, microsoft: Simulator) -> None:
    (mine,) = connect([alice], state, refresh_token="", access_token="", reason="")

    finding = checking.check(mine.pk, now=timezone.now())

    assert (finding.state, finding.failure) == (state, None)
    assert finding.says.endswith(".")
    assert "answered" not in finding.says


def test_who_is_gone_is_no_error(microsoft: Simulator, db: None) -> None:
    assert checking.check(424242, now=timezone.now()).state == ""


# ── No mailbox yet ──────────────────────────────────────────────────────────
@pytest.fixture
def homeless(alice: User, microsoft: Simulator) -> Connection:
    """Alice's, who had no mailbox when she consented."""
    microsoft.control("POST", f"{ALICE}/take-mailbox")
    redeemed(answered(alice, microsoft))
    found = Connection.objects.get(user=alice)
    assert (found.state, bool(found.refresh_token)) == (State.NOT_ELIGIBLE, True)
    return again(found)


def test_a_mailbox_that_appears_is_found_by_looking(homeless: Connection, microsoft: Simulator) -> None:
    still = checking.check(homeless.pk, now=timezone.now())
    microsoft.control("POST", f"{ALICE}/move-to-cloud")

    finding = checking.check(homeless.pk, now=timezone.now())

    assert still.state == State.NOT_ELIGIBLE
    assert (finding.state, finding.failure) == (State.CONNECTED, None)
    assert again(homeless).connected_at is not None
    assert AuditEntry.objects.filter(action="calendar.mailbox_found").count() == 1


def test_it_is_found_by_itself_within_a_week(homeless: Connection, microsoft: Simulator) -> None:
    microsoft.control("POST", f"{ALICE}/move-to-cloud")
    before, now = homeless.since_at + timedelta(days=5), homeless.since_at + timedelta(days=7)

    checking.check_due(now=before, clock=lambda: before)
    early = again(homeless).state
    checking.check_due(now=now, clock=lambda: now)

    assert (early, again(homeless).state) == (State.NOT_ELIGIBLE, State.CONNECTED)


def test_access_without_a_mailbox_outlives_ninety_days(homeless: Connection, microsoft: Simulator) -> None:
    """Each look renews it."""
    at = homeless.since_at
    for _ in range(14):
        at += timedelta(days=7)
        microsoft.control("POST", "tenants/kestrel.example/later", {"days": 7})
        checking.check_due(now=at, clock=_always(at))
    microsoft.control("POST", f"{ALICE}/move-to-cloud")

    checking.check_due(now=at + timedelta(days=7), clock=_always(at + timedelta(days=7)))

    assert again(homeless).state == State.CONNECTED


def test_what_may_not_be_looked_for_is_given_up(cast: Cast, homeless: Connection, microsoft: Simulator) -> None:
    set_to("enabled", False, at=cast.kestrel, by=cast.dana, is_locked=True)

    given_up = checking.give_up_disallowed(cast.kestrel, now=timezone.now())

    assert given_up == 1
    assert (again(homeless).state, again(homeless).refresh_token) == (State.DISCONNECTED, "")
    assert AuditEntry.objects.filter(action="calendar.ended").count() == 1
    assert checking.give_up_disallowed(cast.kestrel, now=timezone.now()) == 0


# ── When their time comes ───────────────────────────────────────────────────
def test_only_those_with_the_mailbox_in_trouble_are_looked_at(cast: Cast, microsoft: Simulator) -> None:
    past = timezone.now() - timedelta(minutes=1)
    troubled = connected(cast.alice, microsoft)
    states.went_wrong(troubled, NO_ANSWER, now=past, of=Trouble.MAILBOX)
    Connection.objects.filter(pk=troubled.pk).update(refresh_due_at=past)
    connect([cast.bob], State.CONNECTED, refresh_due_at=past)
    connect([cast.gus], State.DEGRADED, refresh_due_at=past, trouble=Trouble.SIGN_IN, reason=Reason.NO_ANSWER)

    checking.check_due(now=timezone.now())

    assert again(troubled).state == State.CONNECTED
    assert set(Connection.objects.exclude(pk=troubled.pk).values_list("refresh_due_at", flat=True)) == {past}


def test_a_look_that_dies_is_taken_up_again(cast: Cast) -> None:
    now = timezone.now()
    (mine,) = connect([cast.alice], State.NOT_ELIGIBLE, refresh_due_at=now, trouble=Trouble.MAILBOX)

    first, second = (checking._claim_due(now=now) for _ in range(2))
    later = checking._claim_due(now=now + checking.CLAIM)

    assert (first, second, later) == ([mine.pk], [], [mine.pk])


def test_the_accounts_take_turns(cast: Cast) -> None:
    past = timezone.now() - timedelta(hours=1)
    connect([cast.alice, cast.bob, cast.gus, cast.dana], State.NOT_ELIGIBLE, refresh_due_at=past)
    (other,) = connect([cast.mallory], State.NOT_ELIGIBLE, refresh_due_at=past + timedelta(minutes=30))

    assert checking._claim_due(now=timezone.now()).index(other.pk) == 1


def _always(at: datetime) -> Any:
    return lambda: at
