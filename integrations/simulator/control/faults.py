"""Bad days on order: an endpoint answers badly, late, or not at all, to whom and as often as the rule says.

What is ordered is checked in `fault_orders.py`. A fault uses nothing up: the request has had no effect.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils.http import http_date

from integrations.simulator.control.resetting import ConnectionBroken
from integrations.simulator.models import Fault

Key = int | None
# Looked up only when some rule asks for it.
Lazy = Key | Callable[[], Key]

# Rules are ordered through this process; another one (a reset from the command line) is noticed within this time.
LOOK_AGAIN = 1.0


@dataclass(frozen=True)
class Trouble:
    """What to answer with. Each of code, message and aadsts may be left open: "" or 0."""

    status: int
    """0 where there is none: a name server answers with a code."""
    code: str
    message: str
    aadsts: int
    retry_after: str | None
    """The header's value: seconds, or a date."""


def meet(
    target: str,
    *,
    tenant: Lazy = None,
    person: Lazy = None,
    application: Lazy = None,
    method: str = "",
    path: str = "",
    now: datetime,
) -> Trouble | None:
    """Sit out the delay that was ordered; return the trouble to answer with, if any, or break the connection.

    Tenant, person and application are primary keys, or functions that find them. `path` is what follows the version.
    """
    rules = [rule for rule in _rules(now) if rule.target == target and rule.until > now]
    if not rules:
        return None
    who = _Who(tenant, person, application, method.upper(), path.strip("/").lower())
    late, ending = _hits([rule for rule in rules if who.fits(rule)])
    if late:
        time.sleep(late / 1000)
    if ending is None:
        return None
    rule, step = ending
    if step.get("reset"):
        raise ConnectionBroken
    return Trouble(
        status=step.get("status") or 0,
        code=step.get("code") or "",
        message=step.get("message") or "",
        aadsts=step.get("aadsts") or 0,
        retry_after=_retry_after(rule, step, now + timedelta(milliseconds=late)),
    )


def active(*, now: datetime) -> Sequence[Fault]:
    alive = Fault.objects.filter(until__gt=now).exclude(remaining=0)
    return list(alive.select_related("tenant", "person", "application").order_by("pk"))


def stop(pk: int) -> bool:
    stopped = Fault.objects.filter(pk=pk).delete()[0] > 0
    forget()
    return stopped


def stop_all() -> int:
    stopped = Fault.objects.all().delete()[0]
    forget()
    return stopped


def forget() -> None:
    """Rules have changed: read them again at the next request."""
    global _read_at
    with _lock:
        _read_at = float("-inf")


class _Who:
    """Whom a request is of, each part found at most once and only if a rule asks."""

    def __init__(self, tenant: Lazy, person: Lazy, application: Lazy, method: str, path: str) -> None:
        self._parts: dict[str, Lazy] = {"tenant": tenant, "person": person, "application": application}
        self._method, self._path = method, path

    def fits(self, rule: Fault) -> bool:
        if rule.method and rule.method != self._method:
            return False
        if rule.path and not fnmatchcase(self._path, rule.path):
            return False
        wanted = {"tenant": rule.tenant_id, "person": rule.person_id, "application": rule.application_id}
        return all(key is None or self._key(part) == key for part, key in wanted.items())

    def _key(self, part: str) -> Key:
        found = self._parts[part]
        if callable(found):
            found = self._parts[part] = found()
        return found


def _hits(rules: Sequence[Fault]) -> tuple[int, tuple[Fault, Mapping[str, Any]] | None]:
    """Milliseconds of delay, and the newest rule whose step ends the request; older ones are not counted then."""
    late = 0
    for rule in reversed(rules):
        if rule.percent < 100 and secrets.randbelow(100) >= rule.percent:
            continue
        step = _take(rule)
        late = max(late, step.get("latency_ms") or 0)
        if step.get("reset") or step.get("status") or (rule.target == Fault.Target.DNS and step.get("code")):
            return late, (rule, step)
    return late, None


def _take(rule: Fault) -> Mapping[str, Any]:
    """The step of this hit. The database counts, so that as many requests are hit as were ordered, and no more."""
    alive = Fault.objects.filter(Q(remaining=None) | Q(remaining__gt=0), pk=rule.pk)
    with transaction.atomic():
        if not alive.update(hits=F("hits") + 1, remaining=F("remaining") - 1):
            return {}
        number, steps = Fault.objects.values_list("hits", "steps").get(pk=rule.pk)
    step: Mapping[str, Any] = steps[(number - 1) % len(steps)] if steps else {}
    return step


def _retry_after(rule: Fault, step: Mapping[str, Any], now: datetime) -> str | None:
    """As ordered; without an order, 429 and 503 say when the fault is over."""
    form = step.get("retry_after_as") or "seconds"
    seconds = step.get("retry_after")
    if seconds is None and step.get("status") in (429, 503):
        seconds = rule.seconds_left(now=now)
    if seconds is None or form == "none":
        return None
    return http_date(now.timestamp() + seconds) if form == "date" else str(seconds)


def _rules(now: datetime) -> Sequence[Fault]:
    """Read from the database at most once a second, and at once after a change.

    The lock is held while reading: nobody may see the rules of before a change that has been answered.
    """
    global _read_at, _kept
    with _lock:
        if time.monotonic() - _read_at >= LOOK_AGAIN:
            _kept = tuple(Fault.objects.filter(until__gt=now).exclude(remaining=0).order_by("pk"))
            _read_at = time.monotonic()
        return _kept


_lock = Lock()
_read_at = float("-inf")
_kept: Sequence[Fault] = ()
