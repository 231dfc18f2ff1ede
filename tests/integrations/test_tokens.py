"""Tokens, with a real Microsoft to ask: kept fresh, refreshed by one at a time, and never lost to passing trouble."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection as database
from django.db import connections as databases
from django.db.backends.signals import connection_created
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import outbound
from accounts.models import Account, AuditEntry, User
from integrations import states, tasks, tokens, vault
from integrations.contracts import AuthorizationLost, CredentialRefused, Throttled, Unreachable
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import http, identity
from integrations.models import ALIVE, Connection, State
from tests.cast import crowd
from tests.integrations.wired import asked, connected, forget_microsoft
from tests.simulated import Simulator

# Threads are at work, and each has a database connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  made aware


@pytest.fixture
def connection(alice: User, microsoft: Simulator) -> Connection:
    """Alice's, connected; its access token is used up."""
    return used_up(connected(alice, microsoft))


def used_up(connection: Connection) -> Connection:
    Connection.objects.filter(pk=connection.pk).update(access_expires_at=timezone.now(), access_token="")
    return again(connection)


def again(connection: Connection) -> Connection:
    """As a process that knows nothing yet reads it."""
    return Connection.objects.select_related("user__account").get(pk=connection.pk)


def held(connection: Connection, column: str = "refresh_token") -> str:
    sealed = getattr(again(connection), column)
    return vault.open_sealed(sealed, bound_to=f"integrations_connection:{column}:{connection.pk}")


def alike(first: Connection, people: list[User]) -> list[Connection]:
    """Connections of many people that all hold the refresh token of the first: Microsoft lets it be used again."""
    secret = held(first)
    made = Connection.objects.bulk_create(
        Connection(
            user=person,
            state=State.CONNECTED,
            since_at=first.since_at,
            tenant_id=first.tenant_id,
            object_id=str(uuid.uuid4()),
            refresh_due_at=first.since_at,
        )
        for person in people
    )
    for one in made:
        place = f"integrations_connection:refresh_token:{one.pk}"
        Connection.objects.filter(pk=one.pk).update(refresh_token=vault.seal(secret, bound_to=place))
    return made


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[list[object]]:
    """`work` runs in a thread of its own while the block runs; the list then holds its answer, or its exception."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as problem:  # noqa: BLE001  the test looks at it
            outcome.append(problem)
        finally:
            databases.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join()


def slow_down(microsoft: Simulator, milliseconds: int) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": None, "seconds": 60, "latency_ms": milliseconds})


def until_asked(microsoft: Simulator, connection: Connection) -> None:
    """Until a refresh is on its way."""
    while again(connection).lease_until is None:
        time.sleep(0.01)
    time.sleep(0.1)


# ── A token is used while it lasts, and refreshed then ──────────────────────
def test_a_token_that_lasts_costs_nothing(
    alice: User, microsoft: Simulator, settings: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    connection = connected(alice, microsoft)
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"
    forget_microsoft()

    with django_assert_num_queries(0):
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


# ── Microsoft's own no ──────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("done", "reason", "code"),
    [
        ("revoke-sessions", Reason.SESSIONS_REVOKED, "AADSTS50173"),
        ("expire-all-tokens", Reason.INACTIVE, "AADSTS700082"),
        ("withdraw-consent", Reason.CONSENT_WITHDRAWN, "AADSTS65001"),
        ("disable", Reason.ACCOUNT_DISABLED, "AADSTS50057"),
    ],
)
def test_a_dead_grant_needs_the_person_once_and_says_why(
    done: str, reason: Reason, code: str, connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", f"people/alice@kestrel.example/{done}")
    now = timezone.now()

    with pytest.raises(AuthorizationLost):
        tokens.access_token(connection, now=now)
    with pytest.raises(tokens.NotAlive):
        tokens.access_token(again(connection), now=now + timedelta(hours=1))

    after, lost = again(connection), AuditEntry.objects.filter(action="calendar.authorization_lost")
    assert (after.state, after.reason, after.code, after.since_at) == (State.NEEDS_REAUTH, reason, code, now)
    assert after.trace_id
    assert (after.refresh_token, after.access_token, after.refresh_due_at) == ("", "", None)
    assert [entry.after for entry in lost] == [{"reason": reason.value, "code": code}]
    assert asked(microsoft) == 1


def test_two_that_hear_the_same_no_write_it_down_once(connection: Connection) -> None:
    failure = Failure(Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED, "AADSTS50173", "trace")
    first, second = again(connection), again(connection)

    assert states.went_wrong(first, failure, now=timezone.now())
    assert not states.went_wrong(second, failure, now=timezone.now())

    assert AuditEntry.objects.filter(action="calendar.authorization_lost").count() == 1


# ── Passing trouble ─────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [(429, Throttled, Reason.TOO_MANY_REQUESTS), (503, Unreachable, Reason.SERVICE_TROUBLE)],
)
def test_trouble_at_microsoft_degrades_and_is_waited_out(
    status: int, error: type[Exception], reason: Reason, connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": status, "seconds": 240})
    now, kept = timezone.now(), held(connection)

    with pytest.raises(error):
        tokens.access_token(connection, now=now)

    after = again(connection)
    assert (after.state, after.reason, after.since_at, after.attempts) == (State.DEGRADED, reason, now, 1)
    assert after.refresh_due_at is not None
    assert now + timedelta(seconds=230) < after.refresh_due_at, "Retry-After was 240 seconds"
    assert held(connection) == kept
    microsoft.control("DELETE", "faults")
    assert tokens.refresh_due(now=now + timedelta(minutes=3)) == 0
    assert tokens.refresh_due(now=after.refresh_due_at) == 1
    assert (again(connection).state, again(connection).attempts, again(connection).reason) == (State.CONNECTED, 0, "")


def test_the_time_of_the_first_trouble_stays(connection: Connection, microsoft: Simulator) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": 503, "seconds": 1})
    first = timezone.now()
    tokens.refresh(connection, now=first)
    microsoft.control("POST", "faults", {"target": "token", "status": 429, "seconds": 60})

    tokens.refresh(again(connection), now=first + timedelta(minutes=5))

    after = again(connection)
    assert (after.since_at, after.reason, after.attempts) == (first, Reason.TOO_MANY_REQUESTS, 2)


def test_nobody_there_is_passing_trouble(connection: Connection, settings: Any) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"
    forget_microsoft()

    with pytest.raises(Unreachable):
        tokens.access_token(connection, now=timezone.now())

    assert (again(connection).state, again(connection).reason) == (State.DEGRADED, Reason.NO_ANSWER)
    assert again(connection).refresh_token


def test_an_answer_that_comes_too_late_is_passing_trouble(connection: Connection, microsoft: Simulator) -> None:
    tokens.access_token(connection, now=timezone.now())
    slow_down(microsoft, 1500)
    started = time.monotonic()

    with outbound.deadline(timedelta(seconds=0.5)), pytest.raises(Unreachable):
        tokens.access_token(used_up(connection), now=timezone.now())

    assert time.monotonic() - started < 1.3
    assert (again(connection).state, again(connection).reason) == (State.DEGRADED, Reason.NO_ANSWER)


def test_a_page_that_asks_again_and_again_does_not_hurry_microsoft(
    connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": 429, "seconds": 60})
    tasks.refresh_one(connection_id=connection.pk)

    for _ in range(5):
        tasks.refresh_one(connection_id=connection.pk)

    assert asked(microsoft) == 1


# ── Our own credential ──────────────────────────────────────────────────────
def test_a_wrong_secret_pauses_tells_the_operator_once_and_no_user(
    connection: Connection, bob: User, microsoft: Simulator
) -> None:
    others = used_up(connected(bob, microsoft))
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": "another-secret"})
    now, kept = timezone.now(), held(connection)

    for one in (connection, others):
        with pytest.raises(CredentialRefused):
            tokens.access_token(one, now=now)

    assert [again(one).state for one in (connection, others)] == [State.PAUSED, State.PAUSED]
    assert again(connection).reason == Reason.CREDENTIAL_WRONG
    assert held(connection) == kept
    assert [message.to for message in mail.outbox] == [["operator@meridian.example"]]
    assert "AADSTS7000215" in mail.outbox[0].body
    assert microsoft.client_secret not in mail.outbox[0].body
    assert not AuditEntry.objects.filter(action="calendar.authorization_lost").exists()


def test_what_is_paused_comes_back_by_itself(connection: Connection, microsoft: Simulator) -> None:
    microsoft.control("POST", f"applications/{microsoft.client_id}/expire-secrets")
    now = timezone.now()
    tokens.refresh(connection, now=now)
    paused = again(connection)

    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": microsoft.client_secret})
    tokens.refresh_due(now=now + states.LONGEST_WAIT)

    assert (paused.state, paused.reason) == (State.PAUSED, Reason.CREDENTIAL_EXPIRED)
    assert (again(connection).state, again(connection).reason) == (State.CONNECTED, "")


def test_a_key_taken_out_too_early_pauses_and_its_return_mends(
    connection: Connection, settings: Any, microsoft: Simulator
) -> None:
    keys = settings.TOKEN_KEYS
    settings.TOKEN_KEYS = {"other": bytes(32)}
    now = timezone.now()

    with pytest.raises(CredentialRefused):
        tokens.access_token(connection, now=now)

    assert (again(connection).state, again(connection).reason) == (State.PAUSED, Reason.KEY_MISSING)
    assert len(mail.outbox) == 1
    assert "TOKEN_KEYS" in mail.outbox[0].body
    settings.TOKEN_KEYS = keys
    tokens.refresh_due(now=now + states.LONGEST_WAIT)
    assert again(connection).state == State.CONNECTED


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
