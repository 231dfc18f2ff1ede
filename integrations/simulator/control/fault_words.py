"""A fault rule in words, for the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.simulator.control import faults
from integrations.simulator.models import Fault

TARGETS = {
    "graph": "Graph",
    "ews": "Exchange Web Services",
    "token": "Token endpoint",
    "sign_in": "Sign-in pages",
    "dns": "Name server",
}


@dataclass(frozen=True)
class Shown:
    pk: int
    target: str
    happens: str
    whom: str
    left: str


def active(*, now: datetime) -> Sequence[Shown]:
    return [_shown(fault, now) for fault in faults.active(now=now)]


def _shown(fault: Fault, now: datetime) -> Shown:
    left = f"{fault.seconds_left(now=now)} s left"
    if fault.remaining is not None:
        left += f", {fault.remaining:,} more"
    return Shown(
        pk=fault.pk,
        target=TARGETS[fault.target],
        happens=", then ".join(_of_names(step) if fault.target == "dns" else _step(step) for step in fault.steps),
        whom=" · ".join(_whom(fault)),
        left=f"{left}, {fault.hits:,} so far",
    )


def _step(step: Mapping[str, Any]) -> str:
    late = f"{step['latency_ms']:,} ms late" if step.get("latency_ms") else ""
    if step.get("reset"):
        return " ".join(part for part in ("connection reset", late) if part)
    if not step.get("status"):
        return late or "all is well"
    answer = f"answers {step['status']}"
    if step.get("aadsts"):
        answer += f" AADSTS{step['aadsts']}"
    if step.get("code"):
        answer += f" {step['code']}"
    if step.get("retry_after") is not None and step.get("retry_after_as") != "none":
        answer += f", Retry-After {step['retry_after']} s"
    return f"{answer}, {late}" if late else answer


def _of_names(step: Mapping[str, Any]) -> str:
    late = f"{step['latency_ms']:,} ms late" if step.get("latency_ms") else ""
    answer = "no answer" if step.get("reset") else f"answers {step['code']}" if step.get("code") else ""
    return ", ".join(part for part in (answer, late) if part) or "all is well"


def _whom(fault: Fault) -> Iterator[str]:
    yield fault.tenant.name if fault.tenant else "all organizations"
    if fault.person:
        yield fault.person.name
    if fault.application:
        yield fault.application.name
    if fault.method or fault.path:
        yield f"{fault.method} {fault.path}".strip()
    if fault.percent < 100:
        yield f"{fault.percent} of 100 requests"
