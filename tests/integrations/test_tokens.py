"""Tokens, with a real Microsoft to ask: used while they last, and refreshed by one at a time."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import AuditEntry, User
from integrations import states, tokens
from integrations.contracts import AuthorizationLost
from integrations.microsoft import http, identity
from integrations.models import Connection, State
from tests.integrations.holding import again, connection, held, meanwhile, slow_down, until_asked
from tests.integrations.wired import asked, connected, forget_microsoft
from tests.simulated import Simulator

__all__ = ["connection"]

# Threads are at work, and each has a database connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


# ── A token is used while it lasts, and refreshed then ──────────────────────
def test_a_token_that_lasts_costs_one_look_at_the_settings(
    alice: User, microsoft: Simulator, settings: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    connection = again(connected(alice, microsoft))
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"
    forget_microsoft()

    with django_assert_num_queries(1):
        token = tokens.access_token(connection, now=timezone.now())

    assert token == held(connection, "access_token")


@pytest.mark.parametrize(("before_the_end", "lasts"), [(301, True), (299, False), (0, False), (-1, False)])
def test_a_token_is_given_up_five_minutes_before_its_end(
    before_the_end: int, lasts: bool, alice: User, microsoft: Simulator
) -> None:
    connection = connected(alice, microsoft)
    assert connection.access_expires_at is not None
    now = connection.access_expires_at - timedelta(seconds=before_the_end)

    assert (tokens.held_token(connection, now=now) is not None) == lasts


def test_a_refresh_keeps_the_new_pair_and_raises_the_version(connection: Connection, microsoft: Simulator) -> None:
    before, old = again(connection), held(connection)
    now = timezone.now()

    token = tokens.access_token(connection, now=now)

    after = again(connection)
    assert held(connection, "access_token") == token
    assert held(connection) != old
    assert after.token_version == before.token_version + 1
    assert (after.lease_until, after.lease_holder) == (None, None)
    assert (after.state, after.attempts, after.last_good_at) == (State.CONNECTED, 0, now)
    assert after.access_expires_at is not None
    assert now + timedelta(minutes=59) < after.access_expires_at < now + timedelta(minutes=91)
    assert set(after.granted) >= {"Calendars.Read", "User.Read"}
    assert asked(microsoft) == 1


def test_the_refreshed_token_opens_the_calendar(connection: Connection, microsoft: Simulator) -> None:
    token = tokens.access_token(connection, now=timezone.now())

    assert "id" in http.get(f"{microsoft.graph_url}/me", token)


def test_an_answer_without_a_refresh_token_leaves_the_old_one(connection: Connection) -> None:
    old = held(connection)
    pair = identity.Tokens("a-token", "", timedelta(hours=1), ("Calendars.Read",))

    assert tokens.store(connection, pair, asked_at=timezone.now())

    assert held(connection) == old
    assert held(connection, "access_token") == "a-token"


def test_forgetting_a_refused_token_spares_a_newer_one(connection: Connection) -> None:
    stale = again(connection)
    tokens.access_token(connection, now=timezone.now())

    tokens.forget_access(stale)

    assert again(connection).access_token


def test_an_access_token_that_does_not_open_is_as_good_as_none(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.filter(pk=connection.pk).update(access_token="v1.new.damaged")

    token = tokens.access_token(again(connection), now=timezone.now())

    assert held(connection, "access_token") == token
    assert asked(microsoft) == 1


# ── One refresh at a time ───────────────────────────────────────────────────
def test_the_times_fit_into_each_other() -> None:
    assert http.TOTAL < tokens.LEASE
    assert tokens.PATIENCE < http.TOTAL


def test_two_at_once_ask_once_and_get_the_same_token(connection: Connection, microsoft: Simulator) -> None:
    slow_down(microsoft, 300)
    mine, others = again(connection), again(connection)

    with meanwhile(lambda: tokens.access_token(others, now=timezone.now())) as other:
        until_asked(microsoft, connection)
        token = tokens.access_token(mine, now=timezone.now())

    assert other == [token]
    assert asked(microsoft) == 1
    assert again(connection).token_version == 2


def test_who_finds_the_lease_taken_waits_two_seconds_and_no_longer(
    connection: Connection, microsoft: Simulator
) -> None:
    now = timezone.now()
    Connection.objects.filter(pk=connection.pk).update(lease_until=now + tokens.LEASE, lease_holder=uuid.uuid4())
    started = time.monotonic()

    with pytest.raises(tokens.Busy):
        tokens.access_token(connection, now=now)

    assert 1.9 < time.monotonic() - started < 3
    assert asked(microsoft) == 0


def test_who_waits_gives_up_when_the_connection_is_lost_meanwhile(connection: Connection, microsoft: Simulator) -> None:
    slow_down(microsoft, 400)
    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")
    mine, others = again(connection), again(connection)

    with meanwhile(lambda: tokens.access_token(others, now=timezone.now())) as other:
        until_asked(microsoft, connection)
        with pytest.raises(tokens.NotAlive):
            tokens.access_token(mine, now=timezone.now())

    assert isinstance(other[0], AuthorizationLost)
    assert asked(microsoft) == 1


def test_the_lease_of_a_dead_holder_ends(connection: Connection) -> None:
    now = timezone.now()
    Connection.objects.filter(pk=connection.pk).update(lease_until=now, lease_holder=uuid.uuid4())

    assert tokens.access_token(again(connection), now=now)


def test_a_holder_that_was_late_does_not_take_away_the_lease_of_the_next(connection: Connection) -> None:
    now = timezone.now()
    mine = tokens._claim(connection, now=now)
    assert mine is not None
    next_one = tokens._claim(connection, now=now + tokens.LEASE)

    tokens._release(connection, mine)

    assert again(connection).lease_holder == next_one


def test_a_lease_counts_from_now_however_long_ago_the_caller_read_the_clock(
    connection: Connection, microsoft: Simulator
) -> None:
    slow_down(microsoft, 400)
    long_ago = timezone.now() - timedelta(seconds=45)

    with meanwhile(lambda: tokens.refresh(again(connection), now=long_ago)):
        until_asked(microsoft, connection)
        assert tokens._claim(again(connection), now=timezone.now()) is None

    assert again(connection).token_version == 2


def test_what_could_end_after_its_lease_is_not_asked(connection: Connection, microsoft: Simulator) -> None:
    """The database took its time over the claim."""
    almost_over = timezone.now() + http.TOTAL

    def claim_slowly(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if sql.startswith("UPDATE") and "lease_holder" in sql and "interrupted_at" in sql:
            with database.cursor() as cursor:
                cursor_of = {"connection": database, "cursor": cursor}
                execute("UPDATE integrations_connection SET lease_until = %s", [almost_over], False, cursor_of)
        return answer

    with database.execute_wrapper(claim_slowly), pytest.raises(tokens.Busy):
        tokens.access_token(again(connection), now=timezone.now())

    assert asked(microsoft) == 0
    assert again(connection).lease_until is None


def test_who_comes_second_uses_what_the_first_has_stored(connection: Connection, microsoft: Simulator) -> None:
    read_before = again(connection)
    token = tokens.access_token(connection, now=timezone.now())

    assert tokens.access_token(read_before, now=timezone.now()) == token
    assert asked(microsoft) == 1


# ── What was stored meanwhile counts ────────────────────────────────────────
NEWER = identity.Tokens("newer-access", "newer-refresh", timedelta(hours=1), ("Calendars.Read",))


def test_a_reconnect_during_a_refresh_wins(connection: Connection, microsoft: Simulator) -> None:
    slow_down(microsoft, 500)
    mine = again(connection)

    with meanwhile(lambda: tokens.access_token(mine, now=timezone.now())) as refreshing:
        until_asked(microsoft, connection)
        assert tokens.store(again(connection), NEWER, asked_at=timezone.now())

    assert refreshing == ["newer-access"]
    assert held(connection) == "newer-refresh"
    assert again(connection).token_version == 2


def test_a_no_is_believed_only_of_the_token_that_was_sent(connection: Connection, microsoft: Simulator) -> None:
    slow_down(microsoft, 500)
    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")
    mine = again(connection)

    with meanwhile(lambda: tokens.access_token(mine, now=timezone.now())) as refreshing:
        until_asked(microsoft, connection)
        assert tokens.store(again(connection), NEWER, asked_at=timezone.now())

    assert refreshing == ["newer-access"]
    assert again(connection).state == State.CONNECTED
    assert not AuditEntry.objects.filter(action="calendar.authorization_lost").exists()


def test_a_refresh_of_a_deleted_connection_does_not_bring_it_back(connection: Connection, microsoft: Simulator) -> None:
    slow_down(microsoft, 500)
    mine = again(connection)

    with meanwhile(lambda: tokens.access_token(mine, now=timezone.now())) as refreshing:
        until_asked(microsoft, connection)
        states.disconnected(again(connection), now=timezone.now())

    after = again(connection)
    assert isinstance(refreshing[0], tokens.NotAlive)
    assert (after.state, after.refresh_token, after.access_token) == (State.DISCONNECTED, "", "")
