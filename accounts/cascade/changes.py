"""Whatever can change an effective value, as data: proposed, counted by `impact`, confirmed, undone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, get_args, get_type_hints

from accounts.cascade import declare
from accounts.cascade.declare import BadValue, Level


class Gone(Exception):
    """The group or the person is not, or no longer, of this account."""


@dataclass(frozen=True)
class Choose:
    """Decide a setting at one level, and lock it or not."""

    word: ClassVar[str] = "choose"
    key: str
    level: Level
    # The primary key of the account, group or person.
    place: int
    # As JSON, canonical.
    value: Any
    # None: the lock stays as it is when it is done.
    is_locked: bool | None = False


@dataclass(frozen=True)
class Inherit:
    """Take the decision of one level back, and its lock with it."""

    word: ClassVar[str] = "inherit"
    key: str
    level: Level
    place: int


@dataclass(frozen=True)
class Rank:
    """Move a group directly above another; `above` None: to the end."""

    word: ClassVar[str] = "rank"
    group: int
    above: int | None


@dataclass(frozen=True)
class Join:
    word: ClassVar[str] = "join"
    group: int
    people: tuple[int, ...]


@dataclass(frozen=True)
class Leave:
    word: ClassVar[str] = "leave"
    group: int
    people: tuple[int, ...]


@dataclass(frozen=True)
class Dissolve:
    """Delete a group, with what was decided for it."""

    word: ClassVar[str] = "dissolve"
    group: int


Change = Choose | Inherit | Rank | Join | Leave | Dissolve
_KINDS: dict[str, type[Change]] = {kind.word: kind for kind in (Choose, Inherit, Rank, Join, Leave, Dissolve)}


def to_json(change: Change) -> dict[str, Any]:
    fields = {field.name: declare.to_json(getattr(change, field.name)) for field in dataclasses.fields(change)}
    return {"word": change.word} | fields


def from_json(raw: Any) -> Change:
    """Strict, as for values. Raises BadValue."""
    try:
        fields = dict(raw)
        kind = _KINDS[fields.pop("word")]
        kinds = get_type_hints(kind)
        return kind(**{name: _field(kinds[name], value) for name, value in fields.items()})
    except (KeyError, TypeError, ValueError) as problem:
        raise BadValue(f"{raw!r:.200} is no change of settings.") from problem


def _field(kind: Any, raw: Any) -> Any:
    if kind is Any:
        return raw
    if NoneType in get_args(kind):
        return None if raw is None else declare.from_json(get_args(kind)[0], raw)
    return declare.from_json(kind, raw)
