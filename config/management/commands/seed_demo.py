"""The demo's two organizations and their cast, ready to sign in.

Run any number of times: what is there stays as people left it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts import groups, people
from accounts.cascade.declare import setting_of
from accounts.cascade.write import choose
from accounts.models import Account, Role, User
from integrations.domains import DomainRule
from integrations.preferences import Integrations, ServicePolicy

PASSWORD = "meridian-demo-1"  # noqa: S105  printed by the demo; nobody else runs this command


@dataclass(frozen=True)
class Part:
    """One of the cast."""

    name: str
    email: str
    role: Role = Role.MEMBER
    groups: tuple[str, ...] = ()
    # Of the first of them.
    is_group_admin: bool = False
    time_zone: str = "Europe/London"


@dataclass(frozen=True)
class Organization:
    name: str
    cast: tuple[Part, ...]
    # Best rank first.
    groups: tuple[str, ...] = ()


KESTREL = Organization(
    "Kestrel & Co",
    (
        Part("Dana", "dana@kestrel.example", Role.OWNER),
        Part("Gus", "gus@kestrel.example", groups=("Sales",), is_group_admin=True),
        Part("Alice", "alice@kestrel.example", groups=("Sales",), time_zone="Europe/Berlin"),
        Part("Bob", "bob@kestrel.example", time_zone="America/New_York"),
        # In two groups: for each setting the better-ranked one that has decided it speaks.
        Part(
            "Wilhelmina-Anastasia von Hohenlohe-Langenburg",
            "wilhelmina-anastasia.von-hohenlohe-langenburg@kestrel.example",
            groups=("Sales", "Engineering"),
            time_zone="Europe/Berlin",
        ),
        # Whom the simulated Microsoft 365 gives no mailbox: what the portal says then is worth seeing.
        Part("Nora", "nora@kestrel.example", groups=("Engineering",), is_group_admin=True),
    ),
    groups=("Engineering", "Sales"),
)
CORVID = Organization("Corvid Ltd", (Part("Mallory", "mallory@corvid.example", Role.OWNER, time_zone="Europe/Paris"),))


class Command(BaseCommand):
    help = "Fills in the demo's organizations and people, where they are missing. For demonstrations only."

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = timezone.now()
        for organization in (KESTREL, CORVID):
            if User.objects.filter(email=organization.cast[0].email).exists():
                continue
            with transaction.atomic():
                account = _organization(organization, now=now)
                # The story starts with *Enable*.
                owner = account.people.get(role=Role.OWNER)
                choose(setting_of(Integrations, "enabled"), False, at=account, actor=owner, now=now)
                if organization == KESTREL:
                    _decisions(account, now=now)


def _organization(organization: Organization, *, now: datetime) -> Account:
    first, *others = organization.cast
    owner = people.found_account(name=organization.name, owner_email=first.email, owner_name=first.name, now=now)
    _join(owner, first, now=now)
    account: Account = owner.account
    made = {name: groups.create(account=account, name=name, actor=owner, now=now) for name in organization.groups}
    for part in others:
        member_of = [made[name] for name in part.groups]
        person = people.add(
            account, email=part.email, name=part.name, role=part.role, groups=member_of, actor=owner, now=now
        )
        _join(person, part, now=now)
        if part.is_group_admin:
            groups.appoint_admin(member_of[0], person, actor=owner, now=now)
    return account


def _decisions(account: Account, *, now: datetime) -> None:
    """Engineering tries the integration before the others do. So there is a lock, a choice that sleeps under it,
    an override of the same value and one of another: a chain to follow."""
    engineering, sales = (account.groups.get(name=name) for name in ("Engineering", "Sales"))
    nora, gus = (account.people.get(name=name) for name in ("Nora", "Gus"))
    own = DomainRule(is_on=True, domains=("kestrel.example", "kestrelandco.example"))
    choose(setting_of(Integrations, "enabled"), False, at=nora, actor=nora, now=now)
    choose(setting_of(Integrations, "enabled"), True, at=engineering, is_locked=True, actor=nora, now=now)
    choose(setting_of(Integrations, "domains"), own, at=engineering, actor=nora, now=now)
    # The same value as the account's, and yet a decision: it stays when the account's changes.
    choose(setting_of(Integrations, "services"), ServicePolicy(), at=sales, actor=gus, now=now)


def _join(person: User, part: Part, *, now: datetime) -> None:
    people.accept(person, name=part.name, password=PASSWORD, time_zone=part.time_zone, now=now)
