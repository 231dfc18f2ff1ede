"""Which organization at Microsoft a domain belongs to: asked by a worker, remembered for a while, shown on pages.

Nothing is decided by what is remembered: before a consent counts, Microsoft is asked once more. Without Redis there is
no worker to ask either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app
from django.core.cache import cache
from redis.exceptions import RedisError

from accounts import domains, outbound
from accounts.models import Account
from accounts.nudging import nudge
from integrations.contracts import Passing
from integrations.microsoft import tenants

log = structlog.get_logger(__name__)

FRESH = timedelta(minutes=10)
KEPT = timedelta(days=1)
SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered
ASK_AGAIN = timedelta(seconds=15)
TOGETHER = timedelta(seconds=50)  # all that one task asks


@dataclass(frozen=True)
class Whose:
    """`tenant_id`: "" where Microsoft knows no organization of the domain, None where it has not said yet."""

    domain: str
    tenant_id: str | None = None
    asked_at: datetime | None = None
    told_at: datetime | None = None
    # It was asked, and gave no answer.
    is_troubled: bool = False

    def is_fresh(self, *, now: datetime) -> bool:
        return self.told_at is not None and now - self.told_at < FRESH

    def is_silent(self, *, now: datetime) -> bool:
        """Nobody has answered for a while, not even that Microsoft does not answer."""
        return self.tenant_id is None and self.asked_at is not None and now - self.asked_at > SILENCE


def known(names: Iterable[str]) -> list[Whose]:
    """As far as it is remembered, in the same order."""
    wanted = list(names)
    try:
        found: Mapping[str, dict[str, Any]] = cache.get_many([key_of(name) for name in wanted])
    except RedisError:
        found = {}
    return [Whose(name, **found.get(key_of(name), {})) for name in wanted]


def ask(account: Account, told: Iterable[Whose], *, now: datetime) -> None:
    """Have a worker ask Microsoft about those of which it is not known, or was learnt a while ago."""
    stale = [one for one in told if not one.is_fresh(now=now)]
    if not stale:
        return
    try:
        if not cache.add(f"whose-asked:{account.pk}", True, ASK_AGAIN.total_seconds()):
            return
        for one in stale:
            if one.asked_at is None:
                _write(Whose(one.domain, one.tenant_id, now, one.told_at))
    except RedisError:
        return
    nudge(current_app.signature("integrations.look_up_domains"), account_id=account.pk)


def look_up(account: Account, *, now: datetime) -> None:
    """Ask Microsoft about the verified domains of an account. One that it does not answer about keeps no other from
    its turn."""
    with outbound.deadline(TOGETHER):
        for one in known(domains.verified(account)):
            if one.is_fresh(now=now):
                continue
            try:
                tenant = tenants.tenant_of(one.domain)
            except Passing as problem:
                log.info("domain.not_answered", reason=problem.failure.reason.value)
                _write(Whose(one.domain, one.tenant_id, one.asked_at or now, None, is_troubled=True))
            else:
                _write(Whose(one.domain, tenant, None, now))


def forget(name: str) -> None:
    """What was remembered has turned out to be wrong."""
    try:
        cache.delete(key_of(name))
    except RedisError:
        log.warning("domain.not_forgotten")


def key_of(name: str) -> str:
    return f"whose:{name}"


def _write(one: Whose) -> None:
    try:
        cache.set(
            key_of(one.domain),
            {
                "tenant_id": one.tenant_id,
                "asked_at": one.asked_at,
                "told_at": one.told_at,
                "is_troubled": one.is_troubled,
            },
            KEPT.total_seconds(),
        )
    except RedisError:
        log.warning("domain.not_noted")
