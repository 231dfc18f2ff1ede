"""The cast that every story is told with: Kestrel & Co and its people, and a stranger from Corvid Ltd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts.models import Account, Group, Membership, Role, User
from accounts.sign_in import addresses

FOUNDED = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
PASSWORD = "a-quiet-harbour-42"

ClientOf = Callable[[User], Client]


def joined(account: Account, *, name: str, email: str, role: str = Role.MEMBER, time_zone: str = "UTC") -> User:
    """Somebody who has joined, with a confirmed address and PASSWORD."""
    person = User(account=account, name=name, email=email, role=role, time_zone=time_zone)
    person.is_active, person.joined_at = True, FOUNDED
    person.password = _hashed()
    person.save()
    addresses.prove(person)
    return person


def crowd(account: Account, number: int, *, group: Group | None = None) -> list[User]:
    """Many members at once, without passwords."""
    people: list[User] = User.objects.bulk_create(
        User(
            account=account,
            name=f"Member {n:03}",
            email=f"m{n}.{account.pk}@crowd.example",
            is_active=True,
            joined_at=FOUNDED,
        )
        for n in range(number)
    )
    if group:
        Membership.objects.bulk_create(Membership(group=group, user=person, is_primary=True) for person in people)
    return people


@cache
def _hashed() -> str:
    """Once for all: hashing is slow on purpose."""
    return make_password(PASSWORD)


@pytest.fixture
def kestrel(db: None) -> Account:
    return Account.objects.create(name="Kestrel & Co", created_at=FOUNDED)


@pytest.fixture
def corvid(db: None) -> Account:
    return Account.objects.create(name="Corvid Ltd", created_at=FOUNDED)


@pytest.fixture
def dana(kestrel: Account) -> User:
    """The owner."""
    return joined(kestrel, name="Dana", email="dana@kestrel.example", role=Role.OWNER)


@pytest.fixture
def sales(kestrel: Account) -> Group:
    return Group.objects.create(account=kestrel, name="Sales", rank=1024, created_at=FOUNDED)


@pytest.fixture
def gus(kestrel: Account, sales: Group) -> User:
    """Group admin of Sales."""
    person = joined(kestrel, name="Gus", email="gus@kestrel.example")
    Membership.objects.create(group=sales, user=person, is_admin=True, is_primary=True)
    return person


@pytest.fixture
def alice(kestrel: Account, sales: Group) -> User:
    """Member of Sales."""
    person = joined(kestrel, name="Alice", email="alice@kestrel.example", time_zone="Europe/Berlin")
    Membership.objects.create(group=sales, user=person, is_primary=True)
    return person


@pytest.fixture
def bob(kestrel: Account) -> User:
    """In no group."""
    return joined(kestrel, name="Bob", email="bob@kestrel.example")


@pytest.fixture
def wilhelmina(kestrel: Account) -> User:
    """Has a long name and a long address."""
    return joined(
        kestrel,
        name="Wilhelmina-Anastasia von Hohenlohe-Langenburg",
        email="wilhelmina-anastasia.von-hohenlohe-langenburg@kestrel.example",
    )


@pytest.fixture
def mallory(corvid: Account) -> User:
    """The stranger: owner of another account."""
    return joined(corvid, name="Mallory", email="mallory@corvid.example", role=Role.OWNER)


@dataclass(frozen=True)
class Cast:
    kestrel: Account
    sales: Group
    dana: User
    gus: User
    alice: User
    bob: User
    wilhelmina: User
    corvid: Account
    mallory: User


@pytest.fixture
def cast(
    kestrel: Account,
    sales: Group,
    dana: User,
    gus: User,
    alice: User,
    bob: User,
    wilhelmina: User,
    corvid: Account,
    mallory: User,
) -> Cast:
    """All of them at once."""
    return Cast(kestrel, sales, dana, gus, alice, bob, wilhelmina, corvid, mallory)


@pytest.fixture
def client_of() -> ClientOf:
    """A browser in which the given person is signed in."""

    def client_of(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return client_of
