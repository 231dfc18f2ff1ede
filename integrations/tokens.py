"""Access tokens: used while they last, refreshed alone, kept fresh before anybody has to wait.

One refresh at a time per connection, across processes: a lease is claimed by compare-and-set, longer than the
request can take. The *new* refresh token is stored, under a version check, each on its own. A *no* from
Microsoft is believed only after looking again: somebody else may have stored a newer token meanwhile.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from django.db import connections as databases
from django.db.models import Q
from django.utils import timezone

from accounts import outbound
from integrations import fitting, scopes, states, vault
from integrations.contracts import AuthorizationLost, CalendarError, CredentialRefused
from integrations.failures import KEY_MISSING
from integrations.microsoft import http, identity
from integrations.models import ALIVE, Connection, State

log = structlog.get_logger(__name__)

EARLY = timedelta(minutes=5)  # longer than our longest use of a token
LEASE = timedelta(seconds=30)  # longer than `microsoft.http.TOTAL`: no answer arrives after the lease is over
PATIENCE = timedelta(seconds=2)
GLANCE = timedelta(milliseconds=100)
CLAIM = timedelta(minutes=2)  # longer than a batch of which every request runs into its deadline
BATCH = 100
IN_FLIGHT = 16


class Busy(Exception):
    """Somebody else is refreshing, and was not done in the time one may wait."""


class NotAlive(Exception):
    """There is nothing to refresh: the connection is lost, blocked or was deleted."""


def held_token(connection: Connection, *, now: datetime) -> str | None:
    """The access token if it still lasts. No I/O. One that does not open is as good as none."""
    if not connection.access_token or connection.access_expires_at is None:
        return None
    if connection.access_expires_at - now < EARLY:
        return None
    try:
        return vault.open_sealed(connection.access_token, bound_to=_place(connection, "access_token"))
    except vault.CannotOpen:
        log.warning("token.cannot_open", connection=connection.pk)
        return None


def access_token(connection: Connection, *, now: datetime) -> str:
    """A token that lasts, refreshed if need be. Raises Busy, NotAlive, `CalendarError`."""
    _check_allowed(connection, now=now)
    return held_token(connection, now=now) or _refreshed(connection, now=now)


def refresh(connection: Connection, *, now: datetime) -> None:
    """Refresh now, whatever is held, and file the outcome. Raises nothing that belongs to Microsoft."""
    try:
        _check_allowed(connection, now=now)
        _refreshed(connection, now=now, even_if_held=True)
    except (Busy, NotAlive):
        log.info("token.refresh.skipped", connection=connection.pk)
    except CalendarError as problem:
        log.info("token.refresh.failed", connection=connection.pk, reason=problem.failure.reason.value)


def refresh_due(*, now: datetime, clock: Callable[[], datetime] = timezone.now) -> int:
    """Claim what is due and refresh it, many at once; answers how many were tried.

    Claimed together by moving `refresh_due_at` past the lease: a worker that dies leaves nothing stuck.
    """
    claimed = _claim_due(now=now)
    waiting = iter(claimed)  # shared: `next` of a list's iterator is atomic, so each is taken once
    threads = min(IN_FLIGHT, len(claimed))
    if threads:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: _refresh_each(waiting, clock), range(threads)))
    return len(claimed)


def store(connection: Connection, tokens: identity.Tokens, *, asked_at: datetime, spread: float | None = None) -> bool:
    """Keep a new pair, if nobody stored one since `connection` was read. False: ours is not needed.

    `connection` then carries what was stored.
    """
    jitter = random.random() if spread is None else spread  # noqa: S311  not a secret
    fresh = {
        "access_token": vault.seal(tokens.access_token, bound_to=_place(connection, "access_token")),
        "access_expires_at": asked_at + tokens.lasts,
        "token_version": connection.token_version + 1,
        "refreshed_at": asked_at,
        "granted": scopes.bare(tokens.scopes) or connection.granted,
        "refresh_due_at": states.next_refresh(now=asked_at, last_used_at=connection.last_used_at, spread=jitter),
    }
    if tokens.refresh_token:
        fresh["refresh_token"] = vault.seal(tokens.refresh_token, bound_to=_place(connection, "refresh_token"))
    mine = Connection.objects.filter(pk=connection.pk, token_version=connection.token_version)
    if not mine.filter(state__in=ALIVE).update(**fresh):
        # Blocked while Microsoft answered: kept as the pair before was, which Microsoft may have ended.
        mine.filter(state=State.BLOCKED_BY_POLICY).update(**fresh | {"refresh_due_at": None})
        return False
    for name, value in fresh.items():
        setattr(connection, name, value)
    return True


def want_refresh(connection: Connection, *, now: datetime) -> bool:
    """Make it due now. False: it is already, or it waits out passing trouble, which must not be cut short."""
    mine = Connection.objects.filter(pk=connection.pk, state__in=ALIVE, attempts=0)
    return bool(mine.filter(Q(refresh_due_at=None) | Q(refresh_due_at__gt=now)).update(refresh_due_at=now))


def forget_access(connection: Connection) -> None:
    """Microsoft refused the access token before its time: only the refresh token is left to try."""
    Connection.objects.filter(pk=connection.pk, token_version=connection.token_version).update(
        access_token="", access_expires_at=None
    )


def _check_allowed(connection: Connection, *, now: datetime) -> None:
    """The settings may have changed since the connection was read, and no worker may have applied them."""
    if not fitting.as_allowed(connection, now=now).is_alive:
        raise NotAlive


def _refreshed(connection: Connection, *, now: datetime, even_if_held: bool = False) -> str:
    seen = connection.token_version
    holder = _claim(connection, now=now)
    if holder is None:
        return _wait_for_other(connection, now=now)
    try:
        connection.refresh_from_db()
        token = held_token(connection, now=now)
        if token and not (even_if_held and connection.token_version == seen):
            return token
        return _ask_and_store(connection, now=now)
    finally:
        _release(connection, holder)


def _ask_and_store(connection: Connection, *, now: datetime) -> str:
    try:
        tokens = _ask(connection)
    except AuthorizationLost as problem:
        return _believe_or_adopt(connection, problem, now=now)
    except vault.CannotOpen as problem:
        states.went_wrong(connection, KEY_MISSING, now=now)
        raise CredentialRefused(KEY_MISSING) from problem
    except CalendarError as problem:
        states.went_wrong(connection, problem.failure, now=now)
        raise
    if store(connection, tokens, asked_at=now):
        states.went_well(connection, now=now)
        return tokens.access_token
    return _adopt(connection, now=now)


def _ask(connection: Connection) -> identity.Tokens:
    if not connection.is_alive or not connection.refresh_token:
        raise NotAlive
    held = vault.open_sealed(connection.refresh_token, bound_to=_place(connection, "refresh_token"))
    wanted = scopes.to_refresh(connection.granted)
    # The first contact with a tenant asks twice; together they stay within the lease.
    with outbound.deadline(http.TOTAL):
        return identity.refresh(held, tenant_id=connection.tenant_id, scopes=wanted)


def _believe_or_adopt(connection: Connection, problem: AuthorizationLost, *, now: datetime) -> str:
    """Microsoft says no: to the token we sent. If a newer one was stored meanwhile, that one counts."""
    if not states.went_wrong(connection, problem.failure, now=now):
        return _adopt(connection, now=now)
    raise problem


def _adopt(connection: Connection, *, now: datetime) -> str:
    connection.refresh_from_db()
    token = held_token(connection, now=now) if connection.is_alive else None
    if token is None:
        raise NotAlive
    return token


def _claim(connection: Connection, *, now: datetime) -> uuid.UUID | None:
    holder = uuid.uuid4()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    claimed = Connection.objects.filter(free, pk=connection.pk).update(lease_until=now + LEASE, lease_holder=holder)
    return holder if claimed else None


def _release(connection: Connection, holder: uuid.UUID) -> None:
    Connection.objects.filter(pk=connection.pk, lease_holder=holder).update(**states.RELEASED)


def _wait_for_other(connection: Connection, *, now: datetime) -> str:
    seen = connection.token_version
    ends = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < ends:
        time.sleep(GLANCE.total_seconds())
        connection.refresh_from_db()
        if not connection.is_alive:
            raise NotAlive
        token = held_token(connection, now=now)
        if token and connection.token_version != seen:
            return token
    raise Busy


def _claim_due(*, now: datetime) -> list[int]:
    """The longest due first. A row is ours if we were the one to move its due time."""
    due = Connection.objects.filter(refresh_due_at__lte=now, state__in=ALIVE).exclude(state=State.CONNECTING)
    found = list(due.order_by("refresh_due_at", "pk").values_list("pk", "refresh_due_at")[:BATCH])
    later = now + CLAIM
    return [
        pk
        for pk, due_at in found
        if Connection.objects.filter(pk=pk, refresh_due_at=due_at).update(refresh_due_at=later)
    ]


def _refresh_each(waiting: Iterator[int], clock: Callable[[], datetime]) -> None:
    """One thread's share, over one database connection: to open one for each costs more than the refresh."""
    try:
        for pk in waiting:
            _refresh_one(pk, clock)
    finally:
        databases.close_all()


def _refresh_one(pk: int, clock: Callable[[], datetime]) -> None:
    """One bad connection does not spoil the others."""
    try:
        connection = Connection.objects.filter(pk=pk).select_related("user__account").first()
        if connection:
            refresh(connection, now=clock())
    except Exception:  # the batch goes on; the sweep comes back to this one
        log.exception("token.refresh.crashed", connection=pk)
        databases.close_all()  # it may have been the database connection that broke; the next one opens another


def _place(connection: Connection, column: str) -> str:
    return f"integrations_connection:{column}:{connection.pk}"
