"""Refreshing at the speed of the network: a worker beside a bare loop of `requests`, the search for what is due in a
large table beside that in a small one, and what it costs in database connections and memory.

One Celery worker in a process of its own, on real Redis and PostgreSQL, goes the whole path: claim, policy, MSAL,
encryption, commit. The bare loop asks the same token endpoint, over the same TLS, with as many requests in flight and
one session a thread, and keeps nothing.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from tests.benchmarks.stage import Measure, main, quickest_seconds
from tests.token_endpoint import TokenEndpoint, refresh_token

PATIENCE = 120.0  # seconds for one round
LATENCY = 0.1
ACCOUNTS = 40


@dataclass(frozen=True)
class Size:
    rounds: int
    instant: int  # refreshes a round without latency
    delayed: int  # and with
    long_run: int  # refreshes until memory is looked at again
    many: int  # connections of the large table


SMALL = Size(rounds=3, instant=1000, delayed=640, long_run=5_000, many=100_000)
WHOLE = Size(rounds=5, instant=4000, delayed=2500, long_run=20_000, many=1_000_000)


def run(small: bool, directory: Path) -> list[Measure]:
    from django.db import connection as database

    if database.vendor != "postgresql":
        raise SystemExit("This is measured on PostgreSQL, and there is none.")
    size = SMALL if small else WHOLE
    endpoint = TokenEndpoint(directory / "token-endpoint")
    endpoint.start()
    try:
        return [*_refreshes(size, endpoint, directory), _search(size)]
    finally:
        endpoint.stop()


# ── Refreshes a second ──────────────────────────────────────────────────────
def _refreshes(size: Size, endpoint: TokenEndpoint, directory: Path) -> list[Measure]:
    from tests import refreshers

    refreshers.connected(max(size.long_run, size.instant, size.delayed))
    with _Counted() as counted:
        with _worker(endpoint, directory, in_flight=8):
            instant = _race(endpoint, size.rounds, size.instant, in_flight=8, latency=0)
        with _worker(endpoint, directory, in_flight=32) as worker:
            endpoint.behave()
            _refreshed_a_second(1000)
            before = worker.megabytes()
            delayed = _race(endpoint, size.rounds, size.delayed, in_flight=32, latency=LATENCY)
            endpoint.behave()
            _refreshed_a_second(size.long_run - 1000 - size.rounds * size.delayed)
            after = worker.megabytes()
    return [
        _rate("8 in flight, no latency", instant, at_least=0.5),
        _rate("32 in flight, 100 ms", delayed, at_least=0.9),
        _of("database connections", counted.most, 10, "at most, of one worker"),
        _of("more memory", after - before, 10, f"MB: {before:.1f} after 1,000, {after:.1f} after {size.long_run:,}"),
    ]


def _of(name: str, found: float, allowed: float, says: str) -> Measure:
    return Measure(f"{name}, of {allowed:.0f}", max(found, 0) / allowed, f"{found:.1f} {says}", at_most=1.0)


def _rate(name: str, rounds: list[tuple[float, float]], *, at_least: float) -> Measure:
    ratio = statistics.median(ours / bare for ours, bare in rounds)
    ours, bare = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    return Measure(name, ratio, f"{ours:.0f} refreshes a second beside {bare:.0f} bare ones", at_least=at_least)


def _race(
    endpoint: TokenEndpoint, rounds: int, count: int, *, in_flight: int, latency: float
) -> list[tuple[float, float]]:
    """Ours and the bare loop, in turn, so that both meet the same weather."""
    found = []
    for at in range(rounds + 1):
        many = count if at else count // 4  # the first is there to get warm, and does not count
        endpoint.behave(latency=latency)
        ours = _refreshed_a_second(many)
        seen = endpoint.seen()
        assert (seen["asked"], seen["given"]) == (many, many), "each is asked about once"
        assert seen["most_at_once"] <= in_flight
        found.append((ours, _bare_a_second(endpoint, many, in_flight)))
    return found[1:]


def _refreshed_a_second(count: int) -> float:
    from accounts.nudging import nudge
    from integrations import tasks
    from tests import refreshers

    refreshers.make_due(count)
    started = time.perf_counter()
    nudge(tasks.refresh_due)
    refreshers.until(lambda: refreshers.left() == 0, seconds=PATIENCE)
    return count / (time.perf_counter() - started)


def _bare_a_second(endpoint: TokenEndpoint, count: int, in_flight: int) -> float:
    from tests import refreshers

    local = threading.local()
    url = endpoint.token_url(refreshers.TENANT)
    form = {
        "client_id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "client_secret": "x" * 40,
        "grant_type": "refresh_token",
        "scope": f"{' '.join(refreshers.GRANTED)} offline_access openid profile",
    }

    def begin() -> None:
        local.session = requests.Session()
        local.session.trust_env = False
        local.session.verify = str(endpoint.ca_path)

    def ask(at: int) -> None:
        answer = local.session.post(url, data=form | {"refresh_token": refresh_token(f"bare-{at}", 1)}, timeout=30)
        assert answer.json()["refresh_token"]

    with ThreadPoolExecutor(in_flight, initializer=begin) as pool:
        started = time.perf_counter()
        list(pool.map(ask, range(count)))
        return count / (time.perf_counter() - started)


# ── What it costs ───────────────────────────────────────────────────────────
class _Counted:
    """The most database connections that the workers had at any moment of the block."""

    def __init__(self) -> None:
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self) -> _Counted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _count(self) -> None:
        from django.db import connection as database

        from tests import refreshers

        while not self._over.wait(0.05):
            self.most = max(self.most, refreshers.database_connections())
        database.close()


@contextmanager
def _worker(endpoint: TokenEndpoint, directory: Path, *, in_flight: int) -> Iterator[Any]:
    from tests import refreshers

    worker = refreshers.Worker(endpoint, directory, in_flight=in_flight)
    try:
        yield worker
    finally:
        worker.kill()


# ── The search for what is due ──────────────────────────────────────────────
def _search(size: Size) -> Measure:
    """1,000 due of many accounts, in a small table and in a large one."""
    few = _search_seconds(10_000)
    many = _search_seconds(size.many)
    says = f"{many * 1000:.2f} ms among {size.many:,} connections, {few * 1000:.2f} ms among 10,000"
    return Measure("search, 1,000 due of many", many / few, says, at_most=1.5)


def _search_seconds(count: int) -> float:
    from django.utils import timezone

    from integrations import refreshing
    from integrations.models import Connection

    _fill(count)
    now = timezone.now()
    look: Callable[[], list[int]] = lambda: list(refreshing.due(now=now).values_list("pk", flat=True)[:2000])  # noqa: E731
    assert len(found := look()) == 1000
    assert Connection.objects.filter(pk__in=found).values("account").distinct().count() == ACCOUNTS
    return quickest_seconds(look, times=300)


def _fill(count: int) -> None:
    """By the database itself: the models would take minutes."""
    from django.db import connection as database
    from django.utils import timezone

    from accounts.models import Account, User
    from integrations.models import Connection, State

    with database.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_account, accounts_user, integrations_connection CASCADE")
    now = timezone.now()
    accounts = Account.objects.bulk_create(Account(name=f"Account {at}", created_at=now) for at in range(ACCOUNTS))
    person = User.objects.create(account=accounts[0], email="p0@many.example", name="Person", is_active=True)
    one = Connection.objects.create(
        user=person, state=State.CONNECTED, since_at=now, refresh_due_at=now - timedelta(hours=1)
    )
    step = count // 1000
    # Whatever is due, of every account alike: each step has one row that is.
    whose = f"(SELECT min(id) FROM accounts_account) + mod(n / {step}, {ACCOUNTS})"  # noqa: S608  our own numbers
    _copies(User, person.pk, count, email="'p' || n || '@many.example'", account_id=whose)
    long_ago, to_come = "now() - mod(n, 3600) * interval '1 s'", "now() + interval '9 h'"
    due = f"CASE WHEN mod(n, {step}) = 0 THEN {long_ago} ELSE {to_come} END"
    _copies(
        Connection,
        one.pk,
        count,
        user_id=f"{person.pk} + n",
        account_id=whose,
        object_id="'object-' || n",
        refresh_due_at=due,
        # As long as what the row holds of them: PostgreSQL keeps long values elsewhere.
        refresh_token="md5(n::text)",
        access_token="md5(n::text)",
    )
    Connection.objects.filter(pk=one.pk).update(refresh_due_at=None)
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE integrations_connection")


def _copies(model: Any, pk: int, count: int, **different: str) -> None:
    """Of one row: `count` more, with numbers that follow; n counts them."""
    from django.db import connection as database

    table, columns = model._meta.db_table, [field.column for field in model._meta.concrete_fields]
    values = {"id": f"{pk} + n", **different}
    chosen = ", ".join(values.get(column, f"t.{column}") for column in columns)
    sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} t, generate_series(1, %s) n WHERE t.id = %s"  # noqa: S608, E501  our own names
    with database.cursor() as cursor:
        cursor.execute(sql, [count, pk])


if __name__ == "__main__":
    main(run)
