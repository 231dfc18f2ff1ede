"""Ids of items and folders. Those of events are Graph's, spelt as Exchange spells them: `/` and `+` for `-` and `_`."""

from __future__ import annotations

import base64
import binascii
import re
from uuid import UUID

from integrations.simulator.graph.ids import TO_EXCHANGE, TO_GRAPH
from integrations.simulator.models import Person

_FORM = re.compile(r"AA[MQk][A-Za-z0-9+/=]{12,}")
_PREFIX = "AAMkAF"


def exchange(graph_id: str) -> str:
    return graph_id.translate(TO_EXCHANGE)


def graph(item_id: str) -> str | None:
    """None for what is no id of Exchange."""
    return item_id.translate(TO_GRAPH) if _FORM.fullmatch(item_id) else None


def of_folder(person: Person, name: str) -> str:
    """Of a folder that is not a calendar: it is there in every mailbox, under a name of its own."""
    return _PREFIX + base64.b64encode(b"\0\0" + person.oid.bytes + name.encode()).decode()


def folder(folder_id: str) -> tuple[UUID, str] | None:
    """Whose, and by which name; None for the id of a calendar, or none at all."""
    if not folder_id.startswith(_PREFIX):
        return None
    try:
        kept = base64.b64decode(folder_id.removeprefix(_PREFIX), validate=True)
        return (UUID(bytes=kept[2:18]), kept[18:].decode()) if kept[:2] == b"\0\0" else None
    except (binascii.Error, ValueError):
        return None
