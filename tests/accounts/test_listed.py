from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import listed
from accounts.models import Account, User
from tests.cast import crowd

pytestmark = pytest.mark.django_db


def test_more_people_than_a_statement_has_parameters_are_found_in_one_query(kestrel: Account) -> None:
    people = crowd(kestrel, 20)
    wanted = [person.pk for person in people[:10]]

    with CaptureQueriesContext(connection) as captured:
        found = set(User.objects.filter(pk__in=listed.ids([*wanted, *range(-300_000, 0)])))

    assert found == set(people[:10])
    assert len(captured) == 1


@pytest.mark.parametrize("word", ["m0@crowd.example", "zoë", "a'b", 'a"b', "a%b", "a%sb", "\\", "{}", "", "\u2028"])
def test_a_word_is_found_whatever_is_in_it(kestrel: Account, word: str) -> None:
    User.objects.create(account=kestrel, email="one@kestrel.example", name=word)
    User.objects.create(account=kestrel, email="two@kestrel.example", name="another")

    found = User.objects.filter(name__in=listed.words([word, "nobody"]))

    assert [person.email for person in found] == ["one@kestrel.example"]


def test_of_none_nobody_is_found(kestrel: Account) -> None:
    crowd(kestrel, 1)

    assert not User.objects.filter(pk__in=listed.ids([])).exists()
    assert not User.objects.filter(name__in=listed.words([])).exists()
