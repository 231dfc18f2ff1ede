"""What the readers promise besides the right answer, which test_agreement.py is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.cascade.declare import settings_of
from accounts.cascade.read import chains_of, decisions_at, effective, effective_of, held, level_of, of_account
from accounts.models import Account, Group, Membership, SettingDecision, User
from tests.accounts.cascade.oracle import Choice
from tests.accounts.cascade.trial import Paint, Trial, decision
from tests.cast import FOUNDED, crowd

pytestmark = pytest.mark.django_db


def decide(at: Account | Group | User, decided: dict[str, Choice]) -> None:
    by_name = {setting.name: setting for setting in settings_of(Trial)}
    of = {level_of(at).value: at}
    SettingDecision.objects.bulk_create(decision(by_name[name], choice, **of) for name, choice in decided.items())


def test_without_any_decision_the_defaults_hold(kestrel: Account, alice: User) -> None:
    assert effective(Trial, alice) == of_account(Trial, kestrel) == Trial()


def test_decisions_of_another_account_are_not_read(corvid: Account, alice: User, mallory: User) -> None:
    decide(corvid, {"switch": Choice(False, is_locked=True)})
    decide(mallory, {"switch": Choice(False)})

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
    decide(kestrel, {"switch": Choice(True)})
    decide(sales, {"switch": Choice(False, is_locked=True), "paint": Choice(Paint(glossy=True))})
    decide(everybody, {"paint": Choice(Paint())})
    for person in people:
        decide(person, {"switch": Choice(True)})
    someone = User.objects.get(pk=people[0].pk)

    with django_assert_num_queries(1):
        assert effective(Trial, someone) == Trial(switch=False, paint=Paint())
    with django_assert_num_queries(1):
        assert held(Trial, someone).locked == {"switch"}
    with django_assert_num_queries(4):
        everybodys = effective_of(Trial, User.objects.of(kestrel))

    assert set(everybodys.values()) == {Trial(switch=False, paint=Paint())}
    assert len(everybodys) == size
