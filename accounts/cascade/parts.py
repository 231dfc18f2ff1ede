"""The parts of a composite value in words, beside those of another value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any

from accounts.cascade.declare import Option, counts

NOTHING = "None"


@dataclass(frozen=True)
class Fact:
    """One part. `other`: what the other value has, where it is something else."""

    label: str
    words: str
    other: str = ""
    # Of a list, each of its words.
    listed: tuple[str, ...] = ()


def facts_of(value: Any, beside: Any = None) -> list[Fact]:
    """Empty for a value that is no composite. Left out is what means nothing in either of the two."""
    if not dataclasses.is_dataclass(value):
        return []
    fields = dataclasses.fields(value)
    return [_fact(part, value, beside) for part in fields if counts(part, value) or _is_gone(part, value, beside)]


def told(part: Any, value: Any) -> str:
    """The part of a composite in words; “None” where it means nothing beside the others."""
    return said(part, getattr(value, part.name)) if counts(part, value) else NOTHING


def said(part: Any, value: Any) -> str:
    """`part`: a field that was declared with `declare.part`."""
    options: tuple[Option, ...] = part.metadata["options"]
    if isinstance(value, Enum):
        return next((option.label for option in options if option.value == value), str(value.value))
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        return ", ".join(_listed(part, value)) or NOTHING
    return str(part.metadata["show"](value))


def _fact(part: Any, value: Any, beside: Any) -> Fact:
    own = getattr(value, part.name)
    other = "" if beside is None or getattr(beside, part.name) == own else told(part, beside)
    return Fact(part.metadata["label"], told(part, value), other, _listed(part, own))


def _is_gone(part: Any, value: Any, beside: Any) -> bool:
    return beside is not None and counts(part, beside) and getattr(beside, part.name) != getattr(value, part.name)


def _listed(part: Any, value: Any) -> tuple[str, ...]:
    return tuple(map(part.metadata["show"], value)) if isinstance(value, tuple) else ()
