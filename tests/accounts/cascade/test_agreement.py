"""All readers agree with the oracle: over every small case at once in one organization, and over random ones."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.cascade import facts, querying, read
from accounts.cascade.decide import decide
from accounts.cascade.declare import Level, Setting, settings_of
from accounts.cascade.explain import Explanation, Standing, explain_at
from accounts.models import Account, Group, User
from tests.accounts.cascade.oracle import ACCOUNT, Choice, Organization, Place
from tests.accounts.cascade.trial import DEFAULTS, VALUES, Five, Founded, Shade, Trial, found

pytestmark = pytest.mark.django_db

A, B = Shade.DARK, Shade.LOUD
LOCKABLE = [None, Choice(A), Choice(B), Choice(A, is_locked=True), Choice(B, is_locked=True)]
OPEN = [None, Choice(A), Choice(B)]


FIVE = {one.key: one for one in settings_of(Five)}
TRIAL = {one.key: one for one in settings_of(Trial)}


# ── Every small case ────────────────────────────────────────────────────────
def every_small_case() -> Organization:
    """Five groups over five others, each having decided in its own way; and people in one of each, or of neither.
    In both orders, because among the pairs each is there both ways round."""
    upper, lower = dict(enumerate(LOCKABLE, start=1)), dict(enumerate(LOCKABLE, start=11))
    paper = Organization(defaults=dict.fromkeys(FIVE, Shade.LIGHT), order=[*upper, *lower])
    paper.account = {key: choice for key, choice in zip(FIVE, LOCKABLE, strict=True) if choice}
    for group, choice in (upper | lower).items():
        paper.groups[group] = dict.fromkeys(FIVE, choice) if choice else {}
    for person, (high, low, own) in enumerate(product([None, *upper], [None, *lower], OPEN), start=100):
        paper.people[person] = dict.fromkeys(FIVE, own) if own else {}
        paper.members |= {(group, person) for group in (high, low) if group}
    return paper


def test_all_readers_agree_with_the_oracle_in_every_small_case() -> None:
    paper = every_small_case()

    founded = found(paper, FIVE)

    assert len(paper.people) * len(FIVE) == 6 * 6 * 3 * 5
    assert_everybody_agrees(Five, paper, founded)
    for place in [ACCOUNT, *(("group", group) for group in paper.groups), *(("user", one) for one in paper.people)]:
        assert_one_agrees(Five, place, paper, founded)


# ── Random organizations ────────────────────────────────────────────────────
@st.composite
def organizations(draw: st.DrawFn) -> Organization:
    groups = draw(st.integers(0, 5))
    people = draw(st.integers(1, 12))
    paper = Organization(defaults=dict(DEFAULTS), order=draw(st.permutations(range(groups))))
    paper.account = draw(decisions(locks=st.booleans()))
    paper.groups = {group: draw(decisions(locks=st.booleans())) for group in range(groups)}
    paper.people = {person: draw(decisions(locks=st.just(False))) for person in range(people)}
    if groups:
        pairs = st.tuples(st.integers(0, groups - 1), st.integers(0, people - 1))
        paper.members = draw(st.sets(pairs, max_size=groups * people))
    return paper


def decisions(*, locks: st.SearchStrategy[bool]) -> st.SearchStrategy[dict[str, Choice]]:
    choices = {key: st.builds(Choice, st.sampled_from(values), locks) for key, values in VALUES.items()}
    return st.fixed_dictionaries({}, optional=choices)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(paper=organizations(), others=organizations(), data=st.data())
def test_all_readers_agree_with_the_oracle(paper: Organization, others: Organization, data: st.DataObject) -> None:
    with transaction.atomic():
        # Another account, which decides the same settings: it must not matter.
        stranger = found(others, TRIAL)
        founded = found(paper, TRIAL)

        assert_everybody_agrees(Trial, paper, founded)
        assert_everybody_agrees(Trial, others, stranger)
        places = [ACCOUNT, *(("group", one) for one in paper.groups), *(("user", one) for one in paper.people)]
        for place in data.draw(st.lists(st.sampled_from(places), max_size=4, unique=True)):
            assert_one_agrees(Trial, place, paper, founded)
        transaction.set_rollback(True)


# ── What it means to agree ──────────────────────────────────────────────────
def assert_everybody_agrees(section: type[Any], paper: Organization, founded: Founded) -> None:
    """The readers of many people, who are asked once."""
    everybody = User.objects.of(founded.account)
    declared = settings_of(section)
    held = read.held_of(section, everybody)
    loaded = facts.load(founded.account, declared)
    values = read.effective_of(section, everybody)

    assert values == {person: one.values for person, one in held.items()} == _values(loaded.held(section))
    assert set(held) == set(loaded.people) == {person.pk for person in founded.people.values()}
    for setting in declared:
        listed = querying.with_value(everybody, setting, account=founded.account)
        queried = {one.pk: vars(one)["value"] for one in listed}
        assert [type(value) for value in queried.values()] == [type(setting.default)] * len(paper.people)
        for number, person in founded.people.items():
            expected = paper.holds(number, setting.key)
            lock = paper.lock_over_person(number, setting.key)
            assert getattr(held[person.pk].values, setting.name) == expected
            assert (setting.name in held[person.pk].locked) == bool(lock)
            assert loaded.value(setting.key, person.pk) == expected
            assert queried[person.pk] == expected
        assert_lists_agree(setting, paper, founded)


def assert_lists_agree(setting: Setting, paper: Organization, founded: Founded) -> None:
    """*Who has it on*, for each value that holds for somebody."""
    holders: dict[Any, set[int]] = {}
    for number, person in founded.people.items():
        holders.setdefault(paper.holds(number, setting.key), set()).add(person.pk)
    for value, people in holders.items():
        found = querying.holding(User.objects.all(), setting, value, account=founded.account)
        assert sorted(found.values_list("pk", flat=True)) == sorted(people)
        assert found.count() == len(people)


def _values(held: dict[int, facts.Held[Any]]) -> dict[int, Any]:
    return {person: one.values for person, one in held.items()}


def assert_one_agrees(section: type[Any], place: Place, paper: Organization, founded: Founded) -> None:
    """The readers of one place."""
    at, declared = row_of(place, founded), settings_of(section)
    chains, explained = read.chains_of(at, declared), explain_at(at, declared)
    one = read.held(section, at) if isinstance(at, User) else None
    assert not isinstance(at, User) or not one or read.effective(section, at) == one.values
    top = read.of_account(section, at) if isinstance(at, Account) else None

    for setting in declared:
        value = paper.given_at(place, setting.key)
        won = decide(chains[setting.key])
        assert (won.value if won else setting.default) == value
        if one:
            assert getattr(one.values, setting.name) == value
            assert (setting.name in one.locked) == bool(paper.lock_over(place, setting.key))
        if top:
            assert getattr(top, setting.name) == value
        assert_explained(explained[setting.key], place, paper, founded)


def assert_explained(said: Explanation, place: Place, paper: Organization, founded: Founded) -> None:
    key = said.setting.key
    own, lock = paper.decisions_of(place).get(key), paper.lock_over(place, key)

    assert said.value == paper.given_at(place, key)
    assert said.inherited == paper.inherited_at(place, key)
    assert ((said.own.value, said.own.is_locked) if said.own else None) == ((own.value, own.is_locked) if own else None)
    assert (place_of(said.lock, founded) if said.lock else None) == lock
    assert said.is_editable == (lock is None)
    assert said.sleeps == bool(own and lock)
    is_overridden = bool(own) and lock is None and place != ACCOUNT
    assert said.is_overridden == is_overridden
    assert said.is_same == (is_overridden and paper.given_at(place, key) == paper.inherited_at(place, key))
    assert said.is_locked_here == bool(own and own.is_locked and lock is None)
    assert said.differs == (said.value != (DEFAULT_OF[key] if place == ACCOUNT else paper.given_by_account(key)))
    assert_below(said, place, paper)
    assert_steps(said, place, paper, founded)


def assert_below(said: Explanation, place: Place, paper: Organization) -> None:
    key, (level, number) = said.setting.key, place
    deciding = {person for person, decisions in paper.people.items() if key in decisions}
    members = {person for group, person in paper.members if group == number}
    groups = sum(key in decisions for decisions in paper.groups.values()) if level == "account" else 0
    people = {"account": deciding, "group": deciding & members, "user": set[int]()}[level]

    assert (said.below.groups, said.below.people) == (groups, len(people))


def assert_steps(said: Explanation, place: Place, paper: Organization, founded: Founded) -> None:
    """Every place of the chain, and what became of its choice."""
    key, (level, number) = said.setting.key, place
    mine = [group for group in paper.order if (group, number) in paper.members] if level == "user" else []
    chain: list[Place] = [ACCOUNT, *(("group", group) for group in mine), *([place] if level != "account" else [])]
    speaker = paper.speaker(number, key) if level == "user" else number

    assert [place_of(step, founded) for step in said.steps] == chain
    for step, of in zip(said.steps, chain, strict=True):
        assert step.position == (paper.order.index(of[1]) + 1 if of[0] == "group" else 0)
        assert step.standing == standing(of, chain, speaker, key, paper)
    assert [step.made for step in said.steps if step.standing == Standing.WINS] == (
        [said.source] if said.source else []
    )


def standing(of: Place, chain: list[Place], speaker: int | None, key: str, paper: Organization) -> Standing:
    if key not in paper.decisions_of(of):
        return Standing.SILENT
    if of[0] == "group" and of[1] != speaker:
        return Standing.SHADOWED  # whatever is locked or unlocked, another group speaks
    lock = paper.lock_over(chain[-1], key)
    if lock:
        is_above = chain.index(of) < chain.index(lock)
        return Standing.WINS if of == lock else Standing.SHADOWED if is_above else Standing.ASLEEP
    speaking = [one for one in chain if one[0] != "group" or one[1] == speaker]
    deciding = [one for one in speaking if key in paper.decisions_of(one)]
    return Standing.WINS if of == deciding[-1] else Standing.SHADOWED


DEFAULT_OF = DEFAULTS | dict.fromkeys(FIVE, Shade.LIGHT)


def row_of(place: Place, founded: Founded) -> Account | Group | User:
    level, number = place
    if level == "account":
        return founded.account
    return founded.groups[number] if level == "group" else founded.people[number]


def place_of(thing: Any, founded: Founded) -> Place:
    """The place on paper of a step, or of a decision that was read."""
    if thing.level == Level.ACCOUNT:
        return ACCOUNT
    rows: dict[int, Any] = founded.groups if thing.level == Level.GROUP else founded.people
    return str(thing.level), next(number for number, row in rows.items() if row.pk == thing.place_id)
