"""What holds, as part of a query: that the readers of many agree is in `test_agreement`; here, how it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.cascade import facts
from accounts.cascade.declare import BadValue, setting_of, settings_of
from accounts.cascade.querying import holding, with_value
from accounts.cascade.read import effective
from accounts.models import Account, Group, Membership, SettingDecision, User
from tests.accounts.cascade.oracle import Choice, Organization
from tests.accounts.cascade.trial import DEFAULTS, VALUES, Paint, Shade, Trial, decision, found
from tests.cast import FOUNDED, crowd

pytestmark = pytest.mark.django_db

BY_KEY = {one.key: one for one in settings_of(Trial)}
SWITCH, PAINT, DAYS = (setting_of(Trial, name) for name in ("switch", "paint", "days"))

Counting = Callable[..., Any]


def decide(setting: Any, value: Any, *, is_locked: bool = False, **at: Any) -> None:
    decision(setting, Choice(value, is_locked), **at).save()


def grouped(account: Account, *ranked: list[User]) -> list[Group]:
    """Groups of these people, P1 first."""
    made = []
    for place, people in enumerate(ranked):
        group = Group.objects.create(account=account, name=f"Ranked {place}", rank=5000 + place, created_at=FOUNDED)
        Membership.objects.bulk_create(Membership(group=group, user=person) for person in people)
        made.append(group)
    return made


def ids(people: Any) -> list[int]:
    return sorted(people.values_list("pk", flat=True))


# ── The rule ────────────────────────────────────────────────────────────────
def test_nobody_has_decided_so_the_default_holds(kestrel: Account) -> None:
    people = crowd(kestrel, 3)

    everybody = with_value(User.objects.all(), PAINT, account=kestrel)

    assert {person.value for person in everybody} == {Paint()}
    assert ids(holding(User.objects.all(), PAINT, Paint(), account=kestrel)) == sorted(one.pk for one in people)
    assert ids(holding(User.objects.all(), PAINT, Paint(glossy=True), account=kestrel)) == []


def test_the_best_ranked_group_that_has_decided_speaks_and_only_it_can_lock(kestrel: Account) -> None:
    one, both, lower = crowd(kestrel, 3)
    silent, high, low = grouped(kestrel, [one, both, lower], [one, both], [both, lower])
    decide(DAYS, 10, group=high)
    decide(DAYS, 20, group=low, is_locked=True)
    for person in (one, both, lower):
        decide(DAYS, 30, user=person)

    days = dict(with_value(User.objects.all(), DAYS, account=kestrel).values_list("pk", "value"))

    assert silent.rank < high.rank
    assert days == {one.pk: 30, both.pk: 30, lower.pk: 20}


def test_what_sleeps_under_a_lock_of_the_account_does_not_count(kestrel: Account) -> None:
    person, other = crowd(kestrel, 2)
    [group] = grouped(kestrel, [person, other])
    decide(DAYS, 1, account=kestrel, is_locked=True)
    decide(DAYS, 2, group=group, is_locked=True)
    decide(DAYS, 3, user=person)

    assert ids(holding(User.objects.all(), DAYS, 1, account=kestrel)) == [person.pk, other.pk]
    for asleep in (2, 3):
        assert ids(holding(User.objects.all(), DAYS, asleep, account=kestrel)) == []


choices = {
    locks: st.fixed_dictionaries(
        {},
        optional={
            key: st.builds(Choice, st.sampled_from(values), st.booleans() if locks else st.just(False))
            for key, values in VALUES.items()
        },
    )
    for locks in (True, False)
}


@st.composite
def organizations(draw: st.DrawFn) -> Organization:
    groups, people = draw(st.integers(0, 3)), draw(st.integers(1, 5))
    places = [(group, person) for group in range(groups) for person in range(people)]
    return Organization(
        defaults=DEFAULTS,
        account=draw(choices[True]),
        groups={group: draw(choices[True]) for group in range(groups)},
        order=draw(st.permutations(range(groups))),
        people={person: draw(choices[False]) for person in range(people)},
        members=draw(st.sets(st.sampled_from(places))) if places else set(),
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(organizations())
def test_a_query_says_of_everybody_what_asking_one_by_one_says(paper: Organization) -> None:
    with transaction.atomic():
        founded = found(paper, BY_KEY)
        one_by_one = {person.pk: effective(Trial, person) for person in founded.people.values()}
        held = facts.load(founded.account, settings_of(Trial)).held(Trial)

        everybody = User.objects.all()
        for setting in settings_of(Trial):
            everybody = with_value(everybody, setting, account=founded.account, name=f"the_{setting.name}")
        asked_together = {
            person.pk: Trial(**{setting.name: getattr(person, f"the_{setting.name}") for setting in settings_of(Trial)})
            for person in everybody
        }

        assert asked_together == one_by_one == {person: of.values for person, of in held.items()}
        transaction.set_rollback(True)


# ── Whose ───────────────────────────────────────────────────────────────────
def test_nobody_of_another_account_is_listed_and_nothing_decided_there_counts(
    kestrel: Account, corvid: Account
) -> None:
    [mine], [theirs] = crowd(kestrel, 1), crowd(corvid, 1)
    [group] = grouped(corvid, [theirs])
    decide(SWITCH, value=False, account=corvid, is_locked=True)
    decide(SWITCH, value=False, group=group)
    decide(SWITCH, value=False, user=theirs)

    listed = with_value(User.objects.all(), SWITCH, account=kestrel)

    assert dict(listed.values_list("pk", "value")) == {mine.pk: True}
    assert ids(holding(User.objects.all(), SWITCH, value=True, account=kestrel)) == [mine.pk]
    assert ids(holding(User.objects.all(), SWITCH, value=True, account=corvid)) == []
    assert ids(holding(User.objects.filter(account=corvid), SWITCH, value=True, account=kestrel)) == []


# ── As part of other queries ────────────────────────────────────────────────
def test_it_adds_no_query_whatever_is_done_with_it(kestrel: Account, django_assert_num_queries: Counting) -> None:
    people = crowd(kestrel, 4)
    grouped(kestrel, people)

    for use, answer in [
        (len, 4),
        (lambda found: found.count(), 4),
        (lambda found: found.exists(), True),
        (lambda found: [person.value for person in found.order_by("-pk")[:2]], [7, 7]),
    ]:
        with django_assert_num_queries(1):
            assert (
                use(with_value(holding(User.objects.all(), DAYS, 7, account=kestrel), DAYS, account=kestrel)) == answer
            )


def test_it_may_stand_inside_another_query(kestrel: Account) -> None:
    first, second, third = crowd(kestrel, 3)
    [group] = grouped(kestrel, [first, second])
    decide(DAYS, 3, group=group)
    decide(DAYS, 5, user=second)
    decide(SWITCH, value=False, user=first)

    with_three = holding(User.objects.all(), DAYS, 3, account=kestrel)

    assert ids(Membership.objects.filter(user__in=with_three)) == ids(first.memberships)
    assert ids(User.objects.filter(account=kestrel).exclude(pk__in=with_three)) == [second.pk, third.pk]
    assert ids(holding(with_three, SWITCH, value=False, account=kestrel)) == [first.pk]
    assert ids(holding(with_three, SWITCH, value=True, account=kestrel)) == []
    members = User.objects.filter(memberships__group=group)
    assert ids(holding(members, DAYS, 5, account=kestrel)) == [second.pk]
    # Sorted by what holds.
    by_days = with_value(members, DAYS, account=kestrel).order_by("-value")
    assert [person.value for person in by_days] == [5, 3]


# ── Values ──────────────────────────────────────────────────────────────────
def test_values_compare_as_json_so_that_true_is_not_one(kestrel: Account) -> None:
    [person] = crowd(kestrel, 1)
    decide(DAYS, 1, user=person)

    assert ids(holding(User.objects.all(), DAYS, 1, account=kestrel)) == [person.pk]
    assert ids(holding(User.objects.all(), DAYS, value=True, account=kestrel)) == []


def test_a_composite_equals_another_in_all_its_fields(kestrel: Account) -> None:
    glossy, plain = crowd(kestrel, 2)
    decide(PAINT, Paint(Shade.DARK, glossy=True, words=("möwe", "“quoted”")), user=glossy)
    decide(PAINT, Paint(Shade.DARK, words=("möwe", "“quoted”")), user=plain)

    same = holding(User.objects.all(), PAINT, Paint(Shade.DARK, True, ("möwe", "“quoted”")), account=kestrel)

    assert ids(same) == [glossy.pk]
    assert with_value(same, PAINT, account=kestrel).get().value == Paint(Shade.DARK, True, ("möwe", "“quoted”"))


def test_a_stored_value_that_fits_no_declaration_is_an_error_that_names_its_key(kestrel: Account) -> None:
    [person] = crowd(kestrel, 1)
    SettingDecision.objects.create(user=person, key=DAYS.key, value="many", decided_at=FOUNDED)

    with pytest.raises(BadValue, match=r"trial\.days"):
        list(with_value(User.objects.all(), DAYS, account=kestrel))
