"""The fleet that keeps tokens fresh, and when it comes back to each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.db.backends.signals import connection_created
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import letters
from accounts.models import Account, Letter, User
from integrations import refreshing, states, tasks, tokens
from integrations.contracts import AuthorizationLost
from integrations.failures import KEY_MISSING, Failure, Outcome, Reason
from integrations.microsoft import http
from integrations.models import ALIVE, Connection, State, Trouble
from tests.cast import crowd
from tests.integrations.holding import again, alike, connection, held, meanwhile, slow_down
from tests.integrations.tied import connect, set_to
from tests.integrations.wired import asked
from tests.simulated import Simulator

__all__ = ["connection"]

# Threads are at work, and each has a database connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  made aware


def due_in_order(now: datetime) -> list[int]:
    return list(refreshing.due(now=now).values_list("pk", flat=True))


# ── The search ──────────────────────────────────────────────────────────────
def test_the_accounts_take_turns_and_in_each_the_longest_due_comes_first(kestrel: Account, corvid: Account) -> None:
    now = timezone.now()
    many, few = connect(crowd(kestrel, 4)), connect(crowd(corvid, 2))
    for minutes, one in enumerate(many):
        Connection.objects.filter(pk=one.pk).update(refresh_due_at=now - timedelta(minutes=60 - minutes))
    for minutes, one in enumerate(few):
        Connection.objects.filter(pk=one.pk).update(refresh_due_at=now - timedelta(minutes=10 - minutes))

    found = due_in_order(now)

    assert found == [one.pk for one in (many[0], few[0], many[1], few[1], many[2], many[3])]


def test_what_is_leased_is_not_due_until_the_lease_is_over(kestrel: Account) -> None:
    now = timezone.now()
    made = connect(crowd(kestrel, 3), refresh_due_at=now)

    refreshing.claim([made[0].pk, made[1].pk], now=now)

    assert due_in_order(now) == [made[2].pk]
    assert sorted(due_in_order(now + tokens.LEASE)) == [one.pk for one in made]


@pytest.mark.parametrize("state", [state for state in State if state not in ALIVE] + [State.CONNECTING])
def test_the_fleet_leaves_alone_what_is_not_its_business(
    state: State, connection: Connection, microsoft: Simulator
) -> None:
    Connection.objects.filter(pk=connection.pk).update(state=state, refresh_due_at=timezone.now())

    assert refreshing.refresh_due(now=timezone.now()) == 0
    assert asked(microsoft) == 0


def test_who_is_in_trouble_with_the_mailbox_is_left_to_those_who_ask_it(connection: Connection) -> None:
    trouble = {"state": State.DEGRADED, "trouble": Trouble.MAILBOX}
    Connection.objects.filter(pk=connection.pk).update(refresh_due_at=timezone.now(), **trouble)

    assert refreshing.refresh_due(now=timezone.now()) == 0


@pytest.mark.parametrize("count", [5, 500])
def test_to_look_costs_one_query_and_to_claim_a_handful_however_many_are_due(
    count: int, kestrel: Account, django_assert_num_queries: Callable[..., Any]
) -> None:
    connect(crowd(kestrel, count))
    now = timezone.now()

    with django_assert_num_queries(1):
        ids = due_in_order(now)
    with django_assert_num_queries(4):  # the transaction's begin and end, and two between
        refreshing.claim(ids, now=now)


# ── A claim ─────────────────────────────────────────────────────────────────
def test_what_another_claims_between_looking_and_claiming_is_left_to_it(kestrel: Account) -> None:
    connect(crowd(kestrel, 5))
    now = timezone.now()
    ids = due_in_order(now)

    theirs = refreshing.claim(ids[:3], now=now)
    mine = refreshing.claim(ids, now=now)

    assert [one.pk for one in theirs] == ids[:3]
    assert [one.pk for one in mine] == ids[3:]
    assert len({one.lease_holder for one in (*mine, *theirs)}) == 2


def test_a_lease_that_nobody_gave_back_tells_of_a_worker_that_died(kestrel: Account) -> None:
    first = timezone.now()
    made = connect(crowd(kestrel, 1), refresh_due_at=first)
    ids = [one.pk for one in made]

    refreshing.claim(ids, now=first)
    assert again(made[0]).interrupted_at is None
    refreshing.claim(ids, now=first + tokens.LEASE)
    (third,) = refreshing.claim(ids, now=first + 2 * tokens.LEASE)

    assert third.interrupted_at == again(made[0]).interrupted_at == first + tokens.LEASE


def test_the_times_fit_into_each_other() -> None:
    assert http.TOTAL + tokens.SPARE < tokens.LEASE


def test_a_worker_that_wakes_after_its_lease_keeps_the_token_that_only_it_knows(
    connection: Connection, microsoft: Simulator
) -> None:
    """Where each refresh token may be used once: the next holder has asked in vain, and not yet been answered."""
    microsoft.control("POST", "tenants/kestrel.example/strict-rotation", {"on": True})
    now = timezone.now()
    Connection.objects.update(refresh_due_at=now)
    (late,) = refreshing.claim([connection.pk], now=now)
    fresh = tokens.sealed(late, tokens.ask(late), asked_at=now)
    (next_one,) = refreshing.claim([connection.pk], now=now + tokens.LEASE)

    assert tokens.keep_refreshed(late, fresh)
    with pytest.raises(AuthorizationLost) as refused:
        tokens.ask(next_one)

    assert not states.went_wrong(next_one, refused.value.failure, now=now + tokens.LEASE)
    after = again(connection)
    assert (after.state, after.token_version, after.interrupted_at) == (State.CONNECTED, 2, None)
    assert after.lease_holder == next_one.lease_holder


@pytest.mark.parametrize(
    ("reason", "kept", "state"),
    [(Reason.GRANT_UNKNOWN, True, State.CONNECTED), (Reason.SESSIONS_REVOKED, False, State.NEEDS_REAUTH)],
)
def test_what_wakes_even_after_the_next_was_refused_tells_that_nothing_was_lost(
    reason: Reason, kept: bool, state: State, connection: Connection
) -> None:
    """But for what Microsoft said of the person, and not of the token."""
    now = timezone.now()
    Connection.objects.update(refresh_due_at=now)
    (late,) = refreshing.claim([connection.pk], now=now)
    got = tokens.ask(late)
    fresh = tokens.sealed(late, got, asked_at=now)
    (next_one,) = refreshing.claim([connection.pk], now=now + tokens.LEASE)
    states.went_wrong(next_one, Failure(Outcome.AUTHORIZATION_LOST, reason), now=now)

    assert tokens.keep_refreshed(late, fresh) == kept

    after = again(connection)
    assert (after.state, bool(after.refresh_token), after.refresh_due_at is not None) == (state, kept, kept)
    letters.send_waiting(now=now)
    assert Letter.objects.filter(sent_at=None, dropped_at__isnull=False).exists() == kept
    if kept:
        assert (after.reason, after.interrupted_at, held(connection)) == ("", None, got.refresh_token)
        assert refreshing.refresh_due(now=now + 2 * tokens.LEASE) == 1
        assert again(connection).state == State.CONNECTED


# ── A turn ──────────────────────────────────────────────────────────────────
def test_a_refresh_stores_all_that_follows_and_gives_the_lease_back(
    connection: Connection, microsoft: Simulator
) -> None:
    now = timezone.now()
    trouble = {"state": State.DEGRADED, "trouble": Trouble.SIGN_IN, "reason": Reason.NO_ANSWER, "attempts": 3}
    Connection.objects.filter(pk=connection.pk).update(refresh_due_at=now, interrupted_at=now, **trouble)
    before, old = again(connection), held(connection)

    assert refreshing.refresh_due(now=now) == 1

    after = again(connection)
    assert (after.state, after.trouble, after.reason, after.attempts) == (State.CONNECTED, Trouble.NONE, "", 0)
    assert (after.lease_until, after.lease_holder, after.interrupted_at) == (None, None, None)
    assert after.token_version == before.token_version + 1
    assert held(connection) != old
    assert held(connection, "access_token")
    assert after.refresh_due_at is not None
    assert after.refresh_due_at > now + timedelta(hours=4)
    assert after.last_good_at is not None
    assert after.last_good_at >= now


def test_two_at_once_refresh_each_connection_once(
    connection: Connection, kestrel: Account, microsoft: Simulator
) -> None:
    alike(connection, crowd(kestrel, 30))
    slow_down(microsoft, 50)
    both = threading.Barrier(2)

    def sweep() -> int:
        both.wait()
        return refreshing.refresh_due(now=timezone.now())

    with meanwhile(sweep) as other:
        mine = sweep()

    assert mine + int(str(other[0])) == 30
    assert asked(microsoft) == 30
    versions = Connection.objects.exclude(pk=connection.pk).values_list("token_version", flat=True)
    assert list(versions) == [1] * 30


def test_more_than_a_batch_is_done_in_one_turn(connection: Connection, kestrel: Account, microsoft: Simulator) -> None:
    count = refreshing.BATCH + 10
    alike(connection, crowd(kestrel, count))

    turn = refreshing.take_turn(now=timezone.now())

    assert turn == refreshing.Turn(count)
    assert asked(microsoft) == count


def test_one_that_cannot_be_opened_does_not_spoil_the_others(
    connection: Connection, kestrel: Account, microsoft: Simulator
) -> None:
    damaged, *sound = alike(connection, crowd(kestrel, 4))
    Connection.objects.filter(pk=damaged.pk).update(refresh_token="v1.new.AAAA")

    assert refreshing.refresh_due(now=timezone.now()) == 4

    assert [again(one).state for one in sound] == [State.CONNECTED] * 3
    assert [again(one).token_version for one in sound] == [1] * 3
    assert (again(damaged).state, again(damaged).reason) == (State.PAUSED, Reason.KEY_MISSING)
    assert again(damaged).lease_holder is None


def test_one_without_a_token_is_put_off_and_not_asked_about_without_end(
    connection: Connection, microsoft: Simulator
) -> None:
    now = timezone.now()
    Connection.objects.filter(pk=connection.pk).update(refresh_token="", refresh_due_at=now)

    assert refreshing.refresh_due(now=now) == 1

    after = again(connection)
    assert asked(microsoft) == 0
    assert after.lease_holder is None
    assert after.refresh_due_at is not None
    assert after.refresh_due_at > now


def test_what_the_settings_forbid_is_not_asked_about(
    connection: Connection, kestrel: Account, dana: User, corvid: Account, microsoft: Simulator
) -> None:
    forbidden, allowed = alike(connection, crowd(kestrel, 3)), alike(connection, crowd(corvid, 2))
    for one in forbidden:
        Connection.objects.filter(pk=one.pk).update(address=one.user.email)
    set_to("enabled", False, at=kestrel, by=dana, is_locked=True)
    Connection.objects.filter(pk__in=[one.pk for one in forbidden]).update(
        state=State.CONNECTED, refresh_due_at=timezone.now()
    )

    refreshing.refresh_due(now=timezone.now())

    assert {again(one).state for one in forbidden} == {State.BLOCKED_BY_POLICY}
    assert {again(one).lease_holder for one in forbidden} == {None}
    assert [again(one).token_version for one in allowed] == [1, 1]
    assert asked(microsoft) == 2


def test_only_keepers_and_the_task_itself_speak_to_the_database_and_leave_no_connection_open(
    connection: Connection, kestrel: Account, microsoft: Simulator
) -> None:
    alike(connection, crowd(kestrel, 40))
    opened: list[Any] = []

    def note(*, connection: Any, **_: object) -> None:
        opened.append(connection)

    connection_created.connect(note)
    try:
        refreshing.refresh_due(now=timezone.now())
    finally:
        connection_created.disconnect(note)

    of_threads = [one for one in opened if one is not database]
    assert 1 <= len(of_threads) <= refreshing.KEEPERS
    assert [one.connection for one in of_threads] == [None] * len(of_threads)


def test_a_turn_ends_though_work_is_left_and_says_so(
    connection: Connection, kestrel: Account, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike(connection, crowd(kestrel, 200))
    slow_down(microsoft, 100)
    monkeypatch.setattr(refreshing, "TURN", timedelta(seconds=0.1))
    monkeypatch.setattr(refreshing, "IN_FLIGHT", 4)

    turn = refreshing.take_turn(now=timezone.now())

    assert turn.is_full
    assert turn.tried < 200
    assert not Connection.objects.exclude(lease_holder=None).exists()


def test_what_cannot_end_within_its_lease_is_not_asked_about(connection: Connection, microsoft: Simulator) -> None:
    now = timezone.now()
    Connection.objects.filter(pk=connection.pk).update(refresh_due_at=now)
    (claimed,) = refreshing.claim([connection.pk], now=now)
    fleet = refreshing._Fleet(lambda: now + tokens.LEASE - http.TOTAL)  # the machine slept meanwhile

    answer = fleet._asked(claimed)
    refreshing._file(answer)

    assert (answer.fresh, answer.failure) == (None, None)
    assert asked(microsoft) == 0
    assert again(connection).lease_holder is None


def test_while_microsoft_refuses_us_the_rest_is_left_alone(
    connection: Connection, kestrel: Account, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = alike(connection, crowd(kestrel, 100))
    monkeypatch.setattr(refreshing, "IN_FLIGHT", 2)
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": "another-secret"})

    refreshing.refresh_due(now=timezone.now())
    tasks.refresh_due()

    ids = [one.pk for one in made]
    paused = Connection.objects.filter(pk__in=ids, state=State.PAUSED).count()
    assert 1 <= paused <= 4
    assert Connection.objects.filter(pk__in=ids, state=State.CONNECTED, lease_holder=None).count() == 100 - paused


def test_what_holds_no_token_does_not_wait_for_the_database(connection: Connection) -> None:
    now = timezone.now()
    Connection.objects.update(refresh_due_at=now)
    (claimed,) = refreshing.claim([connection.pk], now=now)
    fleet, began = refreshing._Fleet(timezone.now), time.monotonic()

    def away(*_: Any) -> Any:
        raise OperationalError("the server closed the connection unexpectedly")

    with database.execute_wrapper(away):
        fleet._keep(refreshing._Answer(claimed, now))
        fleet._keep(refreshing._Answer(claimed, now, failure=KEY_MISSING))

    assert time.monotonic() - began < 1
    assert fleet.halted.is_set()


def test_a_database_that_goes_away_for_a_moment_costs_no_token(
    connection: Connection, kestrel: Account, microsoft: Simulator
) -> None:
    alike(connection, crowd(kestrel, 5))
    fails = iter([True] * 3)

    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if "refreshed_at" in sql and sql.startswith("UPDATE") and next(fails, False):
            raise OperationalError("the server closed the connection unexpectedly")
        return execute(sql, *rest)

    def note(*, connection: Any, **_: object) -> None:
        if connection is not database:
            connection.execute_wrappers.append(away)

    connection_created.connect(note)
    try:
        refreshing.refresh_due(now=timezone.now())
    finally:
        connection_created.disconnect(note)

    assert asked(microsoft) == Connection.objects.filter(token_version=1).exclude(pk=connection.pk).count() == 5


# ── When ────────────────────────────────────────────────────────────────────
@given(moments, st.none() | moments, st.floats(0, 1))
def test_the_next_refresh_is_soon_for_those_who_look_and_in_time_for_all(
    now: datetime, last_used_at: datetime | None, spread: float
) -> None:
    due = states.next_refresh(now=now, last_used_at=last_used_at, spread=spread)

    assert now < due <= now + timedelta(days=30)
    if last_used_at and now - last_used_at < states.IDLE_AFTER:
        assert due <= now + timedelta(hours=6)


def test_the_next_refreshes_are_spread() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)

    dues = {states.next_refresh(now=now, last_used_at=now, spread=n / 100) for n in range(101)}

    assert len(dues) == 101
    assert max(dues) - min(dues) == timedelta(hours=1.5)


@given(
    st.integers(0, 5000),
    st.none() | st.timedeltas(timedelta(), timedelta(hours=1)),
    st.floats(0, 1),
)
def test_the_wait_grows_has_an_end_and_obeys_microsoft(
    attempts: int, retry_after: timedelta | None, spread: float
) -> None:
    wait = states.wait_before(attempts, retry_after=retry_after, spread=spread)

    assert states.FIRST_WAIT / 2 <= wait <= states.LONGEST_WAIT
    assert wait >= (retry_after or timedelta())
    assert states.wait_before(attempts + 1, retry_after=retry_after, spread=spread) >= wait
