from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import groups, people
from accounts.cascade import write
from accounts.groups import Joining
from accounts.models import AuditEntry, Group, Membership, Role, User
from tests.at_once import at_once
from tests.cast import FOUNDED, Cast, crowd, joined

NOW = FOUNDED + timedelta(days=30)


def _last_entry() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


def _primary(person: User) -> str | None:
    chosen = person.memberships.filter(is_primary=True).select_related("group").first()
    return chosen.group.name if chosen else None


def test_adding_and_removing_are_recorded_by_name(cast: Cast) -> None:
    groups.add_members(cast.sales, [cast.bob.pk], actor=cast.gus, now=NOW)
    added = _last_entry()
    groups.remove_members(cast.sales, [cast.bob.pk], actor=cast.gus, now=NOW)
    removed = _last_entry()

    assert (added.action, added.actor, added.after) == ("group.member_added", cast.gus, {"person": "Bob"})
    assert (removed.action, removed.before) == ("group.member_removed", {"person": "Bob"})
    assert not cast.bob.memberships.exists()


def test_adding_twice_is_no_second_change(cast: Cast) -> None:
    groups.add_members(cast.sales, [cast.alice.pk], actor=cast.dana, now=NOW)

    assert cast.alice.memberships.count() == 1
    assert not AuditEntry.objects.exists()


def test_a_stranger_cannot_be_added(cast: Cast) -> None:
    with pytest.raises(groups.Stranger):
        groups.add_members(cast.sales, [cast.mallory.pk], actor=cast.dana, now=NOW)

    assert not cast.mallory.memberships.exists()


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_a_group_admin_does_not_draw_those_he_answers_to_into_his_group(role: Role, cast: Cast) -> None:
    above = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=role)

    with pytest.raises(groups.AboveGroupAdmins):
        groups.add_members(cast.sales, [above.pk], actor=cast.gus, now=NOW)

    assert not above.memberships.exists()
    groups.add_members(cast.sales, [above.pk], actor=cast.dana, now=NOW)
    assert above.memberships.exists()


def test_who_became_an_admin_while_the_page_was_open_is_not_added_by_a_group_admin(cast: Cast) -> None:
    stale = User.objects.get(pk=cast.bob.pk)
    people.change_role(cast.bob, role="admin", actor=cast.dana, now=NOW)

    with pytest.raises(groups.AboveGroupAdmins):
        groups.add_members(cast.sales, [stale.pk], actor=cast.gus, now=NOW)


@pytest.mark.parametrize("actor", ["dana", "gus"])
def test_nobody_adds_somebody_who_is_deactivated(actor: str, cast: Cast) -> None:
    stale = User.objects.get(pk=cast.bob.pk)
    people.deactivate(cast.bob, actor=cast.dana, now=NOW)

    with pytest.raises(groups.Deactivated):
        groups.add_members(cast.sales, [stale.pk], actor=getattr(cast, actor), now=NOW)

    assert not cast.bob.memberships.exists()


def test_who_is_invited_but_has_not_joined_can_be_added(cast: Cast) -> None:
    nia = people.invite(
        account=cast.kestrel, email="nia@kestrel.example", name="", role="member", actor=cast.dana, now=NOW
    ).person

    groups.add_members(cast.sales, [nia.pk], actor=cast.gus, now=NOW)

    assert nia.memberships.exists()


def test_whose_invitation_was_withdrawn_meanwhile_cannot_be_added(cast: Cast) -> None:
    nia = people.invite(
        account=cast.kestrel, email="nia@kestrel.example", name="", role="member", actor=cast.dana, now=NOW
    ).person
    people.withdraw(User.objects.get(pk=nia.pk), actor=cast.dana, now=NOW)

    with pytest.raises(people.PersonGone):
        groups.add_members(cast.sales, [nia.pk], actor=cast.gus, now=NOW)


@pytest.mark.parametrize("change", [groups.appoint_admin, groups.dismiss_admin])
def test_who_is_not_in_the_group_cannot_be_changed_there(cast: Cast, change: Callable[..., None]) -> None:
    with pytest.raises(groups.NotAMember):
        change(cast.sales, cast.bob, actor=cast.dana, now=NOW)
    with pytest.raises(groups.NotAMember):
        groups.remove_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW)

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("change", [groups.appoint_admin, groups.dismiss_admin])
def test_only_admins_of_the_account_appoint_and_dismiss_group_admins(cast: Cast, change: Callable[..., None]) -> None:
    before = list(Membership.objects.order_by("pk").values())

    for person in (cast.alice, cast.gus):
        with pytest.raises(people.NotAllowed):
            change(cast.sales, person, actor=cast.gus, now=NOW)

    assert list(Membership.objects.order_by("pk").values()) == before


def test_a_group_admin_cannot_dismiss_another_one_by_removing_him(cast: Cast) -> None:
    groups.appoint_admin(cast.sales, cast.alice, actor=cast.dana, now=NOW)

    with pytest.raises(people.NotAllowed):
        groups.remove_members(cast.sales, [cast.alice.pk], actor=cast.gus, now=NOW)

    assert Membership.objects.get(user=cast.alice).is_admin


def test_appointing_and_dismissing_are_recorded(cast: Cast) -> None:
    groups.appoint_admin(cast.sales, cast.alice, actor=cast.dana, now=NOW)
    groups.appoint_admin(cast.sales, cast.alice, actor=cast.dana, now=NOW)
    groups.dismiss_admin(cast.sales, cast.alice, actor=cast.dana, now=NOW)

    entries = list(AuditEntry.objects.order_by("pk").values_list("action", "before", "after"))
    assert entries == [
        ("group.admin_appointed", None, {"person": "Alice"}),
        ("group.admin_dismissed", {"person": "Alice"}, None),
    ]


def test_a_dismissed_group_admin_is_refused_though_his_page_is_still_open(cast: Cast) -> None:
    groups.dismiss_admin(cast.sales, cast.gus, actor=cast.dana, now=NOW)

    with pytest.raises(people.NotAllowed):
        groups.add_members(cast.sales, [cast.bob.pk], actor=cast.gus, now=NOW)


def test_a_group_that_was_deleted_meanwhile_is_not_found(cast: Cast) -> None:
    stale = Group.objects.get(pk=cast.sales.pk)
    groups.delete(cast.sales, actor=cast.dana, now=NOW)

    with pytest.raises(Http404):
        groups.add_members(stale, [cast.bob.pk], actor=cast.dana, now=NOW)


# ── Many at once ────────────────────────────────────────────────────────────
def test_it_is_said_of_each_what_became_of_it_and_each_has_an_entry(cast: Cast) -> None:
    asked = [cast.alice.pk, cast.bob.pk, cast.wilhelmina.pk, cast.bob.pk]

    outcomes = groups.add_members(cast.sales, asked, actor=cast.dana, now=NOW, reason="The new region", affected=1)

    assert outcomes == {
        cast.alice.pk: Joining.WAS_THERE,
        cast.bob.pk: Joining.JOINED,
        cast.wilhelmina.pk: Joining.JOINED,
    }
    entries = AuditEntry.objects.order_by("pk").values_list("action", "about_id", "reason", "affected", "level")
    assert list(entries) == [
        ("group.member_added", person.pk, "The new region", 1, "group") for person in (cast.bob, cast.wilhelmina)
    ]


def test_where_one_cannot_be_added_nobody_is(cast: Cast) -> None:
    with pytest.raises(groups.Stranger):
        groups.add_members(cast.sales, [cast.bob.pk, cast.mallory.pk], actor=cast.dana, now=NOW)
    with pytest.raises(people.PersonGone):
        groups.add_members(cast.sales, [cast.bob.pk, 10**9], actor=cast.dana, now=NOW)

    assert not cast.bob.memberships.exists()
    assert not AuditEntry.objects.exists()


def test_where_one_is_a_group_admin_another_group_admin_removes_nobody(cast: Cast) -> None:
    groups.appoint_admin(cast.sales, cast.alice, actor=cast.dana, now=NOW)
    groups.add_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW)

    with pytest.raises(people.NotAllowed):
        groups.remove_members(cast.sales, [cast.bob.pk, cast.alice.pk], actor=cast.gus, now=NOW)

    assert set(cast.sales.memberships.values_list("user", flat=True)) == {cast.gus.pk, cast.alice.pk, cast.bob.pk}


def test_who_is_not_there_is_left_out_of_those_removed(cast: Cast) -> None:
    removed = groups.remove_members(cast.sales, [cast.bob.pk, cast.alice.pk], actor=cast.gus, now=NOW, reason="Left")

    assert removed == [cast.alice.pk]
    assert (_last_entry().before, _last_entry().reason) == ({"person": "Alice"}, "Left")


def test_many_are_added_and_removed_with_as_many_questions_as_few(cast: Cast) -> None:
    many = [person.pk for person in crowd(cast.kestrel, 200)]
    few, rest = many[:3], many[3:]

    def asked(change: Callable[..., object], people: list[int]) -> int:
        with CaptureQueriesContext(connection) as queries:
            change(cast.sales, people, actor=cast.dana, now=NOW)
        # SQLite writes only so many rows with one statement.
        return sum(not query["sql"].startswith("INSERT") for query in queries)

    added = [asked(groups.add_members, people) for people in (few, rest)]
    removed = [asked(groups.remove_members, people) for people in (few, rest)]

    assert added[0] == added[1] <= 14
    assert removed[0] == removed[1] <= 12


@pytest.mark.django_db(transaction=True)
def test_who_acts_on_settings_is_told_once_it_is_sure(cast: Cast) -> None:
    told: list[object] = []

    def note(**said: object) -> None:
        told.append(said["account"])

    write.placed.connect(note)
    try:
        groups.add_members(cast.sales, [cast.bob.pk, cast.wilhelmina.pk], actor=cast.dana, now=NOW)
        groups.add_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW)
        groups.remove_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW)
    finally:
        write.placed.disconnect(note)

    assert told == [cast.kestrel, cast.kestrel]


# ── The primary group ───────────────────────────────────────────────────────
@pytest.fixture
def engineering(cast: Cast) -> Group:
    return groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)


def test_the_group_joined_first_is_the_primary_one(cast: Cast, engineering: Group) -> None:
    groups.add_members(engineering, [cast.bob.pk, cast.alice.pk], actor=cast.dana, now=NOW)
    groups.add_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW)

    assert (_primary(cast.bob), _primary(cast.alice)) == ("Engineering", "Sales")


def test_the_first_group_of_an_invitation_is_the_primary_one(cast: Cast, engineering: Group) -> None:
    nia = people.invite(
        account=cast.kestrel,
        email="nia@kestrel.example",
        name="",
        role="member",
        groups=[engineering, cast.sales],
        actor=cast.dana,
        now=NOW,
    ).person

    assert _primary(nia) == "Engineering"
    assert nia.memberships.count() == 2


def test_without_it_the_one_joined_longest_ago_takes_its_place(cast: Cast, engineering: Group) -> None:
    support = groups.create(account=cast.kestrel, name="Support", actor=cast.dana, now=NOW)
    for group in (support, engineering):
        groups.add_members(group, [cast.alice.pk], actor=cast.dana, now=NOW)

    groups.remove_members(cast.sales, [cast.alice.pk], actor=cast.dana, now=NOW)

    assert _primary(cast.alice) == "Support"
    groups.remove_members(engineering, [cast.alice.pk], actor=cast.dana, now=NOW)
    assert _primary(cast.alice) == "Support"


def test_when_the_group_is_deleted_everybody_in_it_gets_another_if_there_is_one(cast: Cast, engineering: Group) -> None:
    groups.add_members(engineering, [cast.alice.pk], actor=cast.dana, now=NOW)

    groups.delete(cast.sales, actor=cast.dana, now=NOW)

    assert (_primary(cast.alice), _primary(cast.gus)) == ("Engineering", None)


def test_another_one_is_chosen_and_recorded(cast: Cast, engineering: Group) -> None:
    groups.add_members(engineering, [cast.alice.pk], actor=cast.dana, now=NOW)

    groups.choose_primary(cast.alice, engineering, actor=cast.dana, now=NOW)
    again = groups.choose_primary(cast.alice, engineering, actor=cast.dana, now=NOW)

    assert _primary(cast.alice) == "Engineering"
    assert again is None
    entry = AuditEntry.objects.get(action="person.primary_group_chosen")
    assert (entry.before, entry.after) == ({"primary_group": "Sales"}, {"primary_group": "Engineering"})
    assert (entry.target_name, entry.about_id) == ("Alice", cast.alice.pk)


def test_a_group_the_person_is_not_in_cannot_be_primary(cast: Cast, engineering: Group) -> None:
    with pytest.raises(groups.NotAMember):
        groups.choose_primary(cast.alice, engineering, actor=cast.dana, now=NOW)

    assert _primary(cast.alice) == "Sales"


def test_a_group_admin_chooses_nobodys_primary_group(cast: Cast) -> None:
    with pytest.raises(people.NotAllowed):
        groups.choose_primary(cast.alice, cast.sales, actor=cast.gus, now=NOW)


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "choose", "delete"]), st.integers(0, 2), st.integers(0, 2)), max_size=20
)


@given(steps=STEPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_who_is_in_a_group_has_one_primary_group_and_keeps_it(
    cast: Cast, steps: list[tuple[str, int, int]]
) -> None:
    Group.objects.filter(account=cast.kestrel).delete()
    made = [Group.objects.create(account=cast.kestrel, name=f"G{n}", rank=n, created_at=NOW) for n in range(3)]
    persons = [cast.alice, cast.bob, cast.wilhelmina]
    joined_in_order: dict[User, list[Group]] = {person: [] for person in persons}
    primary: dict[User, Group | None] = dict.fromkeys(persons)

    for what, g, p in steps:
        group, person = made[g], persons[p]
        if what == "add":
            groups.add_members(group, [person.pk], actor=None, now=NOW)
            joined_in_order[person] += [group] * (group not in joined_in_order[person])
        elif what == "delete":
            groups.delete(group, actor=None, now=NOW)
            joined_in_order = {one: [g for g in those if g != group] for one, those in joined_in_order.items()}
            made[g] = Group.objects.create(account=cast.kestrel, name=group.name, rank=10 + g, created_at=NOW)
        elif group in joined_in_order[person] and what == "remove":
            groups.remove_members(group, [person.pk], actor=None, now=NOW)
            joined_in_order[person].remove(group)
        elif group in joined_in_order[person]:
            groups.choose_primary(person, group, actor=None, now=NOW)
            primary[person] = group
        for one, those in joined_in_order.items():
            if primary[one] not in those:
                primary[one] = those[0] if those else None

        for one in persons:
            found = list(Membership.objects.filter(user=one, is_primary=True).values_list("group", flat=True))
            expected = primary[one]
            assert found == ([expected.pk] if expected else [])


# ── At once ─────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_joining_two_groups_at_once_gives_one_primary_group(attempt: int, cast: Cast, engineering: Group) -> None:
    failures = at_once(
        lambda: groups.add_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW),
        lambda: groups.add_members(engineering, [cast.bob.pk], actor=cast.dana, now=NOW),
    )

    assert failures == []
    assert cast.bob.memberships.count() == 2
    assert cast.bob.memberships.filter(is_primary=True).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_leaving_one_group_while_another_is_deleted_leaves_the_third_as_the_primary_one(
    attempt: int, cast: Cast, engineering: Group
) -> None:
    support = groups.create(account=cast.kestrel, name="Support", actor=cast.dana, now=NOW)
    for group in (engineering, support):
        groups.add_members(group, [cast.alice.pk], actor=cast.dana, now=NOW)

    failures = at_once(
        lambda: groups.remove_members(cast.sales, [cast.alice.pk], actor=cast.dana, now=NOW),
        lambda: groups.delete(engineering, actor=cast.dana, now=NOW),
    )

    assert failures == []
    assert _primary(cast.alice) == "Support"
    assert cast.alice.memberships.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_who_is_added_twice_at_once_is_in_it_once_with_one_entry(attempt: int, cast: Cast) -> None:
    def add() -> None:
        groups.add_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW)

    failures = at_once(add, add, add)

    assert failures == []
    assert cast.bob.memberships.count() == 1
    assert AuditEntry.objects.filter(action="group.member_added").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_who_is_deactivated_while_being_added_is_in_or_out_and_nothing_breaks(attempt: int, cast: Cast) -> None:
    failures = at_once(
        lambda: people.deactivate(cast.bob, actor=cast.dana, now=NOW),
        lambda: groups.add_members(cast.sales, [cast.bob.pk], actor=cast.dana, now=NOW),
    )

    assert all(isinstance(failure, groups.Deactivated) for failure in failures)
    assert cast.bob.memberships.exists() is (failures == [])
    assert not User.objects.get(pk=cast.bob.pk).is_active
