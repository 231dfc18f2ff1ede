"""The controls of the page come from the declaration, and accept only what it offers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from django.utils.datastructures import MultiValueDict
from hypothesis import given
from hypothesis import strategies as st

from accounts.cascade import declare
from accounts.cascade.declare import Option, Page, Section, part, setting
from accounts.cascade.forms import form_for, initial_of, parts_of


class Drink(StrEnum):
    TEA = "tea"
    COFFEE = "coffee"
    MATE = "mate"


@dataclass(frozen=True)
class Order:
    drink: Drink = part(
        default=Drink.TEA,
        label="Drink",
        help="Hot.",
        options=(Option(Drink.TEA, "Tea"), Option(Drink.COFFEE, "Coffee"), Option(Drink.MATE, "Mate", offered=False)),
    )
    sugar: bool = part(default=False, label="Sugar")


class Cafe(Section, prefix="cafe", title="Café", page=Page("cafe", "Café")):
    is_open: bool = setting(default=True, label="Open")
    order: Order = setting(default=Order(), label="Order")


OPEN, ORDER = declare.settings_of(Cafe)


def filled(one: Any, current: Any, **data: str) -> Any:
    sent = MultiValueDict({name: [value] for name, value in data.items()})
    return form_for(one)(sent, initial=initial_of(one, current))


@pytest.mark.parametrize(("word", "value"), [("on", True), ("off", False)])
def test_a_switch_says_on_or_off(word: str, value: bool) -> None:
    form = filled(OPEN, not value, value=word)

    assert form.is_valid()
    assert form.value() is value


@pytest.mark.parametrize("data", [{}, {"value": ""}, {"value": "maybe"}, {"value": "True"}, {"other": "on"}])
def test_a_switch_accepts_nothing_else(data: dict[str, str]) -> None:
    form = filled(OPEN, True, **data)

    assert not form.is_valid()
    assert form.errors["value"] == ["Say on or off."]


def test_a_composite_is_put_together_from_its_parts() -> None:
    form = filled(ORDER, Order(), drink="coffee", sugar="on")

    assert form.is_valid()
    assert form.value() == Order(Drink.COFFEE, sugar=True)
    assert type(form.value().drink) is Drink


def test_a_box_that_is_not_ticked_is_off() -> None:
    form = filled(ORDER, Order(sugar=True), drink="tea")

    assert form.is_valid()
    assert form.value() == Order(Drink.TEA, sugar=False)


@given(st.text(max_size=20))
def test_only_offered_choices_are_accepted(word: str) -> None:
    form = filled(ORDER, Order(), drink=word)

    assert form.is_valid() == (word in {"tea", "coffee"})


def test_what_is_not_offered_is_not_shown_either() -> None:
    drink, sugar = parts_of(ORDER)

    assert [option.label for option in drink.options] == ["Tea", "Coffee"]
    assert (drink.label, drink.help, sugar.label, sugar.options) == ("Drink", "Hot.", "Sugar", ())


def test_a_refusal_says_which_part_is_meant() -> None:
    form = filled(ORDER, Order(), drink="mate")

    assert not form.is_valid()
    assert form.errors["drink"] == ["Choose one of the ways under “Drink”."]


def test_an_unbound_form_shows_what_holds() -> None:
    form = form_for(ORDER)(initial=initial_of(ORDER, Order(Drink.COFFEE, sugar=True)))

    assert form["drink"].value() == "coffee"
    assert form["sugar"].value() is True


def test_a_switch_has_no_parts() -> None:
    assert parts_of(OPEN) == []
