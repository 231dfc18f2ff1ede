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
from accounts.cascade.declare import BadValue, Option, Page, Section, part, setting
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


class Milk(StrEnum):
    COW = "cow"
    OAT = "oat"


def street(typed: str) -> str:
    if any(sign.isdigit() for sign in typed):
        raise ValueError("Streets have no numbers here.")
    return typed.strip().title()


@dataclass(frozen=True)
class Delivery:
    """Parts that mean something only beside others."""

    drink: Drink = part(
        default=Drink.TEA,
        label="Drink",
        options=(Option(Drink.TEA, "Tea"), Option(Drink.COFFEE, "Coffee", warning="It keeps one awake.")),
    )
    milk: Milk = part(
        default=Milk.COW,
        label="Milk",
        options=(Option(Milk.COW, "Cow’s milk", only_with=(Drink.COFFEE,)), Option(Milk.OAT, "Oat milk")),
    )
    foam: bool = part(default=True, label="Foam", only_with=(Drink.COFFEE, Milk.COW))
    street: str = part(
        default="", label="Street", parse=street, most=20, only_with=(Drink.COFFEE,), is_kept=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        problems = [
            BadValue(f"No {word}.", part=word)
            for word, is_wrong in (
                ("street", self.street == "Nowhere"),
                ("foam", self.foam and self.street == "Nowhere"),
            )
            if is_wrong
        ]
        if problems:
            raise BadValue(str(problems[0]), part=problems[0].part, also=tuple(problems[1:]))


def menu_word(typed: str) -> str:
    if not typed.isalpha():
        raise ValueError(f"“{typed}” is not a dish.")
    return typed.lower()


@dataclass(frozen=True)
class Menu:
    is_on: bool = part(default=False, label="Only these")
    dishes: tuple[str, ...] = part(default=(), label="Dishes", parse=menu_word, show=str.title, most=20)

    def __post_init__(self) -> None:
        if self.is_on and not self.dishes:
            raise BadValue("Name a dish.", part="dishes")
        if "poison" in self.dishes:
            raise BadValue("Nobody eats that.")


class Cafe(Section, prefix="cafe", title="Café", page=Page("cafe", "Café")):
    is_open: bool = setting(default=True, label="Open")
    order: Order = setting(default=Order(), label="Order")
    menu: Menu = setting(default=Menu(), label="Menu")
    delivery: Delivery = setting(default=Delivery(), label="Delivery")
    tables: int = setting(default=4, label="Tables", help="Inside.", least=1, most=12)
    favourite: Drink = setting(
        default=Drink.TEA,
        label="Favourite",
        options=(Option(Drink.TEA, "Tea"), Option(Drink.MATE, "Mate"), Option(Drink.COFFEE, "Coffee", offered=False)),
    )


OPEN, ORDER, MENU, DELIVERY, TABLES, FAVOURITE = declare.settings_of(Cafe)


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


# ── Words ───────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "typed", ["soup, Bread", "bread\nsoup", " Bread;;soup\r\n", "soup bread SOUP", "soup\n\nbread,"]
)
def test_words_are_kept_once_and_in_order_however_they_were_typed(typed: str) -> None:
    form = filled(MENU, Menu(), is_on="on", dishes=typed)

    assert form.is_valid()
    assert form.value() == Menu(is_on=True, dishes=("bread", "soup"))


def test_no_words_are_an_empty_tuple() -> None:
    form = filled(MENU, Menu(is_on=True, dishes=("soup",)), dishes=" \n")

    assert form.is_valid()
    assert form.value() == Menu()


def test_each_word_that_is_refused_is_named_and_what_was_typed_is_kept() -> None:
    form = filled(MENU, Menu(), is_on="on", dishes="soup, b2, c3")

    assert not form.is_valid()
    assert form.errors["dishes"] == ["“b2” is not a dish.", "“c3” is not a dish."]
    assert form["dishes"].value() == "soup, b2, c3"
    assert form["is_on"].value() is True


@pytest.mark.parametrize(
    ("count", "last"),
    [(5, "“5” is not a dish."), (6, "1 more of them is not accepted."), (9, "4 more of them are not")],
)
def test_of_many_refused_words_five_are_named(count: int, last: str) -> None:
    form = filled(MENU, Menu(), dishes=" ".join(str(number) for number in range(1, count + 1)))

    assert not form.is_valid()
    assert len(form.errors["dishes"]) == min(count, 6)
    assert form.errors["dishes"][-1].startswith(last)


def test_too_many_words_are_refused_before_they_are_looked_at() -> None:
    form = filled(MENU, Menu(), dishes=" ".join(str(number) for number in range(2000)))

    assert form.errors["dishes"] == ["At most 20 can be listed here; these are 2,000."]


def test_parts_that_do_not_go_together_are_refused_at_the_part_that_is_to_blame() -> None:
    form = filled(MENU, Menu(), is_on="on", dishes="")

    assert not form.is_valid()
    assert form.errors == {"dishes": ["Name a dish."]}


def test_where_no_part_is_to_blame_the_whole_form_is() -> None:
    form = filled(MENU, Menu(), dishes="poison")

    assert not form.is_valid()
    assert form.non_field_errors() == ["Nobody eats that."]


def test_words_are_shown_as_people_read_them() -> None:
    form = form_for(MENU)(initial=initial_of(MENU, Menu(is_on=True, dishes=("bread", "soup"))))

    assert form["dishes"].value() == "Bread\nSoup"
    assert [part.is_words for part in parts_of(MENU)] == [False, True]


@given(st.text())
def test_whatever_is_typed_as_words_is_a_value_or_a_named_error(typed: str) -> None:
    form = filled(MENU, Menu(), dishes=typed)

    assert form.is_valid() or form.errors["dishes"]
    assert not form.is_valid() or MENU.from_json(MENU.to_json(form.value())) == form.value()


# ── Numbers and choices ─────────────────────────────────────────────────────
@pytest.mark.parametrize(("typed", "value"), [("1", 1), ("12", 12), (" 7 ", 7)])
def test_a_number_within_its_bounds_is_taken(typed: str, value: int) -> None:
    form = filled(TABLES, 4, value=typed)

    assert form.is_valid()
    assert form.value() == value
    assert type(form.value()) is int


@pytest.mark.parametrize("typed", ["", "0", "13", "-1", "four", "1.5", "9" * 5000])
def test_any_other_number_is_refused_with_the_bounds_and_kept(typed: str) -> None:
    form = filled(TABLES, 4, value=typed)

    assert not form.is_valid()
    assert form.errors["value"] == ["Say a whole number from 1 to 12."]
    assert form["value"].value() == typed


def test_the_control_of_a_number_knows_its_bounds_and_its_help() -> None:
    field = form_for(TABLES)(initial=initial_of(TABLES, 4))["value"]

    assert 'type="number"' in str(field)
    assert 'value="4"' in str(field)
    assert 'min="1" max="12"' in str(field)
    assert (field.label, field.help_text) == ("Tables", "Inside.")


@given(st.text(max_size=10) | st.sampled_from(list(Drink)))
def test_an_enum_accepts_what_is_offered(word: str) -> None:
    form = filled(FAVOURITE, Drink.TEA, value=word)

    assert form.is_valid() == (word in {"tea", "mate"})
    assert not form.is_valid() or form.value() is Drink(word)


def test_an_enum_shows_what_holds_among_what_is_offered() -> None:
    field = form_for(FAVOURITE)(initial=initial_of(FAVOURITE, Drink.MATE))["value"]

    assert field.value() == "mate"
    assert [label for _, label in field.field.choices] == ["Tea", "Mate"]  # type: ignore[attr-defined]  # a ChoiceField


def test_fields_of_two_settings_on_one_page_have_ids_of_their_own() -> None:
    ids = {form_for(one)(initial=initial_of(one, one.default))["value"].auto_id for one in (TABLES, FAVOURITE, OPEN)}

    assert ids == {"tables_value", "favourite_value", "is_open_value"}


# ── A line of text, and parts that mean something only beside others ────────
COFFEE = {"drink": "coffee", "milk": "cow"}


def test_a_line_is_parsed_and_shown_again_as_it_was_typed_where_it_is_refused() -> None:
    good = filled(DELIVERY, Delivery(), **COFFEE, street=" high street ")
    bad = filled(DELIVERY, Delivery(), **COFFEE, street="Street 1")

    assert good.is_valid()
    assert good.value().street == "High Street"
    assert bad.errors["street"] == ["Streets have no numbers here."]
    assert bad["street"].value() == "Street 1"


def test_a_line_that_is_too_long_is_refused() -> None:
    assert "street" in filled(DELIVERY, Delivery(), **COFFEE, street="a" * 21).errors


def test_what_means_nothing_beside_the_others_is_kept_or_becomes_its_default_whatever_was_sent() -> None:
    current = Delivery(Drink.COFFEE, foam=False, street="High Street")

    form = filled(DELIVERY, current, drink="tea", milk="oat", foam="on", street="Low Street")

    assert form.is_valid()
    assert form.value() == Delivery(Drink.TEA, Milk.OAT, foam=False, street="")


def test_what_is_refused_in_several_parts_is_said_of_each() -> None:
    form = filled(DELIVERY, Delivery(), **COFFEE, foam="on", street="nowhere")

    assert not form.is_valid()
    assert {name: list(said) for name, said in form.errors.items()} == {
        "street": ["No street."],
        "foam": ["No foam."],
    }


def test_the_page_is_told_what_goes_with_what() -> None:
    drink, milk, foam, line = parts_of(DELIVERY)

    assert [(one.warning, one.only_with) for one in drink.options] == [("", ""), ("It keeps one awake.", "")]
    assert [(one.only_with, one.hint) for one in milk.options] == [("drink=coffee", "Only with Coffee."), ("", "")]
    assert (foam.only_with, foam.hint) == ("drink=coffee milk=cow", "Only with Coffee and Cow’s milk.")
    assert line.is_words
