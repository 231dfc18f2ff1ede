"""Single-value extended properties: `String {guid} Name Something`, kept with the event and shown when asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from integrations.simulator.graph.events import refusals
from integrations.simulator.models import Event

NAME = "singleValueExtendedProperties"
_KINDS = {
    kind.lower(): kind
    for kind in (
        "Boolean", "Binary", "Currency", "Double", "Float", "Guid", "Integer", "Long", "Short", "String", "SystemTime",
    )
}  # fmt: skip
_GUID = r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?"
_NAMED = re.compile(rf"(\w+) {_GUID} (?:Name (\S.*)|Id (0x[0-9a-fA-F]{{1,8}}))", re.IGNORECASE)
_TAGGED = re.compile(r"(\w+) (0x[0-9a-fA-F]{1,8})", re.IGNORECASE)


def canonical(text: str) -> str:
    """One spelling of an id: its name counts in any case as it is, all else in any case."""
    tagged, named = _TAGGED.fullmatch(text.strip()), _NAMED.fullmatch(text.strip())
    match = tagged or named
    kind = _KINDS.get(match[1].lower()) if match else None
    if match is None or kind is None:
        raise refusals.bad_extended_id(text)
    if tagged:
        return f"{kind} {tagged[2].lower()}"
    rest = f"Name {match[3]}" if match[3] else f"Id {match[4].lower()}"
    return f"{kind} {{{match[2].lower()}}} {rest}"


def read(given: object) -> dict[str, str]:
    if not isinstance(given, list):
        raise refusals.unreadable(NAME)
    found = {}
    for one in given:
        if not isinstance(one, Mapping) or not isinstance(one.get("id"), str) or not isinstance(one.get("value"), str):
            raise refusals.unreadable(NAME)
        found[canonical(one["id"])] = one["value"]
    return found


def shown(event: Event, ids: Iterable[str]) -> dict[str, Any]:
    """Those that were asked for and are there; without any, nothing is said of them at all."""
    wanted = [canonical(one) for one in ids]
    present = [{"id": one, "value": event.extended[one]} for one in wanted if one in event.extended]
    return {NAME: present} if present else {}


def matches(event: Event, property_id: str, value: str | None, operator: str = "eq") -> bool:
    """`value` in any case; `ne null` asks whether the property is there, and one that is there is never null."""
    kept = event.extended.get(canonical(property_id))
    if kept is None:
        return False
    if value is None:
        return operator == "ne"
    kept, value = str(kept).casefold(), value.casefold()
    results: dict[str, bool] = {
        "eq": kept == value,
        "ne": kept != value,
        "gt": kept > value,
        "ge": kept >= value,
        "lt": kept < value,
        "le": kept <= value,
        "startswith": kept.startswith(value),
        "contains": value in kept,
    }
    return results[operator]
