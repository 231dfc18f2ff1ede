"""What people of several accounts hold, read together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.cascade.across import held_by_each
from accounts.cascade.read import held
from accounts.models import Account, Group, User
from integrations.preferences import Integrations
from tests.cast import crowd
from tests.integrations.tied import set_to

pytestmark = pytest.mark.django_db


def test_each_holds_what_is_read_for_them_alone(
    kestrel: Account, corvid: Account, sales: Group, alice: User, bob: User, mallory: User, dana: User
) -> None:
    set_to("enabled", False, at=kestrel, by=dana)
    set_to("enabled", True, at=sales, by=dana, is_locked=True)
    set_to("grace", 3, at=kestrel, by=dana)
    set_to("enabled", True, at=bob, by=dana)
    people = [alice, bob, mallory, dana]

    found = held_by_each(Integrations, {person.pk for person in people})

    assert found == {person.pk: held(Integrations, person) for person in people}
    assert [found[person.pk].values.enabled for person in people] == [True, True, True, False]


def test_those_who_hold_the_same_share_one_object(kestrel: Account) -> None:
    people = [person.pk for person in crowd(kestrel, 5)]

    found = held_by_each(Integrations, people)

    assert len({id(holding) for holding in found.values()}) == 1


@pytest.mark.parametrize("count", [5, 500])
def test_it_costs_one_query(
    count: int, kestrel: Account, corvid: Account, django_assert_num_queries: Callable[..., Any]
) -> None:
    people = [person.pk for person in (*crowd(kestrel, count), *crowd(corvid, count))]

    with django_assert_num_queries(1):
        held_by_each(Integrations, people)
