"""Bad days on order: for a while an endpoint answers 429 or 503, or late."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.simulator.models import Fault, Tenant

STATUSES = (429, 503)
LONGEST = timedelta(hours=24)
LATEST_MS = 60_000


class Senseless(ValueError):
    """What was ordered cannot be; the message says why, to a person."""


@dataclass(frozen=True)
class Trouble:
    status: int
    retry_after: int


def order(
    *, target: str, tenant: Tenant | None, status: int | None, seconds: int, latency_ms: int, now: datetime
) -> Fault:
    if target not in Fault.Target.values:
        raise Senseless("Choose what is to fail: token or graph.")
    if status is not None and status not in STATUSES:
        raise Senseless("Choose the answer 429 or 503.")
    if not 1 <= seconds <= LONGEST.total_seconds():
        raise Senseless("Choose between 1 second and 24 hours.")
    if not 0 <= latency_ms <= LATEST_MS:
        raise Senseless("Choose a delay between 0 and 60,000 ms.")
    if status is None and not latency_ms:
        raise Senseless("Choose an answer, a delay, or both.")
    return Fault.objects.create(
        target=target,
        tenant=tenant,
        steps=[{"status": status, "latency_ms": latency_ms}],
        began_at=now,
        until=now + timedelta(seconds=seconds),
    )


def active(*, now: datetime) -> Sequence[Fault]:
    return list(Fault.objects.filter(until__gt=now).select_related("tenant").order_by("pk"))


def stop(pk: int) -> bool:
    return Fault.objects.filter(pk=pk).delete()[0] > 0


def stop_all() -> int:
    return Fault.objects.all().delete()[0]


def meet(target: str, tenant_id: Callable[[], int | None], *, now: datetime) -> Trouble | None:
    """Sit out what delay was ordered; return the trouble to answer with, if any.

    The tenant is looked up only when a fault of one tenant is about.
    """
    faults = list(Fault.objects.filter(target=target, until__gt=now))
    if any(fault.tenant_id for fault in faults):
        mine = tenant_id()
        faults = [fault for fault in faults if fault.tenant_id in (None, mine)]
    delay = max((fault.steps[0].get("latency_ms") or 0 for fault in faults), default=0)
    if delay:
        time.sleep(delay / 1000)
    failing = [fault for fault in faults if fault.steps[0].get("status")]
    if not failing:
        return None
    worst = max(failing, key=lambda fault: fault.until)
    return Trouble(worst.steps[0]["status"], worst.seconds_left(now=now))
