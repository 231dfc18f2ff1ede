"""What JSON a property takes. A shape reads a value of it, or refuses one of another type as Graph's reader does."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from integrations.simulator.graph.events import refusals

Shape = Callable[[Any, str], Any]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def written(value: str) -> str:
    """Without what no database keeps: null characters, and halves of characters."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def text(value: object, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise refusals.unreadable(name)
    return written(value)


def flag(value: object, name: str) -> bool:
    """OData takes the words as well, and the O365 library for Python writes them."""
    read = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(read, bool):
        raise refusals.unreadable(name)
    return read


def number(value: object, name: str) -> float:
    """Not one beyond what a double holds, which would come back as no JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise refusals.unreadable(name)
    return value


def moment(value: object, name: str) -> str:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value.upper()):
        raise refusals.unreadable(name)
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        raise refusals.unreadable(name) from None
    return value


def entity(value: object, name: str) -> Mapping[str, Any]:
    """Whatever is in it."""
    if not isinstance(value, Mapping):
        raise refusals.unreadable(name)
    return value


def enumerated(value: object, name: str, values: Sequence[str], enumeration: str) -> str:
    found = {one.lower(): one for one in values}.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise refusals.unknown_value(name, value, enumeration)
    return found


def one_of(values: Sequence[str], enumeration: str) -> Shape:
    def read(value: object, name: str) -> str:
        return enumerated(value, name, values, enumeration)

    return read


def many(shape: Shape) -> Shape:
    def read(value: object, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise refusals.unreadable(name)
        return [shape(one, name) for one in value]

    return read


def struct(type_name: str, members: Mapping[str, Shape]) -> Shape:
    """Members that are null are as good as absent."""

    def read(value: object, name: str) -> dict[str, Any]:
        given = entity(value, name)
        check_type(given, type_name)
        for member in given:
            if member not in members and "@odata" not in member:
                raise refusals.unknown_property(member, type_name)
        return {
            member: shape(given[member], member) for member, shape in members.items() if given.get(member) is not None
        }

    return read


def check_type(given: Mapping[str, Any], type_name: str) -> None:
    """`@odata.type`, which some clients write without its `#`."""
    named = given.get("@odata.type")
    if named is None:
        return
    if not isinstance(named, str):
        raise refusals.unreadable("@odata.type")
    if named.removeprefix("#") != f"microsoft.graph.{type_name}":
        raise refusals.other_type(named.removeprefix("#"), type_name)
