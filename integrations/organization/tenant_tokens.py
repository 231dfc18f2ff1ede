"""The one token of an organization: it opens all its mailboxes, and every process uses the same.

Kept as a connection's is (`integrations.tokens`): sealed, under a version check, renewed by whoever holds the lease,
while all others wait a moment or come again. There is nothing to lose with it: another is asked for with our own
credential.
"""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Q
from django.utils import timezone

from accounts import outbound, vault
from integrations import states
from integrations.contracts import CalendarError
from integrations.microsoft import app_claims, http, identity
from integrations.models import LinkState, TenantLink
from integrations.organization import resources
from integrations.tokens import EARLY, GLANCE, LEASE, PATIENCE, SPARE, Busy, NotAlive

__all__ = [
    "RENEWED_BEFORE",
    "Busy",
    "NotAlive",
    "access_token",
    "forget",
    "held",
    "is_ending",
    "is_waiting",
    "renewed",
    "renewed_before",
]

log = structlog.get_logger(__name__)

RENEWED_BEFORE = EARLY + timedelta(minutes=5)


def held(link: TenantLink, *, now: datetime) -> str | None:
    """The token if it still lasts. No I/O. One that does not open is as good as none."""
    if not link.access_token or not _lasts(link, EARLY, now=now):
        return None
    try:
        return vault.open_sealed(link.access_token, bound_to=_place(link))
    except vault.CannotOpen:
        log.warning("link.token.cannot_open", link=link.pk)
        return None


def access_token(link: TenantLink, *, now: datetime) -> str:
    """A token that lasts; asked for if need be. Raises Busy, NotAlive, `CalendarError`.

    Busy, too, while the organization is in trouble and its time has not come: that is for `link_checks`.
    """
    if token := held(link, now=now):
        return token
    if is_waiting(link, now=now):
        raise Busy
    return renewed(link, now=now)


def renewed(link: TenantLink, *, now: datetime, anew: bool = False) -> str:
    """A token that was asked for now, unless another process has just stored one; `anew`: though one is held, newer
    than which `link` then carries. What goes wrong is filed. Raises Busy, NotAlive, `CalendarError`."""
    seen = link.token_version
    if link.ended_at is not None or link.state == LinkState.ENDED:
        raise NotAlive
    holder = _claim(link, now=max(now, timezone.now()))
    if holder is None:
        return _wait_for_other(link, now=now)
    try:
        link.refresh_from_db()
        if link.ended_at is not None:
            raise NotAlive
        is_new = link.token_version != seen or not anew
        if is_new and not is_ending(link, now=now) and (token := held(link, now=now)):
            return token
        return _ask_and_store(link, now=now)
    finally:
        TenantLink.objects.filter(pk=link.pk, lease_holder=holder).update(**states.RELEASED)
        link.lease_until = link.lease_holder = None


def forget(link: TenantLink) -> None:
    """Microsoft refused it before its time. One that was stored meanwhile stays."""
    mine = TenantLink.objects.filter(pk=link.pk, token_version=link.token_version)
    mine.update(access_token="", access_expires_at=None)


def is_waiting(link: TenantLink, *, now: datetime) -> bool:
    """In trouble, and the time of the next attempt has not come."""
    return bool(link.attempts and link.check_due_at and link.check_due_at > now)


def is_ending(link: TenantLink, *, now: datetime) -> bool:
    """It lasts for a short while only, or no longer: a sweep renews it before anybody who uses it has to wait."""
    return not link.access_token or not _lasts(link, renewed_before(link), now=now)


def renewed_before(link: TenantLink) -> timedelta:
    """So long before its end; an organization may have made the lives of its tokens short."""
    if link.access_expires_at is None or link.roles_at is None:
        return RENEWED_BEFORE
    return min(RENEWED_BEFORE, max(EARLY, (link.access_expires_at - link.roles_at) / 2))


def _ask_and_store(link: TenantLink, *, now: datetime) -> str:
    if link.lease_until is None or max(now, timezone.now()) > link.lease_until - http.TOTAL - SPARE:
        raise Busy  # the database took its time, and the lease is almost over
    try:
        with outbound.deadline(http.TOTAL):
            tokens = identity.app_token(link.tenant_id, resource=resources.of(link.api))
    except CalendarError as problem:
        is_usable = held(link, now=now) is not None
        states.link_troubled(link, problem.failure, now=now, is_usable=is_usable)
        raise
    if not _store(link, tokens, now=now):
        return _adopt(link, now=now)
    return tokens.access_token


def _store(link: TenantLink, tokens: identity.Tokens, *, now: datetime) -> bool:
    """With the roles it names, which are shown; False: somebody else has stored one, or it has ended."""
    claims = app_claims.read(tokens.access_token)
    fresh: dict[str, Any] = {
        "access_token": vault.seal(tokens.access_token, bound_to=_place(link)),
        "access_expires_at": now + tokens.lasts,
        "token_version": link.token_version + 1,
        "roles_at": now,
    }
    if claims.is_readable:
        if sorted(link.roles) != list(claims.roles):
            # What people may do, whether the directory is read and which mailboxes open hangs on them.
            fresh["follow_due_at"] = fresh["probe_due_at"] = now
        fresh["roles"] = list(claims.roles)
        fresh["service_principal_id"] = claims.object_id[:36]
    mine = TenantLink.objects.filter(pk=link.pk, token_version=link.token_version, ended_at=None)
    if not mine.update(**fresh):
        return False
    for name, value in fresh.items():
        setattr(link, name, value)
    return True


def _adopt(link: TenantLink, *, now: datetime) -> str:
    link.refresh_from_db()
    token = held(link, now=now) if link.ended_at is None else None
    if token is None:
        raise NotAlive
    return token


def _claim(link: TenantLink, *, now: datetime) -> uuid.UUID | None:
    holder = uuid.uuid4()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    claimed = TenantLink.objects.filter(free, pk=link.pk, ended_at=None)
    return holder if claimed.update(lease_until=now + LEASE, lease_holder=holder) else None


def _wait_for_other(link: TenantLink, *, now: datetime) -> str:
    seen = link.token_version
    ends = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < ends:
        time.sleep(GLANCE.total_seconds())
        link.refresh_from_db()
        if link.ended_at is not None:
            raise NotAlive
        token = held(link, now=now)
        if token and link.token_version != seen:
            return token
    raise Busy


def _lasts(link: TenantLink, spare: timedelta, *, now: datetime) -> bool:
    return link.access_expires_at is not None and link.access_expires_at - now >= spare


def _place(link: TenantLink) -> str:
    return vault.place_of(link, "access_token")
