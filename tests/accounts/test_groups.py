from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import groups, people
from accounts.models import Account, AuditEntry, Group, Membership, Role, SettingDecision, User
from tests.cast import FOUNDED, Cast, ClientOf, crowd, joined

NOW = FOUNDED + timedelta(days=30)


def _last_entry() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


# ── Rank and name ───────────────────────────────────────────────────────────
def test_a_new_group_is_ranked_last_with_room_before_it(cast: Cast) -> None:
    first = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    second = groups.create(account=cast.kestrel, name="Support", actor=cast.dana, now=NOW)

    ranked: Any = groups.ranked(Group.objects.filter(account=cast.kestrel))
    assert [(group.name, group.position) for group in ranked] == [("Sales", 1), ("Engineering", 2), ("Support", 3)]
    assert second.rank - first.rank > 1
    assert (_last_entry().action, _last_entry().target_name) == ("group.created", "Support")


def test_the_position_counts_all_groups_of_the_account_even_when_few_are_shown(cast: Cast) -> None:
    groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.create(account=cast.corvid, name="Rooks", actor=cast.mallory, now=NOW)

    shown: Any = groups.ranked(Group.objects.filter(name__in=["Engineering", "Rooks"]).order_by("name"))

    assert {group.name: group.position for group in shown} == {"Engineering": 2, "Rooks": 1}


@pytest.mark.parametrize("name", ["Sales", "SALES"])
def test_a_name_exists_once_within_an_account(cast: Cast, name: str) -> None:
    with pytest.raises(groups.NameTaken):
        groups.create(account=cast.kestrel, name=name, actor=cast.dana, now=NOW)

    assert Group.objects.count() == 1
    assert not AuditEntry.objects.exists()
    assert groups.create(account=cast.corvid, name=name, actor=cast.mallory, now=NOW).account == cast.corvid


def test_renaming_records_both_names(cast: Cast) -> None:
    groups.rename(cast.sales, name="SALES", actor=cast.dana, now=NOW)

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == ("group.renamed", {"name": "Sales"}, {"name": "SALES"})


def test_renaming_to_a_taken_name_changes_nothing(cast: Cast) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    with pytest.raises(groups.NameTaken):
        groups.rename(other, name="sales", actor=cast.dana, now=NOW)

    assert Group.objects.get(pk=other.pk).name == "Engineering"
    assert _last_entry().action == "group.created"


@pytest.mark.django_db(transaction=True)
def test_groups_created_at_the_same_moment_get_different_ranks(cast: Cast) -> None:
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def create(name: str) -> None:
        start.wait(10)
        try:
            groups.create(account=cast.kestrel, name=name, actor=cast.dana, now=NOW)
        except Exception as failure:  # noqa: BLE001  whatever it was, the test fails by it
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=create, args=(f"G{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert len(set(Group.objects.filter(account=cast.kestrel).values_list("rank", flat=True))) == 5


def test_deleting_takes_its_decisions_along_and_leaves_the_people(cast: Cast) -> None:
    SettingDecision.objects.create(group=cast.sales, key="k", value=True, decided_at=NOW)

    left = groups.delete(cast.sales, actor=cast.dana, now=NOW)

    assert left == 2
    assert not Group.objects.exists()
    assert not SettingDecision.objects.exists()
    assert User.objects.filter(account=cast.kestrel).count() == 5
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_name, entry.before) == ("group.deleted", "Sales", {"people": 2})


# ── Members ─────────────────────────────────────────────────────────────────
def test_adding_and_removing_are_recorded_by_name(cast: Cast) -> None:
    groups.add_member(cast.sales, cast.bob, actor=cast.gus, now=NOW)
    added = _last_entry()
    groups.remove_member(cast.sales, cast.bob, actor=cast.gus, now=NOW)
    removed = _last_entry()

    assert (added.action, added.actor, added.after) == ("group.member_added", cast.gus, {"person": "Bob"})
    assert (removed.action, removed.before) == ("group.member_removed", {"person": "Bob"})
    assert not cast.bob.memberships.exists()


def test_adding_twice_is_no_second_change(cast: Cast) -> None:
    groups.add_member(cast.sales, cast.alice, actor=cast.dana, now=NOW)

    assert cast.alice.memberships.count() == 1
    assert not AuditEntry.objects.exists()


def test_a_stranger_cannot_be_added(cast: Cast) -> None:
    with pytest.raises(groups.Stranger):
        groups.add_member(cast.sales, cast.mallory, actor=cast.dana, now=NOW)

    assert not cast.mallory.memberships.exists()


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_a_group_admin_does_not_draw_those_he_answers_to_into_his_group(role: Role, cast: Cast) -> None:
    above = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=role)

    with pytest.raises(groups.AboveGroupAdmins):
        groups.add_member(cast.sales, above, actor=cast.gus, now=NOW)

    assert not above.memberships.exists()
    groups.add_member(cast.sales, above, actor=cast.dana, now=NOW)
    assert above.memberships.exists()


def test_who_became_an_admin_while_the_page_was_open_is_not_added_by_a_group_admin(cast: Cast) -> None:
    stale = User.objects.get(pk=cast.bob.pk)
    people.change_role(cast.bob, role="admin", actor=cast.dana, now=NOW)

    with pytest.raises(groups.AboveGroupAdmins):
        groups.add_member(cast.sales, stale, actor=cast.gus, now=NOW)


@pytest.mark.parametrize("actor", ["dana", "gus"])
def test_nobody_adds_somebody_who_is_deactivated(actor: str, cast: Cast) -> None:
    stale = User.objects.get(pk=cast.bob.pk)
    people.deactivate(cast.bob, actor=cast.dana, now=NOW)

    with pytest.raises(groups.Deactivated):
        groups.add_member(cast.sales, stale, actor=getattr(cast, actor), now=NOW)

    assert not cast.bob.memberships.exists()


def test_who_is_invited_but_has_not_joined_can_be_added(cast: Cast) -> None:
    nia = people.invite(
        account=cast.kestrel, email="nia@kestrel.example", name="", role="member", actor=cast.dana, now=NOW
    ).person

    groups.add_member(cast.sales, nia, actor=cast.gus, now=NOW)

    assert nia.memberships.exists()


def test_whose_invitation_was_withdrawn_meanwhile_cannot_be_added(cast: Cast) -> None:
    nia = people.invite(
        account=cast.kestrel, email="nia@kestrel.example", name="", role="member", actor=cast.dana, now=NOW
    ).person
    people.withdraw(User.objects.get(pk=nia.pk), actor=cast.dana, now=NOW)

    with pytest.raises(people.PersonGone):
        groups.add_member(cast.sales, nia, actor=cast.gus, now=NOW)


@pytest.mark.parametrize("change", [groups.remove_member, groups.appoint_admin, groups.dismiss_admin])
def test_who_is_not_in_the_group_cannot_be_changed_there(cast: Cast, change: Callable[..., None]) -> None:
    with pytest.raises(groups.NotAMember):
        change(cast.sales, cast.bob, actor=cast.dana, now=NOW)

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
        groups.remove_member(cast.sales, cast.alice, actor=cast.gus, now=NOW)

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
        groups.add_member(cast.sales, cast.bob, actor=cast.gus, now=NOW)


def test_a_group_that_was_deleted_meanwhile_is_not_found(cast: Cast) -> None:
    stale = Group.objects.get(pk=cast.sales.pk)
    groups.delete(cast.sales, actor=cast.dana, now=NOW)

    with pytest.raises(Http404):
        groups.add_member(stale, cast.bob, actor=cast.dana, now=NOW)


# ── Pages ───────────────────────────────────────────────────────────────────
def test_the_list_shows_rank_and_number_of_people(cast: Cast, client_of: ClientOf) -> None:
    groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    page = client_of(cast.dana).get(reverse("groups")).context["page"]

    assert [(group.name, group.position, group.people_count) for group in page] == [
        ("Sales", 1, 2),
        ("Engineering", 2, 0),
    ]


def test_a_group_admin_sees_the_groups_he_manages(cast: Cast, client_of: ClientOf) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.add_member(other, cast.gus, actor=cast.dana, now=NOW)

    response = client_of(cast.gus).get(reverse("groups"))

    assert [group.name for group in response.context["page"]] == ["Sales"]
    assert reverse("group_create") not in response.content.decode()


def test_the_list_is_searched_and_paged(cast: Cast, client_of: ClientOf) -> None:
    Group.objects.bulk_create(
        Group(account=cast.kestrel, name=f"Team {n:02}", rank=5000 + n, created_at=NOW) for n in range(60)
    )
    dana = client_of(cast.dana)

    pages = [dana.get(reverse("groups"), query).context["page"] for query in ({}, {"page": "2"}, {"q": "team 07"})]

    assert [len(page) for page in pages] == [50, 11, 1]
    assert pages[2][0].position == 9


def test_creating_in_the_browser_leads_to_the_group(cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.dana).post(reverse("group_create"), {"name": "  Engineering "})

    made = Group.objects.get(name="Engineering")
    assert response["Location"] == reverse("group", args=[made.pk])


@pytest.mark.parametrize("form", ["group_create", "group_rename"])
def test_a_refused_name_keeps_what_was_typed(form: str, cast: Cast, client_of: ClientOf) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    address = reverse(form, args=[other.pk] if form == "group_rename" else [])
    shown = client_of(cast.dana).post(address, {"name": "sales"}).content.decode()

    assert "Another group of the account has this name." in shown
    assert 'value="sales"' in shown


def test_people_are_found_to_be_added_by_name_or_address(cast: Cast, client_of: ClientOf) -> None:
    people.deactivate(cast.wilhelmina, actor=cast.dana, now=NOW)

    address, words = reverse("group", args=[cast.sales.pk]), {"add": "kestrel"}
    found = [client_of(reader).get(address, words).context["candidates"] for reader in (cast.dana, cast.gus)]

    # Dana is the owner: a group admin could not add her.
    assert [list(candidates) for candidates in found] == [[cast.bob, cast.dana], [cast.bob]]


def test_a_group_admin_who_looks_for_an_owner_reads_who_could_add_her(cast: Cast, client_of: ClientOf) -> None:
    address = reverse("group", args=[cast.sales.pk])

    found = client_of(cast.gus).get(address, {"add": "dana"}).content.decode()
    refused = client_of(cast.gus).post(reverse("group_member_add", args=[cast.sales.pk]), {"person": cast.dana.pk})
    after = client_of(cast.gus).get(address).content.decode()

    assert "Nobody whom you can add matches “dana”." in found
    assert "Only an owner or an admin of the account can add owners and admins." in found
    assert refused["Location"] == address
    assert "Dana" not in after


def test_an_empty_group_says_where_its_people_are_found(cast: Cast, client_of: ClientOf) -> None:
    empty = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    shown = client_of(cast.dana).get(reverse("group", args=[empty.pk])).content.decode()

    assert shown.index('<h2 id="add-people">') < shown.index("Find people above and add them.")


def test_members_are_searched_and_paged(cast: Cast, client_of: ClientOf) -> None:
    crowd(cast.kestrel, 60, group=cast.sales)
    gus, address = client_of(cast.gus), reverse("group", args=[cast.sales.pk])

    pages = [gus.get(address, query).context["page"] for query in ({}, {"page": "2"}, {"q": "alice"})]

    assert [len(page) for page in pages] == [50, 12, 1]


def test_a_group_admin_is_offered_nothing_he_may_not_do(cast: Cast, client_of: ClientOf) -> None:
    shown = client_of(cast.gus).get(reverse("group", args=[cast.sales.pk])).content.decode()

    offered = [reverse(name, args=[cast.sales.pk]) for name in ("group_rename", "group_delete")]
    offered += [reverse("group_admin", args=[cast.sales.pk, cast.alice.pk])]
    assert not any(address in shown for address in offered)
    assert reverse("group_member_remove", args=[cast.sales.pk, cast.alice.pk]) in shown
    assert reverse("group_member_remove", args=[cast.sales.pk, cast.gus.pk]) not in shown


def test_deleting_asks_first_and_says_how_many_people_leave(cast: Cast, client_of: ClientOf) -> None:
    dana, address = client_of(cast.dana), reverse("group", args=[cast.sales.pk])

    shown = dana.get(address).content.decode()
    after = dana.post(reverse("group_delete", args=[cast.sales.pk]), follow=True).content.decode()

    assert "2 people leave it." in shown
    assert "The group Sales is deleted; 2 people left it." in after


@pytest.mark.parametrize(("appoint", "is_admin"), [("yes", True), ("no", False)])
def test_group_admins_are_made_and_unmade_by_a_button(
    appoint: str, is_admin: bool, cast: Cast, client_of: ClientOf
) -> None:
    person = cast.alice if is_admin else cast.gus

    client_of(cast.dana).post(reverse("group_admin", args=[cast.sales.pk, person.pk]), {"appoint": appoint})

    assert Membership.objects.get(user=person).is_admin is is_admin


@pytest.mark.parametrize("reader", ["dana", "gus"])
@pytest.mark.parametrize("name", ["groups", "group"])
def test_a_page_asks_as_often_for_sixty_rows_as_for_three(
    name: str, reader: str, cast: Cast, client_of: ClientOf
) -> None:
    client = client_of(cast.dana if reader == "dana" else cast.gus)
    address = reverse(name, args=[cast.sales.pk] if name == "group" else [])
    query = {"add": "member"} if name == "group" else {}
    _grow(cast.kestrel, cast.sales, cast.gus, 3)

    with CaptureQueriesContext(connection) as few:
        client.get(address, query)
    _grow(cast.kestrel, cast.sales, cast.gus, 60)
    with CaptureQueriesContext(connection) as many:
        client.get(address, query)

    assert len(many) == len(few) <= 9


def _grow(account: Account, group: Group, admin: User, number: int) -> None:
    first = Group.objects.filter(account=account).count()
    for n in range(first, first + number):
        made = Group.objects.create(account=account, name=f"Team {n}", rank=5000 + n, created_at=NOW)
        Membership.objects.create(group=made, user=admin, is_admin=True)
    inside = User.objects.bulk_create(
        User(account=account, name=f"Inside {n}", email=f"i{n}@k.example", is_active=True, joined_at=NOW)
        for n in range(first, first + number)
    )
    Membership.objects.bulk_create(Membership(group=group, user=person) for person in inside)
    User.objects.bulk_create(
        User(account=account, name=f"Member {n}", email=f"o{n}@k.example", is_active=True, joined_at=NOW)
        for n in range(first, first + number)
    )
