"""Every small case there is: an account, two groups in both orders, one person in none, one or both of them, each
having chosen nothing, A or B, open or locked. Without a database."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from accounts.cascade.changes import Change, Choose, Dissolve, Inherit, Join, Leave, Rank
from accounts.cascade.declare import Level, settings_of
from accounts.cascade.facts import Facts, Ruling
from accounts.cascade.impact import people_changed
from tests.accounts.cascade.oracle import ACCOUNT, Choice, Organization, Place
from tests.accounts.cascade.trial import Shade, Trial

KEY = "trial.shade"
SHADE = next(one for one in settings_of(Trial) if one.key == KEY)
FIRST, SECOND, PERSON, STRANGER = 1, 2, 7, 8
A, B, DEFAULT = Shade.DARK, Shade.LOUD, Shade.LIGHT
LOCKABLE = [None, Choice(A), Choice(B), Choice(A, is_locked=True), Choice(B, is_locked=True)]
OPEN = [None, Choice(A), Choice(B)]


def cases(account: Choice | None) -> Iterator[Organization]:
    memberships = [set(), {(FIRST, PERSON)}, {(SECOND, PERSON)}, {(FIRST, PERSON), (SECOND, PERSON)}]
    for first, second, own, members in product(LOCKABLE, LOCKABLE, OPEN, memberships):
        for order in ([FIRST, SECOND], [SECOND, FIRST]):
            yield Organization(
                defaults={KEY: DEFAULT},
                account=chosen(account),
                groups={FIRST: chosen(first), SECOND: chosen(second)},
                order=order,
                people={PERSON: chosen(own), STRANGER: {}},
                members=members,
            )


def chosen(choice: Choice | None) -> dict[str, Choice]:
    return {KEY: choice} if choice else {}


def facts_of(paper: Organization) -> Facts:
    ranks = {group: float(paper.order.index(group) * 10) for group in paper.groups}
    groups_of: dict[int, set[int]] = {}
    for group, person in paper.members:
        groups_of.setdefault(person, set()).add(group)
    return Facts(
        settings={KEY: SHADE},
        people=list(paper.people),
        top={key: Ruling(choice.value, choice.is_locked) for key, choice in paper.account.items()},
        of_groups={
            KEY: {
                group: Ruling(decided[KEY].value, decided[KEY].is_locked, ranks[group])
                for group, decided in paper.groups.items()
                if decided
            }
        },
        ranks=ranks,
        groups_of={person: frozenset(groups) for person, groups in groups_of.items()},
        own={KEY: {person: Ruling(own[KEY].value, False) for person, own in paper.people.items() if own}},
    )


def assert_agreed(facts: Facts, paper: Organization, about: object) -> None:
    for person in paper.people:
        winner = facts.winner(KEY, person)
        assert facts.value(KEY, person) == paper.holds(person, KEY), (person, paper, about)
        assert bool(winner and winner.is_locked) == bool(paper.lock_over_person(person, KEY)), (person, paper, about)


def all_changes() -> Iterator[tuple[Change, Place | None, Choice | None]]:
    """Each with what it is on paper, if it is a choice."""
    places = [(Level.ACCOUNT, 3, ACCOUNT, LOCKABLE), (Level.USER, PERSON, ("user", PERSON), OPEN)]
    places += [(Level.GROUP, group, ("group", group), LOCKABLE) for group in (FIRST, SECOND)]
    for level, pk, place, choices in places:
        for choice in choices:
            if choice is None:
                yield Inherit(KEY, level, pk), place, None
            else:
                yield Choose(KEY, level, pk, choice.value.value, choice.is_locked), place, choice
    for group, other in ((FIRST, SECOND), (SECOND, FIRST)):
        for change in (Rank(group, other), Rank(group, None), Dissolve(group)):
            yield change, None, None
        for people in ((PERSON,), (STRANGER,), (PERSON, STRANGER)):
            yield Join(group, people), None, None
            yield Leave(group, people), None, None


def after(paper: Organization, change: Change, place: Place | None, choice: Choice | None) -> Organization:
    changed = paper.copy()
    if place:
        if choice:
            changed.choose(place, KEY, choice)
        else:
            changed.inherit(place, KEY)
    elif isinstance(change, Rank):
        changed.move(change.group, change.above)
    elif isinstance(change, Join):
        changed.join(change.group, list(change.people))
    elif isinstance(change, Leave):
        changed.leave(change.group, list(change.people))
    elif isinstance(change, Dissolve):
        changed.dissolve(change.group)
    return changed


@pytest.mark.parametrize("account", LOCKABLE, ids=str)
def test_the_facts_agree_with_the_oracle_in_every_case(account: Choice | None) -> None:
    for paper in cases(account):
        facts = facts_of(paper)

        assert_agreed(facts, paper, "as it is")
        for person, held in facts.held(Trial).items():
            assert held.values.shade == paper.holds(person, KEY)
            assert ("shade" in held.locked) == bool(paper.lock_over_person(person, KEY))


@pytest.mark.parametrize("account", LOCKABLE, ids=str)
def test_what_every_change_does_in_every_case_is_what_the_oracle_says(account: Choice | None) -> None:
    for paper in cases(account):
        before = facts_of(paper)
        for change, place, choice in all_changes():
            done = after(paper, change, place, choice)

            tried = before.after(change)

            assert_agreed(tried, done, change)
            moved = {person for person in paper.people if paper.holds(person, KEY) != done.holds(person, KEY)}
            found = people_changed(before, tried, KEY)
            assert (set(found), len(found)) == (moved, len(moved)), (paper, change)
