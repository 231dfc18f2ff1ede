"""How long an organization's directory and mailboxes are left alone after trouble of Microsoft's: as long as it asks,
and longer with every time in a row."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Least

from integrations.failures import Failure
from integrations.models import TenantLink

FIRST, LONGEST = timedelta(minutes=1), timedelta(minutes=10)
MOST = 1000


def set_back(link: TenantLink, failure: Failure | None, *, now: datetime) -> datetime:
    """It did not answer. Neither of them is asked before the time that this answers."""
    wait = min(FIRST * 2 ** min(link.setbacks, 10), LONGEST)
    link.not_before = now + max(wait, (failure and failure.retry_after) or timedelta())
    mine = TenantLink.objects.filter(pk=link.pk)
    mine.update(not_before=link.not_before, setbacks=Least(F("setbacks") + 1, MOST))
    return link.not_before


def answered(link: TenantLink) -> None:
    TenantLink.objects.filter(pk=link.pk).exclude(not_before=None, setbacks=0).update(not_before=None, setbacks=0)


def is_waiting(link: TenantLink, *, now: datetime) -> bool:
    return link.not_before is not None and link.not_before > now


def is_over(now: datetime) -> Q:
    return Q(not_before=None) | Q(not_before__lte=now)
