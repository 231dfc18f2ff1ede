"""Who may open what, for every kind of reader: the addresses of people and groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import reverse

from accounts import doors
from accounts.models import AuditEntry, Group, Membership, Role, User
from tests.cast import Cast, ClientOf, joined

READERS = ("nobody", "member", "group admin", "admin", "owner", "strange owner", "strange member")


@dataclass(frozen=True)
class Door:
    """`answers` in the order of READERS."""

    name: str
    args: Callable[[Cast], list[int]]
    method: str
    answers: tuple[int, ...]


def _none(_cast: Cast) -> list[int]:
    return []


def _bob(cast: Cast) -> list[int]:
    return [cast.bob.pk]


def _owner(cast: Cast) -> list[int]:
    return [cast.dana.pk]


def _sales(cast: Cast) -> list[int]:
    return [cast.sales.pk]


def _alice_in_sales(cast: Cast) -> list[int]:
    return [cast.sales.pk, cast.alice.pk]


EVERYBODY = (302, 200, 200, 200, 200, 200, 200)
ACCOUNT_ADMINS = (302, 403, 403, 200, 200, 200, 403)  # a strange owner sees the page of the other account
MANAGERS_OF_BOB = (302, 403, 403, 302, 302, 404, 404)
MANAGERS_OF_SALES = (302, 403, 302, 302, 302, 404, 404)
ADMINS_OF_SALES_ACCOUNT = (302, 403, 403, 302, 302, 404, 404)

DOORS = [
    Door("profile", _none, "get", EVERYBODY),
    Door("profile_edit", _none, "get", EVERYBODY),
    Door("people", _none, "get", ACCOUNT_ADMINS),
    Door("people_invite", _none, "get", ACCOUNT_ADMINS),
    Door("person", _bob, "get", (302, 403, 403, 200, 200, 404, 404)),
    Door("person", _owner, "get", (302, 403, 403, 403, 200, 404, 404)),
    Door("person_role", _bob, "post", MANAGERS_OF_BOB),
    Door("person_role", _owner, "post", (302, 403, 403, 403, 302, 404, 404)),
    Door("person_primary_group", _bob, "post", MANAGERS_OF_BOB),
    Door("person_primary_group", _owner, "post", (302, 403, 403, 403, 302, 404, 404)),
    Door("person_delete", _bob, "get", (302, 403, 403, 200, 200, 404, 404)),
    Door("person_delete", _owner, "get", (302, 403, 403, 403, 200, 404, 404)),
    Door("person_deactivate", _bob, "post", MANAGERS_OF_BOB),
    Door("person_deactivate", _owner, "post", (302, 403, 403, 403, 302, 404, 404)),
    Door("person_reactivate", _bob, "post", MANAGERS_OF_BOB),
    Door("person_invite_again", _bob, "post", MANAGERS_OF_BOB),
    Door("person_withdraw", _bob, "post", MANAGERS_OF_BOB),
    Door("groups", _none, "get", (302, 403, 200, 200, 200, 200, 403)),
    Door("group_create", _none, "get", ACCOUNT_ADMINS),
    Door("group", _sales, "get", (302, 403, 200, 200, 200, 404, 404)),
    Door("group_members", _sales, "get", (302, 403, 200, 200, 200, 404, 404)),
    Door("group_rank", _sales, "post", ADMINS_OF_SALES_ACCOUNT),
    Door("group_rename", _sales, "post", ADMINS_OF_SALES_ACCOUNT),
    Door("group_delete", _sales, "post", ADMINS_OF_SALES_ACCOUNT),
    Door("group_member_add", _sales, "post", MANAGERS_OF_SALES),
    Door("group_member_remove", _alice_in_sales, "post", MANAGERS_OF_SALES),
    Door("group_admin", _alice_in_sales, "post", ADMINS_OF_SALES_ACCOUNT),
    Door("audit", _none, "get", ACCOUNT_ADMINS),
]


@pytest.fixture
def readers(cast: Cast, client_of: ClientOf) -> dict[str, Client]:
    admin = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    strange_member = joined(cast.corvid, name="Milo", email="milo@corvid.example")
    people = (cast.alice, cast.gus, admin, cast.dana, cast.mallory, strange_member)
    return dict(zip(READERS, [Client(), *(client_of(person) for person in people)], strict=True))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.name}-{door.args.__name__}")
def test_a_door_opens_for_those_it_is_for(door: Door, reader: str, cast: Cast, readers: dict[str, Client]) -> None:
    address = reverse(door.name, args=door.args(cast))
    sent = {"role": "member", "name": "Vertrieb", "person": cast.bob.pk}

    response = getattr(readers[reader], door.method)(address, sent if door.method == "post" else {})

    assert response.status_code == door.answers[READERS.index(reader)]
    if reader == "nobody":
        assert response["Location"].startswith(f"{reverse('account_login')}?next=")


@pytest.mark.parametrize("reader", ["nobody", "member", "strange owner", "strange member"])
@pytest.mark.parametrize("door", [door for door in DOORS if door.method == "post"], ids=lambda door: door.name)
def test_a_closed_door_changes_nothing(door: Door, reader: str, cast: Cast, readers: dict[str, Client]) -> None:
    address = reverse(door.name, args=door.args(cast))
    before = _everything()

    readers[reader].post(address, {"role": "admin", "name": "Vertrieb", "person": cast.bob.pk})

    assert _everything() == before


@pytest.mark.parametrize("door", [door for door in DOORS if door.method == "post"], ids=lambda door: door.name)
def test_what_changes_something_cannot_be_a_link(door: Door, cast: Cast, readers: dict[str, Client]) -> None:
    response = readers["owner"].get(reverse(door.name, args=door.args(cast)))

    assert response.status_code == 405


def test_a_member_opens_his_own_page_and_finds_nothing_to_change_there(cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.alice).get(reverse("person", args=[cast.alice.pk]))

    assert response.status_code == 200
    assert reverse("person_role", args=[cast.alice.pk]) not in response.content.decode()


def test_nobody_gives_himself_a_role(cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.alice).post(reverse("person_role", args=[cast.alice.pk]), {"role": "owner"})

    cast.alice.refresh_from_db()
    assert response.status_code == 403
    assert cast.alice.role == Role.MEMBER


def test_a_group_admin_manages_no_other_group(cast: Cast, client_of: ClientOf) -> None:
    other = Group.objects.create(account=cast.kestrel, name="Engineering", rank=9, created_at=cast.kestrel.created_at)
    gus = client_of(cast.gus)

    answers = [
        gus.get(reverse("group", args=[other.pk])).status_code,
        gus.post(reverse("group_member_add", args=[other.pk]), {"person": cast.gus.pk}).status_code,
    ]

    assert answers == [403, 403]
    assert not other.memberships.exists()
    assert "Engineering" not in gus.get(reverse("groups")).content.decode()


def test_nobody_of_another_account_can_be_added_to_a_group(cast: Cast, client_of: ClientOf) -> None:
    address = reverse("group_member_add", args=[cast.sales.pk])

    response = client_of(cast.dana).post(address, {"person": cast.mallory.pk})

    assert response.status_code == 404
    assert not cast.mallory.memberships.exists()


@pytest.mark.parametrize("nonsense", ["", "x", "-1", "9" * 30, "²"])
def test_nonsense_names_nobody(nonsense: str, cast: Cast, client_of: ClientOf) -> None:
    address = reverse("group_member_add", args=[cast.sales.pk])

    assert client_of(cast.dana).post(address, {"person": nonsense}).status_code == 404


@pytest.mark.parametrize(
    ("sent", "number"), [("7", 7), ("0007", 7), ("", 0), ("-7", 0), ("7.0", 0), ("²", 0), (" 7", 0), ("9" * 19, 0)]
)
def test_a_number_is_read_as_such_and_all_else_is_nothings_key(sent: str, number: int) -> None:
    assert doors.number_in(sent) == number


def test_a_number_no_database_can_hold_is_not_found(cast: Cast, client_of: ClientOf) -> None:
    assert client_of(cast.dana).get(f"/people/{9**40}/").status_code == 404


def _everything() -> list[object]:
    return [
        list(User.objects.order_by("pk").values()),
        list(Group.objects.order_by("pk").values()),
        list(Membership.objects.order_by("pk").values()),
        AuditEntry.objects.count(),
    ]
