"""The readers over random small organisations: they agree with each other, and with a naive oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.cascade.declare import Page, Section, part, setting, settings_of
from accounts.cascade.read import chains_of, decisions_at, effective, effective_of, of_account
from accounts.models import Account, Group, Membership, SettingDecision, User
from tests.cast import FOUNDED, crowd

pytestmark = pytest.mark.django_db


class Shade(StrEnum):
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Paint:
    shade: Shade = part(default=Shade.LIGHT, label="Shade")
    glossy: bool = part(default=False, label="Glossy")


class Trial(Section, prefix="trial", title="Trial", page=Page("trial", "Trial")):
    switch: bool = setting(default=True, label="Switch")
    paint: Paint = setting(default=Paint(), label="Paint")


VALUES: dict[str, list[Any]] = {
    "switch": [True, False],
    "paint": [Paint(shade, glossy) for shade in Shade for glossy in (True, False)],
}

Decisions = dict[str, tuple[Any, bool]]  # by name of the setting: value, locked


def decisions(*, lockable: bool) -> st.SearchStrategy[Decisions]:
    locks = st.booleans() if lockable else st.just(False)
    return st.fixed_dictionaries(
        {}, optional={name: st.tuples(st.sampled_from(values), locks) for name, values in VALUES.items()}
    )


@dataclass(frozen=True)
class Organisation:
    """On paper: who is in which group, and what was decided where."""

    account: Decisions
    # The rank is the place in the list, spread out and shuffled by `ranks`.
    groups: list[Decisions]
    ranks: list[int]
    people: list[Decisions]
    members: set[tuple[int, int]] = field(default_factory=set)

    def holds(self, person: int, name: str) -> Any:
        """Straight down the text: a lock of the account; else of the group that speaks; else the nearest choice."""
        of_account = self.account.get(name)
        mine = [group for group in range(len(self.groups)) if (group, person) in self.members]
        speaking = sorted((self.ranks[g], g) for g in mine if name in self.groups[g])
        of_group = self.groups[speaking[0][1]][name] if speaking else None
        for decision in (of_account, of_group):
            if decision and decision[1]:
                return decision[0]
        for decision in (self.people[person].get(name), of_group, of_account):
            if decision:
                return decision[0]
        return getattr(Trial(), name)


@st.composite
def organisations(draw: st.DrawFn) -> Organisation:
    groups = draw(st.lists(decisions(lockable=True), max_size=4))
    people = draw(st.lists(decisions(lockable=False), min_size=1, max_size=4))
    places = [(group, person) for group in range(len(groups)) for person in range(len(people))]
    return Organisation(
        account=draw(decisions(lockable=True)),
        groups=groups,
        ranks=draw(st.permutations([1024 * n for n in range(len(groups))])),
        people=people,
        members=draw(st.sets(st.sampled_from(places))) if places else set(),
    )


def decide(at: dict[str, Any], decided: Decisions) -> None:
    for name, (value, is_locked) in decided.items():
        stored = next(s for s in settings_of(Trial) if s.name == name).to_json(value)
        SettingDecision.objects.create(**at, key=f"trial.{name}", value=stored, is_locked=is_locked, decided_at=FOUNDED)


def founded(paper: Organisation) -> tuple[Account, list[User]]:
    account = Account.objects.create(name="On paper", created_at=FOUNDED)
    decide({"account": account}, paper.account)
    people = crowd(account, len(paper.people))
    for person, decided in zip(people, paper.people, strict=True):
        decide({"user": person}, decided)
    for number, (decided, rank) in enumerate(zip(paper.groups, paper.ranks, strict=True)):
        group = Group.objects.create(account=account, name=f"Group {number}", rank=rank, created_at=FOUNDED)
        decide({"group": group}, decided)
        for person_number, person in enumerate(people):
            if (number, person_number) in paper.members:
                Membership.objects.create(group=group, user=person)
    return account, people


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(organisations())
def test_all_readers_agree_with_the_naive_oracle(paper: Organisation) -> None:
    with transaction.atomic():
        account, people = founded(paper)

        one_by_one = {person.pk: effective(Trial, person) for person in people}
        together = effective_of(Trial, User.objects.of(account))
        top = of_account(Trial, account)

        assert one_by_one == together
        for number, person in enumerate(people):
            for name in VALUES:
                assert getattr(together[person.pk], name) == paper.holds(number, name), (name, number)
        for name in VALUES:
            assert getattr(top, name) == paper.account.get(name, (getattr(Trial(), name), False))[0]
        transaction.set_rollback(True)


def test_without_any_decision_the_defaults_hold(kestrel: Account, alice: User) -> None:
    assert effective(Trial, alice) == of_account(Trial, kestrel) == Trial()


def test_decisions_of_another_account_are_not_read(corvid: Account, alice: User, mallory: User) -> None:
    decide({"account": corvid}, {"switch": (False, True)})
    decide({"user": mallory}, {"switch": (False, False)})

    assert effective(Trial, alice).switch is True
    assert effective_of(Trial, User.objects.of(alice.account))[alice.pk].switch is True


def test_a_decision_says_where_it_was_made_by_whom_and_when(sales: Group, alice: User, gus: User) -> None:
    SettingDecision.objects.create(
        group=sales, key="trial.switch", value=False, is_locked=True, decided_by=gus, decided_at=FOUNDED
    )

    made = chains_of(alice, settings_of(Trial))["trial.switch"][1]

    assert made is not None
    assert (made.value, made.is_locked, made.level.value, made.place, made.by, made.at, made.rank) == (
        False,
        True,
        "group",
        "Sales",
        gus,
        FOUNDED,
        1024,
    )


def test_a_stored_value_that_fits_no_declaration_is_an_error_that_names_its_key(kestrel: Account) -> None:
    SettingDecision.objects.create(account=kestrel, key="trial.switch", value="yes", decided_at=FOUNDED)

    with pytest.raises(ValueError, match=r"trial\.switch"):
        decisions_at(kestrel, settings_of(Trial))


def test_nobody_costs_one_query_and_has_no_values(
    kestrel: Account, django_assert_num_queries: Callable[..., Any]
) -> None:
    with django_assert_num_queries(1):
        assert effective_of(Trial, User.objects.of(kestrel)) == {}


@pytest.mark.parametrize("size", [3, 60])
def test_one_person_costs_one_query_and_everybody_four_at_any_size(
    size: int, kestrel: Account, sales: Group, django_assert_num_queries: Callable[..., Any]
) -> None:
    people = crowd(kestrel, size, group=sales)
    everybody = Group.objects.create(account=kestrel, name="Everybody", rank=512, created_at=FOUNDED)
    Membership.objects.bulk_create(Membership(group=everybody, user=person) for person in people)
    decide({"account": kestrel}, {"switch": (True, False)})
    decide({"group": sales}, {"switch": (False, True), "paint": (Paint(glossy=True), False)})
    decide({"group": everybody}, {"paint": (Paint(), False)})
    for person in people:
        decide({"user": person}, {"switch": (True, False)})
    someone = User.objects.get(pk=people[0].pk)

    with django_assert_num_queries(1):
        assert effective(Trial, someone) == Trial(switch=False, paint=Paint())
    with django_assert_num_queries(4):
        everybodys = effective_of(Trial, User.objects.of(kestrel))

    assert set(everybodys.values()) == {Trial(switch=False, paint=Paint())}
    assert len(everybodys) == size
