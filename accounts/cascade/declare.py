"""A setting is one declaration: form, provenance sentence, validation, audit entry and readers follow from it.

Example::

    class Integrations(Section, prefix="integrations", title="Integrations", page=MAIL_AND_CALENDAR):
        enabled: bool = setting(default=True, label="Integrate third-party mail and calendar services")

`Integrations.enabled` is a bool for mypy; a reader answers an instance of `Integrations`.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, ClassVar, dataclass_transform, get_args, get_origin, get_type_hints


class Level(StrEnum):
    ACCOUNT = "account"
    GROUP = "group"
    USER = "user"


ALL_LEVELS = (Level.ACCOUNT, Level.GROUP, Level.USER)
ACCOUNT_AND_GROUP = (Level.ACCOUNT, Level.GROUP)


class BadValue(ValueError):
    """A value that does not fit its declaration. `part`: of a composite, the field that is to blame; `also`: what
    else there is to blame."""

    def __init__(self, says: str, *, part: str = "", also: tuple[BadValue, ...] = ()) -> None:
        super().__init__(says)
        self.part, self.also = part, also


@dataclass(frozen=True)
class Page:
    """A tab of the settings: its path word and its title."""

    slug: str
    title: str


@dataclass(frozen=True)
class Option:
    """One member of an enum as the page shows it. Not `offered`: it may be stored, but cannot be chosen yet."""

    value: Enum
    label: str
    help: str = ""
    offered: bool = True
    # What has to be known before it is chosen.
    warning: str = ""
    # Of a part of a composite: the choices in other parts with which it means something; none: all. See `belongs`.
    only_with: tuple[Enum, ...] = ()


@dataclass(frozen=True)
class Setting:
    key: str
    name: str
    kind: Any
    default: Any
    label: str
    help: str
    levels: tuple[Level, ...]
    offered: bool
    say: Callable[[Any], str]
    # Changing it can disconnect people or widen access: who is affected is shown before it happens.
    consequential: bool = False
    # A lock binds what people have already, not only what is chosen below: it means something at the lowest level too.
    lock_binds: bool = False
    # Of an enum: its members in words.
    options: tuple[Option, ...] = ()
    # Of a number: the bounds, both allowed.
    least: int | None = None
    most: int | None = None

    def to_json(self, value: Any) -> Any:
        return to_json(value)

    def from_json(self, raw: Any) -> Any:
        """Raises BadValue, naming the key."""
        try:
            return self._within(from_json(self.kind, raw))
        except BadValue as problem:
            raise BadValue(f"{self.key}: {problem}") from problem

    def _within(self, value: Any) -> Any:
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            raise BadValue(f"{value} is not from {self.least} to {self.most}")
        return value


def say_switch(value: bool) -> str:
    return "On" if value else "Off"


def setting(
    *,
    default: Any,
    label: str,
    help: str = "",
    levels: tuple[Level, ...] = ALL_LEVELS,
    offered: bool = True,
    say: Callable[[Any], str] = say_switch,
    consequential: bool = False,
    lock_binds: bool = False,
    options: tuple[Option, ...] = (),
    least: int | None = None,
    most: int | None = None,
) -> Any:
    """A field of a `Section`. `say` puts a value into the words of the provenance sentence; an enum needs `options`,
    a number `least` and `most`."""
    return dataclasses.field(
        default=default,
        metadata={
            "label": label,
            "help": help,
            "levels": levels,
            "offered": offered,
            "say": say,
            "consequential": consequential,
            "lock_binds": lock_binds,
            "options": options,
            "least": least,
            "most": most,
        },
    )


def part(
    *,
    default: Any,
    label: str,
    help: str = "",
    options: tuple[Option, ...] = (),
    parse: Callable[[str], str] = str,
    show: Callable[[str], str] = str,
    most: int | None = None,
    only_with: tuple[Enum, ...] = (),
    is_kept: bool = True,
) -> Any:
    """A field of a composite value: a bool, an enum with its options, a line of text, or a tuple of words.

    Words are kept sorted and once each, at most `most` of them; of a line, `most` is its length. `parse` makes what is
    stored of what was typed, or raises ValueError with a sentence about it; `show` makes what people read of it.
    `only_with`: the choices in other parts with which it means something, see `belongs`; with others it `is_kept` as
    it was, or else becomes its default again.
    """
    metadata = {
        "label": label,
        "help": help,
        "options": options,
        "parse": parse,
        "show": show,
        "most": most,
        "only_with": only_with,
        "is_kept": is_kept,
    }
    return dataclasses.field(default=default, metadata=metadata)


def belongs(only_with: Iterable[Enum], chosen: Iterable[Any]) -> bool:
    """Whether of each kind in `only_with` one is among what was `chosen`."""
    there = {(type(one), one.value) for one in chosen if isinstance(one, Enum)}
    wanted = [(type(one), one.value) for one in only_with]
    return {kind for kind, _ in wanted} == {kind for kind, value in wanted if (kind, value) in there}


def counts(part: Any, value: Any) -> bool:
    """Whether a part of a composite, declared with `part`, means something beside the others."""
    chosen = (getattr(value, field.name) for field in dataclasses.fields(value))
    return belongs(part.metadata["only_with"], chosen)


@dataclass_transform(frozen_default=True, field_specifiers=(setting,))
class Section:
    """A titled part of a page of settings. An instance holds the effective values for somebody."""

    prefix: ClassVar[str]
    title: ClassVar[str]
    page: ClassVar[Page]
    # Sections stand on a page as they were declared: the lower floor first, because the upper one imports it.
    place: ClassVar[int]
    _places: ClassVar = itertools.count()

    def __init_subclass__(cls, *, prefix: str, title: str, page: Page) -> None:
        cls.prefix, cls.title, cls.page, cls.place = prefix, title, page, next(cls._places)
        dataclass(frozen=True)(cls)


_sections: list[type[Section]] = []
_settings: dict[type[Section], tuple[Setting, ...]] = {}


def register(section: type[Section]) -> None:
    """Called in `AppConfig.ready()` of the app that declares the section."""
    if section not in _sections:
        _sections.append(section)
        _sections.sort(key=lambda one: one.place)


def sections(page: Page | None = None) -> list[type[Section]]:
    return [section for section in _sections if page is None or section.page == page]


def pages() -> list[Page]:
    return list(dict.fromkeys(section.page for section in _sections))


def settings_of(section: type[Section]) -> tuple[Setting, ...]:
    if section not in _settings:
        _settings[section] = _read(section)
    return _settings[section]


def _read(section: type[Section]) -> tuple[Setting, ...]:
    hints = get_type_hints(section)
    return tuple(
        Setting(
            key=f"{section.prefix}.{field.name}",
            name=field.name,
            kind=hints[field.name],
            default=field.default,
            **field.metadata,
        )
        for field in dataclasses.fields(section)  # type: ignore[arg-type]  # every subclass is made one above
    )


def setting_of(section: type[Section], name: str) -> Setting:
    return next(setting for setting in settings_of(section) if setting.name == name)


def by_key(key: str) -> Setting | None:
    """None for a key that nobody declares."""
    return next((setting for section in _sections for setting in settings_of(section) if setting.key == key), None)


def to_json(value: Any) -> Any:
    """Canonical: fields in alphabetical order, every one present."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in _alphabetical(type(value))}
    return value


def from_json(kind: Any, raw: Any) -> Any:
    """Strict: a bool is a bool, a composite has exactly its fields. Raises BadValue."""
    if dataclasses.is_dataclass(kind):
        return _composite(kind, raw)
    if get_origin(kind) is tuple:
        if not isinstance(raw, list):
            raise BadValue(f"a list is wanted, not {raw!r}")
        return tuple(from_json(get_args(kind)[0], item) for item in raw)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(raw)
        except ValueError as problem:
            raise BadValue(f"{raw!r} is none of {', '.join(str(member.value) for member in kind)}") from problem
    if type(raw) is not kind:
        raise BadValue(f"{kind.__name__} is wanted, not {raw!r}")
    return raw


def _composite(kind: Any, raw: Any) -> Any:
    names = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(raw, Mapping) or set(raw) != names:
        raise BadValue(f"exactly the fields {', '.join(sorted(names))} are wanted")
    hints = get_type_hints(kind)
    found = {name: from_json(hints[name], raw[name]) for name in names}
    try:
        return kind(**found)
    except ValueError as problem:
        raise BadValue(str(problem)) from problem


def _alphabetical(kind: Any) -> list[Any]:
    return sorted(dataclasses.fields(kind), key=lambda field: field.name)
