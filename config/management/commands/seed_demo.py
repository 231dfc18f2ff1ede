"""The demo's two organisations and their cast, ready to sign in.

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
from integrations.preferences import Integrations

PASSWORD = "meridian-demo-1"  # noqa: S105  printed by the demo; nobody else runs this command


@dataclass(frozen=True)
class Part:
    """One of the cast."""

    name: str
    email: str
    role: Role = Role.MEMBER
    group: str = ""
    is_group_admin: bool = False
    time_zone: str = "Europe/London"


KESTREL = [
    Part("Dana", "dana@kestrel.example", Role.OWNER),
    Part("Gus", "gus@kestrel.example", group="Sales", is_group_admin=True),
    Part("Alice", "alice@kestrel.example", group="Sales", time_zone="Europe/Berlin"),
    Part("Bob", "bob@kestrel.example", time_zone="America/New_York"),
    Part(
        "Wilhelmina-Anastasia von Hohenlohe-Langenburg",
        "wilhelmina-anastasia.von-hohenlohe-langenburg@kestrel.example",
        group="Sales",
        time_zone="Europe/Berlin",
    ),
    # Whom the simulated Microsoft 365 gives no mailbox: what the portal says then is worth seeing.
    Part("Nora", "nora@kestrel.example"),
]
CORVID = [Part("Mallory", "mallory@corvid.example", Role.OWNER, time_zone="Europe/Paris")]


class Command(BaseCommand):
    help = "Fills in the demo's organisations and people, where they are missing. For demonstrations only."

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = timezone.now()
        for name, cast in (("Kestrel & Co", KESTREL), ("Corvid Ltd", CORVID)):
            if User.objects.filter(email=cast[0].email).exists():
                continue
            with transaction.atomic():
                _organisation(name, cast, now=now)


def _organisation(name: str, cast: list[Part], *, now: datetime) -> None:
    owner = people.found_account(name=name, owner_email=cast[0].email, owner_name=cast[0].name, now=now)
    _join(owner, cast[0], now=now)
    account: Account = owner.account
    made = {
        part.group: groups.create(account=account, name=part.group, actor=owner, now=now)
        for part in {part.group: part for part in cast if part.group}.values()
    }
    for part in cast[1:]:
        member_of = [made[part.group]] if part.group else []
        person = people.add(
            account, email=part.email, name=part.name, role=part.role, groups=member_of, actor=owner, now=now
        )
        _join(person, part, now=now)
        if part.is_group_admin:
            groups.appoint_admin(made[part.group], person, actor=owner, now=now)
    # The story starts with *Enable*.
    choose(setting_of(Integrations, "enabled"), False, at=account, actor=owner, now=now)


def _join(person: User, part: Part, *, now: datetime) -> None:
    people.accept(person, name=part.name, password=PASSWORD, time_zone=part.time_zone, now=now)
