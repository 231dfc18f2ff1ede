"""Declarations: what they promise about values, and that every registered setting keeps the promise."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from itertools import product
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.cascade import declare
from accounts.cascade.declare import BadValue, Level, Page, Section, Setting, part, setting

PAGE = Page("trial", "Trial")


class Shade(StrEnum):
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Paint:
    shade: Shade = part(default=Shade.LIGHT, label="Shade")
    glossy: bool = part(default=False, label="Glossy")
    area: Shade = part(default=Shade.DARK, label="Area")


@dataclass(frozen=True)
class Span:
    """A composite whose parts have to go together."""

    is_on: bool = part(default=False, label="On")
    ends: tuple[str, ...] = part(default=(), label="Ends")

    def __post_init__(self) -> None:
        if self.is_on and not self.ends:
            raise ValueError("name the ends")


class Trial(Section, prefix="trial", title="Trial", page=PAGE):
    switch: bool = setting(default=True, label="Switch")
    shade: Shade = setting(default=Shade.LIGHT, label="Shade", levels=(Level.ACCOUNT,))
    words: tuple[str, ...] = setting(default=(), label="Words")
    paint: Paint = setting(default=Paint(), label="Paint")
    coats: int = setting(default=2, label="Coats", least=0, most=30)
    span: Span = setting(default=Span(), label="Span")


REGISTERED = [one for section in declare.sections() for one in declare.settings_of(section)]
TRIED = list(declare.settings_of(Trial))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def possible(kind: Any) -> list[Any]:
    """Every value of a type, as far as types are finite."""
    if kind is bool:
        return [True, False]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        every = (dict(zip(names, one, strict=True)) for one in product(*(possible(hints[n]) for n in names)))
        return [value for fields_of in every for value in made(kind, fields_of)]
    if kind is int:
        return list(range(31))
    if kind is str:
        return ["", "kestrel.example", "https://mail.kestrel.example/EWS/Exchange.asmx"]
    return [(), ("one",), ("one", "two", "one"), ("kestrel.example",)]  # a tuple of words


def made(kind: Any, fields_of: dict[str, Any]) -> list[Any]:
    """None where the fields do not go together."""
    try:
        return [kind(**fields_of)]
    except ValueError:
        return []


def by_name(name: str) -> Setting:
    return declare.setting_of(Trial, name)


def test_the_product_registers_its_settings() -> None:
    assert {one.key for one in REGISTERED} >= {"integrations.enabled", "integrations.services"}


@pytest.mark.parametrize("one", [*REGISTERED, *TRIED], ids=lambda one: one.key)
def test_every_value_of_every_setting_comes_back_from_its_json(one: Setting) -> None:
    for value in possible(one.kind):
        stored = json.loads(json.dumps(one.to_json(value)))

        back = one.from_json(stored)

        assert back == value
        assert type(back) is type(value)


@pytest.mark.parametrize("one", REGISTERED, ids=lambda one: one.key)
def test_every_registered_setting_has_words_levels_and_a_default_of_its_type(one: Setting) -> None:
    assert one.label.strip()
    assert one.levels
    assert one.default in possible(one.kind)
    assert isinstance(one.say(one.default), str)


def test_every_key_is_declared_once() -> None:
    keys = [one.key for one in REGISTERED]

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("one", REGISTERED, ids=lambda one: one.key)
def test_a_registered_setting_is_found_by_its_key(one: Setting) -> None:
    assert declare.by_key(one.key) == one


@pytest.mark.parametrize("key", ["", "integrations", "integrations.", "integrations.nothing", "trial.switch"])
def test_a_key_that_nobody_registered_is_unknown(key: str) -> None:
    assert declare.by_key(key) is None


def test_registering_twice_changes_nothing() -> None:
    before = declare.sections()

    declare.register(before[0])

    assert declare.sections() == before


def test_a_composite_is_stored_with_every_field_in_alphabetical_order() -> None:
    stored = by_name("paint").to_json(Paint(shade=Shade.DARK))

    assert json.dumps(stored) == '{"area": "dark", "glossy": false, "shade": "dark"}'


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("switch", 1),
        ("switch", 0),
        ("switch", "true"),
        ("switch", None),
        ("shade", "LIGHT"),
        ("shade", ["light"]),
        ("shade", {}),
        ("words", "one"),
        ("words", [1]),
        ("words", None),
        ("paint", {}),
        ("paint", {"shade": "light", "glossy": False}),
        ("paint", {"shade": "light", "glossy": False, "area": "dark", "more": 1}),
        ("paint", {"shade": "light", "glossy": 1, "area": "dark"}),
        ("paint", {"shade": "loud", "glossy": False, "area": "dark"}),
        ("paint", ["light", False, "dark"]),
        ("coats", -1),
        ("coats", 31),
        ("coats", True),
        ("coats", 2.0),
        ("coats", "2"),
        ("span", {"is_on": True, "ends": []}),
    ],
)
def test_a_value_of_another_form_is_refused_by_name(name: str, raw: Any) -> None:
    with pytest.raises(BadValue, match=f"trial.{name}"):
        by_name(name).from_json(raw)


@given(st.sampled_from([*REGISTERED, *TRIED]), json_values)
def test_any_json_is_either_a_value_or_refused(one: Setting, raw: Any) -> None:
    try:
        value = one.from_json(raw)
    except BadValue:
        return

    assert one.to_json(value) == raw
    assert type(one.to_json(value)) is type(raw)
