"""Attendees as a client sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from integrations.simulator.graph.events import refusals
from integrations.simulator.graph.events.read_only import RESPONSE_STATUS

MOST = 500
TYPES = ("required", "optional", "resource")
_ADDRESS = re.compile(r"[^\s@<>\",;]{1,64}@[^\s@<>\",;]{1,253}")


def read(value: object, name: str) -> dict[str, Any]:
    if value is None:
        return {"attendees": []}
    if not isinstance(value, list):
        raise refusals.unreadable(name)
    if len(value) > MOST:
        raise refusals.too_many_attendees()
    found = {one["address"].lower(): one for one in map(_attendee, value)}
    return {"attendees": [*found.values()]}


def recipient(value: object) -> dict[str, Any]:
    """Of a message: an emailAddress and nothing else."""
    if not isinstance(value, Mapping):
        raise refusals.unreadable("toRecipients")
    return {**_attendee({"emailAddress": value.get("emailAddress")}), "type": "optional"}


def address(value: object) -> tuple[str, str]:
    """Name and address of an emailAddress."""
    given = value if isinstance(value, Mapping) else {}
    for member in given:
        if member not in ("name", "address") and "@odata" not in member:
            raise refusals.unknown_property(member, "emailAddress")
    found, name = given.get("address"), given.get("name")
    if not isinstance(found, str) or not found.isprintable() or not _ADDRESS.fullmatch(found.strip()):
        raise refusals.invalid("An attendee has no address that mail could be sent to.")
    if name is not None and not isinstance(name, str):
        raise refusals.unreadable("name")
    return (name or found).strip(), found.strip()


def _attendee(given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise refusals.unreadable("attendees")
    for member in given:
        if member not in ("emailAddress", "type", "status", "proposedNewTime") and "@odata" not in member:
            raise refusals.unknown_property(member, "attendee")
    if given.get("status") is not None:
        RESPONSE_STATUS(given["status"], "status")
    kind = str(given.get("type") or "required").lower()
    if kind not in TYPES:
        raise refusals.unknown_value("type", kind, "attendeeType")
    name, found = address(given.get("emailAddress"))
    return {"name": name, "address": found, "type": kind, "response": "none", "time": None}
