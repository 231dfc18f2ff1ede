from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import groups, people
from accounts.cascade.declare import setting_of
from accounts.cascade.write import choose
from accounts.models import Account, AuditEntry, Group, Membership, PendingChange, User
from integrations.preferences import Integrations
from tests.cast import FOUNDED, Cast, ClientOf, crowd

NOW = FOUNDED + timedelta(days=30)


def test_the_list_shows_rank_and_number_of_people(cast: Cast, client_of: ClientOf) -> None:
    groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    page = client_of(cast.dana).get(reverse("groups")).context["page"]

    assert [(group.name, group.position, group.people_count) for group in page] == [
        ("Sales", 1, 2),
        ("Engineering", 2, 0),
    ]


def test_a_group_admin_sees_the_groups_he_manages(cast: Cast, client_of: ClientOf) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.add_members(other, [cast.gus.pk], actor=cast.dana, now=NOW)

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
    assert response["Location"] == reverse("group_members", args=[made.pk])


@pytest.mark.parametrize("form", ["group_create", "group_rename"])
def test_a_refused_name_keeps_what_was_typed(form: str, cast: Cast, client_of: ClientOf) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    address = reverse(form, args=[other.pk] if form == "group_rename" else [])
    shown = client_of(cast.dana).post(address, {"name": "sales"}).content.decode()

    assert "Another group of the account has this name." in shown
    assert 'value="sales"' in shown


def test_people_are_found_to_be_added_by_name_or_address(cast: Cast, client_of: ClientOf) -> None:
    people.deactivate(cast.wilhelmina, actor=cast.dana, now=NOW)

    address, words = reverse("group_members", args=[cast.sales.pk]), {"add": "kestrel"}
    found = [client_of(reader).get(address, words).context["candidates"] for reader in (cast.dana, cast.gus)]

    # Dana is the owner: a group admin could not add her.
    assert [list(candidates) for candidates in found] == [[cast.bob, cast.dana], [cast.bob]]


def test_a_group_admin_who_looks_for_an_owner_reads_who_could_add_her(cast: Cast, client_of: ClientOf) -> None:
    address = reverse("group_members", args=[cast.sales.pk])

    found = client_of(cast.gus).get(address, {"add": "dana"}).content.decode()
    refused = client_of(cast.gus).post(reverse("group_member_add", args=[cast.sales.pk]), {"person": cast.dana.pk})
    after = client_of(cast.gus).get(address).content.decode()

    assert "Nobody whom you can add matches “dana”." in found
    assert "Only an owner or an admin of the account can add owners and admins." in found
    assert refused["Location"] == address
    assert "Dana" not in after


def test_an_empty_group_says_where_its_people_are_found(cast: Cast, client_of: ClientOf) -> None:
    empty = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    shown = client_of(cast.dana).get(reverse("group_members", args=[empty.pk])).content.decode()

    assert shown.index('<h2 id="add-people">') < shown.index("Find people above and add them.")


def test_members_are_searched_and_paged(cast: Cast, client_of: ClientOf) -> None:
    crowd(cast.kestrel, 60, group=cast.sales)
    gus, address = client_of(cast.gus), reverse("group_members", args=[cast.sales.pk])

    pages = [gus.get(address, query).context["page"] for query in ({}, {"page": "2"}, {"q": "alice"})]

    assert [len(page) for page in pages] == [50, 12, 1]


def test_a_group_admin_is_offered_nothing_he_may_not_do(cast: Cast, client_of: ClientOf) -> None:
    gus = client_of(cast.gus)
    pages = [gus.get(reverse(name, args=[cast.sales.pk])).content.decode() for name in ("group", "group_members")]

    offered = [reverse(name, args=[cast.sales.pk]) for name in ("group_rename", "group_rank", "group_delete")]
    offered += [reverse("group_admin", args=[cast.sales.pk, person.pk]) for person in (cast.alice, cast.gus)]
    assert not any(address in page for address in offered for page in pages)
    assert "An owner or an admin of the account can rename, move or delete the group." in pages[0]
    assert reverse("group_member_remove", args=[cast.sales.pk, cast.alice.pk]) in pages[1]
    assert reverse("group_member_remove", args=[cast.sales.pk, cast.gus.pk]) not in pages[1]


def test_deleting_a_group_is_reviewed_first(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)

    shown = dana.get(reverse("group", args=[cast.sales.pk])).content.decode()
    answer = dana.post(reverse("group_delete", args=[cast.sales.pk]))

    assert "2 people leave the group and stay in the account. No setting was decided for it." in shown
    pending = PendingChange.objects.get()
    assert answer["Location"] == reverse("change", args=[pending.pk])
    assert (pending.change, pending.back) == ({"word": "dissolve", "group": cast.sales.pk}, reverse("groups"))
    assert Group.objects.filter(pk=cast.sales.pk).exists()


def test_a_reviewed_deletion_is_done_with_its_reason_and_leads_back_to_the_list(
    cast: Cast, client_of: ClientOf
) -> None:
    dana = client_of(cast.dana)
    sheet = dana.post(reverse("group_delete", args=[cast.sales.pk]))["Location"]
    assert "Sales" in dana.get(sheet).content.decode()

    answer = dana.post(sheet, {"reason": "Merged into Support"})

    assert answer["Location"] == reverse("groups")
    assert not Group.objects.filter(pk=cast.sales.pk).exists()
    assert AuditEntry.objects.get(action="group.deleted").reason == "Merged into Support"


def test_a_reviewed_move_is_done_where_it_was_meant_to_go(cast: Cast, client_of: ClientOf) -> None:
    support = groups.create(account=cast.kestrel, name="Support", actor=cast.dana, now=NOW)
    groups.add_members(support, [cast.alice.pk], actor=cast.dana, now=NOW)
    choose(setting_of(Integrations, "enabled"), False, at=support, actor=cast.dana, now=NOW)
    choose(setting_of(Integrations, "enabled"), True, at=cast.sales, actor=cast.dana, now=NOW)
    dana = client_of(cast.dana)

    sheet = dana.post(reverse("group_rank", args=[support.pk]), {"to": "top", "from": "list"})["Location"]
    assert PendingChange.objects.get().change == {"word": "rank", "group": support.pk, "above": cast.sales.pk}
    assert _position(support) == 2
    answer = dana.post(sheet, {})

    assert answer["Location"] == f"{reverse('groups')}?page=1&moved={support.pk}&by=top"
    assert _position(support) == 1


def test_a_change_that_touches_nobodys_settings_is_done_at_once(cast: Cast, client_of: ClientOf) -> None:
    gus = client_of(cast.gus)

    added = gus.post(reverse("group_member_add", args=[cast.sales.pk]), {"person": cast.bob.pk}, follow=True)
    removed = gus.post(reverse("group_member_remove", args=[cast.sales.pk, cast.bob.pk]), follow=True)

    assert "Bob is now in Sales." in added.content.decode()
    assert "Bob is no longer in Sales." in removed.content.decode()
    assert not PendingChange.objects.exists()


def test_adding_somebody_whose_settings_would_change_is_reviewed_first(cast: Cast, client_of: ClientOf) -> None:
    choose(setting_of(Integrations, "enabled"), False, at=cast.sales, actor=cast.dana, now=NOW)

    answer = client_of(cast.gus).post(reverse("group_member_add", args=[cast.sales.pk]), {"person": cast.bob.pk})

    pending = PendingChange.objects.get()
    assert answer["Location"] == reverse("change", args=[pending.pk])
    assert pending.back == reverse("group_members", args=[cast.sales.pk])
    assert not cast.bob.memberships.exists()


def test_what_would_be_refused_is_not_sent_to_review(cast: Cast, client_of: ClientOf) -> None:
    choose(setting_of(Integrations, "enabled"), False, at=cast.sales, actor=cast.dana, now=NOW)
    people.deactivate(cast.bob, actor=cast.dana, now=NOW)
    gus = client_of(cast.gus)

    for person, why in ((cast.bob, "This person is deactivated."), (cast.dana, "Only an owner or an admin")):
        answer = gus.post(reverse("group_member_add", args=[cast.sales.pk]), {"person": person.pk}, follow=True)
        assert why in answer.content.decode()
    gone = gus.post(reverse("group_member_remove", args=[cast.sales.pk, cast.bob.pk]), follow=True)

    assert "This person was removed from the group meanwhile." in gone.content.decode()
    assert not PendingChange.objects.exists()


@pytest.mark.parametrize(("appoint", "is_admin"), [("yes", True), ("no", False)])
def test_group_admins_are_made_and_unmade_by_a_button(
    appoint: str, is_admin: bool, cast: Cast, client_of: ClientOf
) -> None:
    person = cast.alice if is_admin else cast.gus

    client_of(cast.dana).post(reverse("group_admin", args=[cast.sales.pk, person.pk]), {"appoint": appoint})

    assert Membership.objects.get(user=person).is_admin is is_admin


# ── The head of each page of a group ────────────────────────────────────────
def test_the_head_says_who_manages_the_group_and_which_groups_speak_first(cast: Cast, client_of: ClientOf) -> None:
    engineering = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.create(account=cast.kestrel, name="Nobody’s", actor=cast.dana, now=NOW)
    groups.rank(engineering, above=cast.sales, actor=cast.dana, now=NOW)
    groups.add_members(engineering, [cast.alice.pk], actor=cast.dana, now=NOW)

    def lead(reader: User, group: Group) -> str:
        shown = client_of(reader).get(reverse("group_members", args=[group.pk])).content.decode()
        return re.sub("<[^>]+>", "", shown.split('<p class="lead">')[1].split("</p>")[0])

    assert lead(cast.dana, cast.sales) == (
        "2 people, managed by Gus. Where a member is also in Engineering (P1), Engineering speaks first."
    )
    assert lead(cast.gus, cast.sales) == lead(cast.dana, cast.sales)
    assert lead(cast.dana, engineering) == "1 person, managed by the admins of the account."


def test_a_group_admin_gets_no_link_to_a_group_he_may_not_open(cast: Cast, client_of: ClientOf) -> None:
    engineering = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.rank(engineering, above=cast.sales, actor=cast.dana, now=NOW)
    groups.add_members(engineering, [cast.alice.pk], actor=cast.dana, now=NOW)
    address = reverse("group", args=[engineering.pk])

    shown = {
        reader: client_of(reader).get(reverse("group", args=[cast.sales.pk])).content.decode()
        for reader in (cast.dana, cast.gus)
    }

    assert f'href="{address}"' in shown[cast.dana]
    assert f'href="{address}"' not in shown[cast.gus]


def test_many_admins_and_many_better_groups_are_named_in_part(cast: Cast, client_of: ClientOf) -> None:
    for name in "ABCDE":
        made = groups.create(account=cast.kestrel, name=f"Team {name}", actor=cast.dana, now=NOW)
        groups.rank(made, above=cast.sales, actor=cast.dana, now=NOW)
        groups.add_members(made, [cast.alice.pk], actor=cast.dana, now=NOW)
    for person in crowd(cast.kestrel, 4, group=cast.sales):
        groups.appoint_admin(cast.sales, person, actor=cast.dana, now=NOW)

    shown = client_of(cast.gus).get(reverse("group", args=[cast.sales.pk])).content.decode()

    assert "managed by Gus, Member 000, Member 001 and others." in shown
    assert (
        "Where a member is also in Team A (P1), Team B (P2), Team C (P3) or another group ranked above this one, "
        "the better-ranked group speaks first." in shown
    )


def test_the_tabs_lead_to_the_members_and_the_settings(cast: Cast, client_of: ClientOf) -> None:
    shown = client_of(cast.gus).get(reverse("group", args=[cast.sales.pk])).content.decode()

    tabs = shown.split('<nav class="tabs" aria-label="Group">')[1].split("</nav>")[0]
    assert re.findall(r'href="([^"]+)"', tabs) == [
        reverse("group", args=[cast.sales.pk]),
        reverse("group_members", args=[cast.sales.pk]),
        reverse("group_settings_page", args=[cast.sales.pk, "mail-calendar"]),
    ]


# ── Moving in the list ──────────────────────────────────────────────────────
def _teams(account: Account, number: int) -> list[Group]:
    return Group.objects.bulk_create(
        Group(account=account, name=f"Team {n:02}", rank=5000 + n * groups.STEP, created_at=NOW) for n in range(number)
    )


def _position(group: Group) -> int:
    return groups.position_of(Group.objects.get(pk=group.pk))


@pytest.mark.parametrize(
    ("sent", "then"),
    [
        ({"to": "up"}, 2),
        ({"to": "down"}, 4),
        ({"to": "top"}, 1),
        ({"to": "end"}, 6),
        ({"to": "position", "position": "5"}, 5),
        ({"to": "position", "position": "P1"}, 1),
        ({"to": "above", "above": ""}, 6),
    ],
)
def test_a_group_is_moved_by_a_button_or_a_number(
    sent: dict[str, str], then: int, cast: Cast, client_of: ClientOf
) -> None:
    moved = _teams(cast.kestrel, 5)[1]  # P3: Sales is P1

    answer = client_of(cast.dana).post(reverse("group_rank", args=[moved.pk]), sent, follow=True)

    assert _position(moved) == then
    assert f"Team 01 is now P{then}." in answer.content.decode()


def test_a_group_that_was_dropped_above_another_stands_there(cast: Cast, client_of: ClientOf) -> None:
    teams = _teams(cast.kestrel, 5)

    client_of(cast.dana).post(reverse("group_rank", args=[teams[4].pk]), {"to": "above", "above": teams[1].pk})

    assert [_position(team) for team in teams] == [2, 4, 5, 6, 3]


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"to": "position", "position": "7"}, "Choose a position from 1 to 6."),
        ({"to": "position", "position": "0"}, "Choose a position from 1 to 6."),
        ({"to": "position", "position": "third"}, "Choose a position from 1 to 6."),
        ({"to": "position", "position": "9" * 18}, "Choose a position from 1 to 6."),
        ({"to": "position"}, "Choose a position from 1 to 6."),
        ({"to": "sideways"}, "Choose a position from 1 to 6."),
        ({}, "Choose a position from 1 to 6."),
        ({"to": "above", "above": "987654321"}, "was deleted meanwhile. Choose its place again."),
        ({"to": "up"}, "Sales is P1 already."),
        ({"to": "position", "position": "1"}, "Sales is P1 already."),
    ],
)
def test_what_is_no_place_changes_nothing_and_is_said(
    sent: dict[str, str], says: str, cast: Cast, client_of: ClientOf
) -> None:
    _teams(cast.kestrel, 5)

    answer = client_of(cast.dana).post(reverse("group_rank", args=[cast.sales.pk]), sent, follow=True)

    assert says in answer.content.decode()
    assert _position(cast.sales) == 1


def test_a_group_of_another_account_is_no_neighbour(cast: Cast, client_of: ClientOf) -> None:
    rooks = groups.create(account=cast.corvid, name="Rooks", actor=cast.mallory, now=NOW)
    sent = {"to": "above", "above": rooks.pk}

    answer = client_of(cast.dana).post(reverse("group_rank", args=[cast.sales.pk]), sent, follow=True)

    assert "Rooks" not in answer.content.decode()
    assert not AuditEntry.objects.filter(action="group.ranked").exists()


def test_the_list_comes_back_where_the_group_is_now_with_the_focus_on_its_button(
    cast: Cast, client_of: ClientOf
) -> None:
    teams = _teams(cast.kestrel, 60)
    dana, first_of_page_2 = client_of(cast.dana), teams[49]

    answer = dana.post(reverse("group_rank", args=[first_of_page_2.pk]), {"to": "up", "from": "list", "q": ""})

    assert answer["Location"] == f"{reverse('groups')}?page=1&moved={first_of_page_2.pk}&by=up"
    shown = dana.get(answer["Location"])
    assert shown.context["page"][-1] == first_of_page_2
    assert shown.content.decode().count(" autofocus") == 1
    assert 'aria-label="Move Team 49 up" autofocus' in shown.content.decode()


def test_a_search_stays_as_it_was_after_a_move(cast: Cast, client_of: ClientOf) -> None:
    moved = _teams(cast.kestrel, 5)[3]

    answer = client_of(cast.dana).post(
        reverse("group_rank", args=[moved.pk]), {"to": "top", "from": "list", "q": "team & more"}
    )

    assert answer["Location"] == f"{reverse('groups')}?q=team+%26+more&moved={moved.pk}&by=top"


def test_what_is_dropped_at_the_end_of_a_page_stands_above_the_first_of_the_next(
    cast: Cast, client_of: ClientOf
) -> None:
    teams = _teams(cast.kestrel, 60)
    dana = client_of(cast.dana)

    pages = [dana.get(reverse("groups"), {"page": number}) for number in (1, 2)]

    assert [page.context["following"] for page in pages] == [teams[49], None]
    assert f'data-following="{teams[49].pk}" data-following-name="Team 49"' in pages[0].content.decode()
    assert 'data-following="" data-following-name=""' in pages[1].content.decode()


def test_the_first_is_not_offered_to_go_up_nor_the_last_to_go_down(cast: Cast, client_of: ClientOf) -> None:
    teams = _teams(cast.kestrel, 2)

    shown = client_of(cast.dana).get(reverse("groups")).content.decode()

    offered = [
        (name, way)
        for name in ("Sales", "Team 00", "Team 01")
        for way in ("up", "down")
        if f'aria-label="Move {name} {way}"' in shown
    ]
    assert offered == [("Sales", "down"), ("Team 00", "up"), ("Team 00", "down"), ("Team 01", "up")]
    assert shown.count("data-grip") == len(teams) + 1


@pytest.mark.parametrize("query", [{"moved": "x", "by": "up"}, {"moved": "9" * 40}, {"moved": "²"}])
def test_nonsense_in_the_address_moves_no_focus(query: dict[str, str], cast: Cast, client_of: ClientOf) -> None:
    _teams(cast.kestrel, 2)

    assert " autofocus" not in client_of(cast.dana).get(reverse("groups"), query).content.decode()


def test_a_group_admin_is_not_offered_to_move_anything(cast: Cast, client_of: ClientOf) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    Membership.objects.create(group=other, user=cast.gus, is_admin=True)

    shown = client_of(cast.gus).get(reverse("groups")).content.decode()

    assert "Engineering" in shown
    assert "ranking" not in shown
    assert reverse("group_rank", args=[other.pk]) not in shown


# ── Speed ───────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("reader", ["dana", "gus"])
@pytest.mark.parametrize(("name", "most"), [("groups", 9), ("group", 12), ("group_members", 12)])
def test_a_page_asks_as_often_for_sixty_rows_as_for_three(
    name: str, most: int, reader: str, cast: Cast, client_of: ClientOf
) -> None:
    client = client_of(cast.dana if reader == "dana" else cast.gus)
    address = reverse(name, args=[] if name == "groups" else [cast.sales.pk])
    query = {"groups": {"q": "team"}, "group": {}, "group_members": {"add": "member"}}[name]
    _grow(cast.kestrel, cast.sales, cast.gus, 3)

    with CaptureQueriesContext(connection) as few:
        client.get(address, query)
    _grow(cast.kestrel, cast.sales, cast.gus, 60)
    with CaptureQueriesContext(connection) as many:
        client.get(address, query)

    assert len(many) == len(few) <= most


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
