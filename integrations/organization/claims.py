"""An organization's directory and mailboxes are one worker's at a time: claimed with a time limit, and given back only
by whoever has it, so that a slow worker cannot free what another took after it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.models import TenantLink


class Lost(Exception):
    """It took too long, and somebody else may have it now."""


class Claim:
    def __init__(self, link_id: int, until: datetime, lasts: timedelta) -> None:
        self._link_id, self._until, self._lasts = link_id, until, lasts

    def hold(self, *, now: datetime) -> None:
        """From now on for its whole length again. Raises Lost."""
        until = max(now, timezone.now()) + self._lasts
        if until <= self._until:
            return
        if not self._mine().update(claimed_until=until):
            raise Lost
        self._until = until

    def release(self) -> None:
        self._mine().update(claimed_until=None)

    def _mine(self) -> QuerySet[TenantLink]:
        return TenantLink.objects.filter(pk=self._link_id, claimed_until=self._until)


def free(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=now)


def take(links: QuerySet[TenantLink], link_id: int, lasts: timedelta, *, now: datetime) -> Claim | None:
    """None: it is not among these, or somebody else has it."""
    until = now + lasts
    taken = links.filter(free(now), pk=link_id, ended_at=None).update(claimed_until=until)
    return Claim(link_id, until, lasts) if taken else None
