"""Access tokens: used while they last, refreshed by one at a time, kept under a version check.

One refresh at a time per connection, across processes: a lease is claimed by compare-and-set, longer than the
request can take. The *new* refresh token is stored with all that follows from it in one UPDATE. A *no* from
Microsoft is believed only after looking again: somebody else may have stored a newer token meanwhile.

Many at once: `refreshing`.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import outbound, rows, vault
from integrations import fitting, scopes, states
from integrations.contracts import AuthorizationLost, CalendarError, CredentialRefused
from integrations.failures import KEY_MISSING
from integrations.microsoft import http, identity
from integrations.models import ALIVE, Connection, State

log = structlog.get_logger(__name__)

EARLY = timedelta(minutes=5)  # longer than our longest use of a token
# Longer than `microsoft.http.TOTAL`, and time to store what came: no answer arrives after the lease is over.
LEASE = timedelta(seconds=30)
SPARE = timedelta(seconds=5)  # from Microsoft's answer until it is stored
PATIENCE = timedelta(seconds=2)
GLANCE = timedelta(milliseconds=100)
_LOOKS = 4  # at a row that others change while its token is stored


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


def store(connection: Connection, tokens: identity.Tokens, *, asked_at: datetime, spread: float | None = None) -> bool:
    """Keep a new pair, if nobody stored one since `connection` was read. False: ours is not needed.

    `connection` then carries what was stored.
    """
    fresh = sealed(connection, tokens, asked_at=asked_at, spread=spread)
    mine = Connection.objects.filter(pk=connection.pk, token_version=connection.token_version)
    if not mine.filter(state__in=states.RENEWABLE).update(**fresh):
        _keep_for_later(connection, fresh)
        return False
    _carry(connection, fresh)
    return True


def sealed(
    connection: Connection, tokens: identity.Tokens, *, asked_at: datetime, spread: float | None = None
) -> dict[str, Any]:
    """A new pair as columns of `connection`. No I/O."""
    jitter = random.random() if spread is None else spread  # noqa: S311  not a secret
    fresh = {
        "access_token": vault.seal(tokens.access_token, bound_to=_place(connection, "access_token")),
        "access_expires_at": asked_at + tokens.lasts,
        "token_version": connection.token_version + 1,
        "refreshed_at": asked_at,
        "interrupted_at": None,
        "granted": scopes.bare(tokens.scopes) or connection.granted,
        "refresh_due_at": states.next_turn(connection, now=asked_at, spread=jitter),
    }
    if tokens.refresh_token:
        fresh["refresh_token"] = vault.seal(tokens.refresh_token, bound_to=_place(connection, "refresh_token"))
    return fresh


def keep_refreshed(connection: Connection, fresh: dict[str, Any]) -> bool:
    """Store `sealed` columns, what they mean for the state, and the lease given back: one UPDATE, of the row as it was
    read. Where somebody changed the state meanwhile, it is read and decided again. False: ours is not needed.

    `connection` holds the lease, and then carries what was stored.
    """
    mine = {"id": connection.pk, "token_version": connection.token_version}
    leased = {"lease_holder": connection.lease_holder}
    for _ in range(_LOOKS):
        if connection.state not in states.RENEWABLE:
            break
        as_read = {**mine, "state": connection.state, "trouble": connection.trouble, **leased}
        meant = states.after_refresh(connection, now=fresh["refreshed_at"])
        whole = {**fresh, **meant, **(states.RELEASED if leased else {})}
        if rows.update(Connection, as_read, whole):
            _carry(connection, whole)
            return True
        leased = {}  # it may be over, and somebody else's by now
        now_it_is = Connection.objects.filter(**mine).values("state", "trouble", "attempts", "refresh_due_at").first()
        if now_it_is is None:
            return False
        _carry(connection, now_it_is)
    if states.found_after_all(connection, fresh, now=max(fresh["refreshed_at"], timezone.now())):
        connection.refresh_from_db()
        return True
    _keep_for_later(connection, fresh)
    return False


def ask(connection: Connection) -> identity.Tokens:
    """A new pair of Microsoft, within `http.TOTAL`. No database. Raises NotAlive, `CalendarError`, CannotOpen."""
    if connection.state not in states.RENEWABLE or not connection.refresh_token:
        raise NotAlive
    held = vault.open_sealed(connection.refresh_token, bound_to=_place(connection, "refresh_token"))
    return _asked(connection, held, scopes.scopes_of(connection))


def redeem_for(connection: Connection, wanted: list[str], *, now: datetime) -> identity.Tokens:
    """Tokens for other permissions than the connection's own: Microsoft's refresh tokens are good for all that their
    person has consented to. What is refused says nothing of the connection, which stays as it is.

    The new refresh token is kept, whatever the caller makes of it: `connection` carries it. Raises Busy, NotAlive,
    `CalendarError`.
    """
    _check_allowed(connection, now=now)
    holder = _claim(connection, now=max(now, timezone.now()))
    if holder is None:
        raise Busy
    try:
        connection.refresh_from_db()
        if connection.state not in states.RENEWABLE or not connection.refresh_token:
            raise NotAlive
        if not is_in_time(connection, now=max(now, timezone.now())):
            raise Busy
        got = _asked(connection, _opened_refresh_token(connection), wanted)
        if got.refresh_token and not _keep_refresh_token(connection, got.refresh_token):
            raise NotAlive  # ended, or stored by somebody else, while Microsoft answered
        return got
    finally:
        _release(connection, holder)


def free(*, now: datetime) -> Q:
    """Nobody is refreshing it, or whoever was has died over it."""
    return Q(lease_until=None) | Q(lease_until__lte=now)


def lease(holder: uuid.UUID, *, now: datetime) -> dict[str, Any]:
    """The columns of a claim on what is `free`. A lease that nobody gave back tells of a worker that died, perhaps
    with a new token in flight."""
    died = When(lease_until__isnull=False, then=Coalesce("interrupted_at", Value(now)))
    return {
        "lease_until": now + LEASE,
        "lease_holder": holder,
        "interrupted_at": Case(died, default=F("interrupted_at")),
    }


def is_in_time(connection: Connection, *, now: datetime) -> bool:
    """What Microsoft is asked now ends within the lease that `connection` was claimed with."""
    return connection.lease_until is not None and now <= connection.lease_until - http.TOTAL - SPARE


def want_refresh(connection: Connection, *, now: datetime) -> bool:
    """Make it due now. False: it is already, or it waits out passing trouble, which must not be cut short."""
    mine = Connection.objects.filter(pk=connection.pk, state__in=ALIVE, attempts=0)
    return bool(mine.filter(Q(refresh_due_at=None) | Q(refresh_due_at__gt=now)).update(refresh_due_at=now))


def forget_access(connection: Connection) -> None:
    """Microsoft refused the access token before its time: only the refresh token is left to try."""
    Connection.objects.filter(pk=connection.pk, token_version=connection.token_version).update(
        access_token="", access_expires_at=None
    )


def _asked(connection: Connection, refresh_token: str, wanted: list[str]) -> identity.Tokens:
    # The first contact with a tenant asks twice; together they stay within the lease.
    with outbound.deadline(http.TOTAL):
        return identity.refresh(refresh_token, tenant_id=connection.tenant_id, scopes=wanted)


def _opened_refresh_token(connection: Connection) -> str:
    try:
        return vault.open_sealed(connection.refresh_token, bound_to=_place(connection, "refresh_token"))
    except vault.CannotOpen as problem:
        raise CredentialRefused(KEY_MISSING) from problem


def _keep_refresh_token(connection: Connection, refresh_token: str) -> bool:
    """The access token beside it is good for as long as it was."""
    fresh = {
        "refresh_token": vault.seal(refresh_token, bound_to=_place(connection, "refresh_token")),
        "token_version": connection.token_version + 1,
        "interrupted_at": None,
    }
    mine = Connection.objects.filter(pk=connection.pk, token_version=connection.token_version)
    if not mine.filter(state__in=(*states.RENEWABLE, State.BLOCKED_BY_POLICY)).update(**fresh):
        return False
    _carry(connection, fresh)
    return True


def _check_allowed(connection: Connection, *, now: datetime) -> None:
    """The settings may have changed since the connection was read, and no worker may have applied them."""
    if fitting.as_allowed(connection, now=now).state not in states.RENEWABLE:
        raise NotAlive


def _refreshed(connection: Connection, *, now: datetime, even_if_held: bool = False) -> str:
    seen = connection.token_version
    # The caller may have waited for Microsoft since it read the clock, and a lease that is over protects nothing.
    holder = _claim(connection, now=max(now, timezone.now()))
    if holder is None:
        return _wait_for_other(connection, now=now)
    try:
        connection.refresh_from_db()
        token = held_token(connection, now=now)
        if token and not (even_if_held and connection.token_version == seen):
            return token
        if not is_in_time(connection, now=max(now, timezone.now())):
            raise Busy  # the database took its time, and the lease is almost over
        return _ask_and_store(connection, now=now)
    finally:
        if connection.lease_holder == holder:
            _release(connection, holder)


def _ask_and_store(connection: Connection, *, now: datetime) -> str:
    try:
        tokens = ask(connection)
    except AuthorizationLost as problem:
        return _believe_or_adopt(connection, problem, now=now)
    except vault.CannotOpen as problem:
        states.went_wrong(connection, KEY_MISSING, now=now)
        raise CredentialRefused(KEY_MISSING) from problem
    except CalendarError as problem:
        states.went_wrong(connection, problem.failure, now=now)
        raise
    if keep_refreshed(connection, sealed(connection, tokens, asked_at=now)):
        return tokens.access_token
    return _adopt(connection, now=now)


def _believe_or_adopt(connection: Connection, problem: AuthorizationLost, *, now: datetime) -> str:
    """Microsoft says no: to the token we sent. If a newer one was stored meanwhile, that one counts."""
    if not states.went_wrong(connection, problem.failure, now=now):
        return _adopt(connection, now=now)
    raise problem


def _adopt(connection: Connection, *, now: datetime) -> str:
    connection.refresh_from_db()
    token = held_token(connection, now=now) if connection.state in states.RENEWABLE else None
    if token is None:
        raise NotAlive
    return token


def _claim(connection: Connection, *, now: datetime) -> uuid.UUID | None:
    holder = uuid.uuid4()
    claimed = Connection.objects.filter(free(now=now), pk=connection.pk).update(**lease(holder, now=now))
    return holder if claimed else None


def _release(connection: Connection, holder: uuid.UUID) -> None:
    Connection.objects.filter(pk=connection.pk, lease_holder=holder).update(**states.RELEASED)


def _wait_for_other(connection: Connection, *, now: datetime) -> str:
    seen = connection.token_version
    ends = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < ends:
        time.sleep(GLANCE.total_seconds())
        connection.refresh_from_db()
        if connection.state not in states.RENEWABLE:
            raise NotAlive
        token = held_token(connection, now=now)
        if token and connection.token_version != seen:
            return token
    raise Busy


def _keep_for_later(connection: Connection, fresh: dict[str, Any]) -> None:
    """Blocked while Microsoft answered: kept as the pair before was, which Microsoft may have ended."""
    blocked = Connection.objects.filter(
        pk=connection.pk, token_version=connection.token_version, state=State.BLOCKED_BY_POLICY
    )
    blocked.update(**fresh | {"refresh_due_at": None})


def _carry(connection: Connection, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(connection, name, value)


def _place(connection: Connection, column: str) -> str:
    return f"integrations_connection:{column}:{connection.pk}"
