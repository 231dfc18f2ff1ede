"""The sweep that keeps tokens fresh, and when it comes back to each."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db.backends.signals import connection_created
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account
from integrations import states, tokens
from integrations.failures import Reason
from integrations.models import ALIVE, Connection, State
from tests.cast import crowd
from tests.integrations.holding import again, alike, connection, meanwhile, slow_down
from tests.integrations.wired import asked
from tests.simulated import Simulator

__all__ = ["connection"]

# Threads are at work, and each has a database connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  made aware


# ── The sweep ───────────────────────────────────────────────────────────────
def test_two_sweeps_at_once_refresh_each_connection_once(
    connection: Connection, kestrel: Account, microsoft: Simulator
) -> None:
    alike(connection, crowd(kestrel, 30))
    slow_down(microsoft, 50)
    both = threading.Barrier(2)

    def sweep() -> int:
        both.wait()
        return tokens.refresh_due(now=timezone.now())

    with meanwhile(sweep) as other:
        mine = sweep()

    assert mine + int(str(other[0])) == 30
    assert asked(microsoft) == 30
    versions = Connection.objects.exclude(pk=connection.pk).values_list("token_version", flat=True)
    assert list(versions) == [1] * 30


def test_what_another_sweep_claims_between_looking_and_claiming_is_left_to_it(
    connection: Connection, kestrel: Account
) -> None:
    made = {one.pk for one in alike(connection, crowd(kestrel, 5))}
    now = timezone.now()
    theirs: list[object] = []

    def come_between(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and not theirs:
            theirs.append("at it")
            theirs.extend(tokens._claim_due(now=now))
        return execute(sql, *rest)

    with database.execute_wrapper(come_between):
        mine = tokens._claim_due(now=now)

    assert mine == []
    assert set(theirs) == made | {"at it"}


@pytest.mark.parametrize("state", [state for state in State if state not in ALIVE] + [State.CONNECTING])
def test_the_sweep_leaves_alone_what_is_not_its_business(
    state: State, connection: Connection, microsoft: Simulator
) -> None:
    Connection.objects.filter(pk=connection.pk).update(state=state, refresh_due_at=timezone.now())

    assert tokens.refresh_due(now=timezone.now()) == 0
    assert asked(microsoft) == 0


def test_the_longest_due_come_first_and_a_batch_is_bounded(connection: Connection, kestrel: Account) -> None:
    made = alike(connection, crowd(kestrel, tokens.BATCH + 3))
    now = timezone.now()
    for number, one in enumerate(made):
        Connection.objects.filter(pk=one.pk).update(refresh_due_at=now - timedelta(minutes=number))

    claimed = tokens._claim_due(now=now)

    assert claimed == [one.pk for one in reversed(made)][: tokens.BATCH]


def test_what_a_dead_worker_had_claimed_is_due_again(connection: Connection) -> None:
    now = timezone.now()
    Connection.objects.filter(pk=connection.pk).update(refresh_due_at=now)
    assert tokens._claim_due(now=now) == [connection.pk]

    assert tokens._claim_due(now=now + tokens.LEASE) == []
    assert tokens._claim_due(now=now + timedelta(minutes=2)) == [connection.pk]


def test_one_that_cannot_be_opened_does_not_spoil_the_others(
    connection: Connection, kestrel: Account, microsoft: Simulator
) -> None:
    damaged, *sound = alike(connection, crowd(kestrel, 4))
    Connection.objects.filter(pk=damaged.pk).update(refresh_token="v1.new.AAAA")

    assert tokens.refresh_due(now=timezone.now()) == 4

    assert [again(one).state for one in sound] == [State.CONNECTED] * 3
    assert [again(one).token_version for one in sound] == [1] * 3
    assert (again(damaged).state, again(damaged).reason) == (State.PAUSED, Reason.KEY_MISSING)


def test_the_sweep_leaves_no_database_connection_open(connection: Connection, kestrel: Account) -> None:
    alike(connection, crowd(kestrel, 6))
    opened: list[Any] = []

    def note(*, connection: Any, **_: object) -> None:
        opened.append(connection)

    connection_created.connect(note)
    try:
        tokens.refresh_due(now=timezone.now())
    finally:
        connection_created.disconnect(note)

    of_threads = [one for one in opened if one is not database]
    assert of_threads
    assert [one.connection for one in of_threads] == [None] * len(of_threads)


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
