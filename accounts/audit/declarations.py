"""What can stand in the audit log: each kind of change declares itself beside the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Puts one value of `before` or `after` into words.
Say = Callable[[Any], str]


@dataclass(frozen=True)
class Action:
    """`sentence` is filled with {actor}, {target}, {setting} and the fields of `before` and `after`.

    `personal` are the fields of `before` and `after` that tell of the person the entry is about; an erasure masks
    them. What is done to a person is always named after it; with `personal_target` other things are too.
    """

    name: str
    sentence: str
    personal: tuple[str, ...] = ()
    personal_target: bool = False
    say: Mapping[str, Say] = field(default_factory=dict)


_actions: dict[str, Action] = {}


def declare(
    name: str,
    sentence: str,
    *,
    personal: tuple[str, ...] = (),
    personal_target: bool = False,
    say: Mapping[str, Say] | None = None,
) -> str:
    """Make an action known. Returns its name, for `record`."""
    _actions[name] = Action(name, sentence, personal, personal_target, say or {})
    return name


def actions() -> dict[str, Action]:
    return dict(_actions)


def named(name: str) -> Action:
    """Raises KeyError for an action nobody declared."""
    return _actions[name]
