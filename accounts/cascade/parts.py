"""The parts of a composite value in words, beside those of another value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any

from accounts.cascade.declare import Option


@dataclass(frozen=True)
class Fact:
    """One part. `other`: what the other value has, where it is something else."""

    label: str
    words: str
    other: str = ""
    # Of a list, each of its words.
    listed: tuple[str, ...] = ()


def facts_of(value: Any, beside: Any = None) -> list[Fact]:
    """Empty for a value that is no composite."""
    if not dataclasses.is_dataclass(value):
        return []
    return [_fact(part, value, beside) for part in dataclasses.fields(value)]


def said(part: Any, value: Any) -> str:
    """`part`: a field that was declared with `declare.part`."""
    options: tuple[Option, ...] = part.metadata["options"]
    if isinstance(value, Enum):
        return next((option.label for option in options if option.value == value), str(value.value))
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return ", ".join(_listed(part, value)) or "None" if isinstance(value, tuple) else str(value)


def _fact(part: Any, value: Any, beside: Any) -> Fact:
    own = getattr(value, part.name)
    other = own if beside is None else getattr(beside, part.name)
    return Fact(part.metadata["label"], said(part, own), said(part, other) if other != own else "", _listed(part, own))


def _listed(part: Any, value: Any) -> tuple[str, ...]:
    return tuple(map(part.metadata["show"], value)) if isinstance(value, tuple) else ()
