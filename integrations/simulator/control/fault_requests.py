"""A fault as the JSON API or the console's form orders it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.simulator.control import fault_orders, subjects
from integrations.simulator.control.fault_orders import MEMBERS, Order, Senseless
from integrations.simulator.models import Fault

RULE = ("target", "seconds", "tenant", "person", "application", "method", "path", "percent", "count", "steps")

# Paths are told from behind the version on.
_VERSION = re.compile(r"^/?(?:v1\.0|beta)/", re.IGNORECASE)


def place(sent: Mapping[str, Any], *, now: datetime) -> Fault:
    """Either `steps`, or the members of one step beside the others."""
    unknown = [name for name in sent if name not in (*RULE, *MEMBERS)]
    if unknown:
        raise Senseless(f"A fault has no “{unknown[0]}”. There are: {', '.join((*RULE, *MEMBERS))}.")
    steps = sent.get("steps")
    single = {name: sent[name] for name in MEMBERS if name in sent}
    if steps is not None and single:
        raise Senseless("Give either steps, or one step’s members beside the others.")
    steps = [single] if steps is None else steps
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise Senseless("“steps” must be a list of objects.")
    tenant, person, application = (_text(sent, name) for name in ("tenant", "person", "application"))
    order = Order(
        target=_text(sent, "target"),
        steps=steps,
        seconds=_number(sent, "seconds", 300),
        tenant=subjects.tenant(tenant) if tenant else None,
        person=subjects.person(person) if person else None,
        application=subjects.application(application) if application else None,
        method=_text(sent, "method"),
        path=_VERSION.sub("", _text(sent, "path")),
        percent=_number(sent, "percent", 100),
        count=None if sent.get("count") is None else _number(sent, "count", 0),
    )
    return fault_orders.place(order, now=now)


def _number(sent: Mapping[str, Any], name: str, default: int) -> int:
    value = sent.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Senseless(f"“{name}” must be a whole number.")
    return value


def _text(sent: Mapping[str, Any], name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str | None):
        raise Senseless(f"“{name}” must be text.")
    return value or ""
