"""What a fault rule may say. Pure but for the row it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from integrations.simulator.control import faults
from integrations.simulator.models import Application, Fault, Person, Tenant

# What Microsoft's front doors answer on a bad day.
STATUSES = (400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 423, 429, 500, 501, 502, 503, 504, 507, 509)
# Without an AADSTS code, only these say enough at the token endpoint and on the sign-in pages.
PASSING = (429, 500, 502, 503, 504)
# What a name server answers on a bad day; "reset" is its silence.
NAME_CODES = ("SERVFAIL", "REFUSED", "NXDOMAIN")
NAME_MEMBERS = ("code", "latency_ms", "reset")
# They have codes of their own.
MAILBOXES = (Fault.Target.GRAPH, Fault.Target.EWS)
# The response codes of Exchange Web Services begin so.
_RESPONSE_CODE = re.compile(r"Error[A-Za-z]{1,90}")
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
LONGEST = timedelta(hours=24)
LATEST_MS = 60_000
MOST_STEPS = 50
MOST_HITS = 1_000_000
MEMBERS = ("status", "code", "message", "aadsts", "retry_after", "retry_after_as", "latency_ms", "reset")


class Senseless(ValueError):
    """What was ordered cannot be; the message says why, to a person."""


@dataclass(frozen=True)
class Order:
    target: str
    steps: Sequence[Mapping[str, Any]]
    seconds: int = 300
    tenant: Tenant | None = None
    person: Person | None = None
    application: Application | None = None
    method: str = ""
    path: str = ""
    percent: int = 100
    count: int | None = None


def place(order: Order, *, now: datetime) -> Fault:
    _check(order)
    fault = Fault.objects.create(
        target=order.target,
        tenant=order.tenant,
        person=order.person,
        application=order.application,
        method=order.method.upper(),
        path=order.path.strip().strip("/").lower(),
        percent=order.percent,
        remaining=order.count,
        steps=[_kept(order.target, step) for step in order.steps],
        began_at=now,
        until=now + timedelta(seconds=order.seconds),
    )
    faults.forget()
    return fault


def _check(order: Order) -> None:
    if order.target not in Fault.Target.values:
        raise Senseless("Choose what is to fail: token, graph, ews, sign_in or dns.")
    if not 1 <= order.seconds <= LONGEST.total_seconds():
        raise Senseless("Choose between 1 second and 24 hours.")
    if not 1 <= order.percent <= 100:
        raise Senseless("Choose between 1 and 100 percent.")
    if order.count is not None and not 1 <= order.count <= MOST_HITS:
        raise Senseless("Choose between 1 and 1,000,000 requests, or leave the count out.")
    if order.method and order.method.upper() not in METHODS:
        raise Senseless(f"Choose a method: {', '.join(METHODS)}.")
    if len(order.path) > 200:
        raise Senseless("Write a path pattern of at most 200 characters.")
    if not 1 <= len(order.steps) <= MOST_STEPS:
        raise Senseless("Give between 1 and 50 steps.")
    _check_steps(order)


def _check_steps(order: Order) -> None:
    if order.target == Fault.Target.DNS and (order.person or order.application or order.method):
        raise Senseless("A name server knows nothing of people, applications and methods: leave them out.")
    for step in order.steps:
        _check_step(order.target, step)
    if not any(_does_something(order.target, step) for step in order.steps):
        raise Senseless("Choose an answer, a delay, a reset of the connection, or several of them.")


def _check_step(target: str, step: Mapping[str, Any]) -> None:
    unknown = [name for name in step if name not in MEMBERS]
    if unknown:
        raise Senseless(f"A step has no “{unknown[0]}”. There are: {', '.join(MEMBERS)}.")
    status, late = step.get("status"), _whole(step, "latency_ms", 0)
    if status is not None and (isinstance(status, bool) or status not in STATUSES):
        raise Senseless(f"Choose one of the answers {', '.join(map(str, STATUSES))}.")
    if not 0 <= late <= LATEST_MS:
        raise Senseless("Choose a delay between 0 and 60,000 ms.")
    if not 0 <= _whole(step, "retry_after", 0) <= 86_400:
        raise Senseless("Choose a Retry-After between 0 and 86,400 seconds.")
    if step.get("retry_after_as") not in (None, "", "seconds", "date", "none"):
        raise Senseless("Retry-After is sent as seconds, date or none.")
    if not isinstance(step.get("reset") or False, bool):
        raise Senseless("“reset” must be true or false.")
    _check_words(target, step)
    if target == Fault.Target.DNS:
        _check_name_step(step)
    _check_aadsts(target, step)


def _check_words(target: str, step: Mapping[str, Any]) -> None:
    for name, longest in (("code", 100), ("message", 1000)):
        if not isinstance(step.get(name) or "", str) or len(step.get(name) or "") > longest:
            raise Senseless(f"“{name}” must be text of at most {longest} characters.")
    if target == Fault.Target.EWS and step.get("code") and not _RESPONSE_CODE.fullmatch(step["code"]):
        raise Senseless("Exchange Web Services answer with a response code such as ErrorServerBusy (as “code”).")


def _check_name_step(step: Mapping[str, Any]) -> None:
    if any(step.get(name) for name in MEMBERS if name not in NAME_MEMBERS):
        raise Senseless(f"Of a name server’s step there are: {', '.join(NAME_MEMBERS)}.")
    if step.get("code") and step["code"] not in NAME_CODES:
        raise Senseless(
            f"A name server answers with {', '.join(NAME_CODES)} (as “code”), late, or not at all (“reset”)."
        )


def _check_aadsts(target: str, step: Mapping[str, Any]) -> None:
    code, status = _whole(step, "aadsts", 0), step.get("status")
    if code and target in MAILBOXES:
        raise Senseless("AADSTS codes come from the token endpoint and the sign-in pages, not by Graph or Exchange.")
    if code and not 10_000 <= code <= 99_999_999:
        raise Senseless("An AADSTS code has between 5 and 8 digits.")
    if target not in MAILBOXES and status is not None and status not in PASSING and not (code or step.get("code")):
        raise Senseless(f"With {status}, say which AADSTS code (or OAuth error, as “code”) is answered.")


def _does_something(target: str, step: Mapping[str, Any]) -> bool:
    is_enough = target == Fault.Target.EWS or step.get("code") in NAME_CODES
    names = ("status", "latency_ms", "reset", "aadsts", *(("code",) if is_enough else ()))
    return any(step.get(name) for name in names)


def _kept(target: str, step: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left open; an AADSTS code alone brings its own status, and so does one of Exchange."""
    kept = {name: value for name, value in step.items() if value not in (None, "", False)}
    if kept.get("aadsts") and not kept.get("status"):
        kept["status"] = status_of(kept["aadsts"])
    if target == Fault.Target.EWS and kept.get("code"):
        kept["status"] = 500
    return kept


def status_of(code: int) -> int:
    from integrations.simulator.entra.errors import KINDS

    return KINDS[code].status if code in KINDS else 400


def _whole(step: Mapping[str, Any], name: str, default: int) -> int:
    value = step.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise Senseless(f"“{name}” must be a whole number.")
    return value
