"""Who goes by EWS today: everybody of an account, with the place whose decision it is and what was found of them.

Read in a handful of queries, however many they are; all that the page counts, filters and lists is made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from accounts.cascade import facts
from accounts.cascade.declare import setting_of, settings_of
from accounts.cascade.facts import Facts
from accounts.models import Account, Group, User
from integrations.leaving_ews import wanted
from integrations.models import Connection
from integrations.preferences import Api, Integrations, Service, ServicePolicy

SERVICES = setting_of(Integrations, "services")
NOT_LOOKED = ""  # in the place of an outcome
DEFAULT = "default"  # in the place of a place: nobody has decided


@dataclass(frozen=True, slots=True)
class One:
    """Somebody who goes by EWS."""

    person: int
    connection: int
    name: str
    email: str
    service: str
    method: str
    state: str
    reason: str
    move: str
    address: str
    server: str
    # A `Prospect`, or NOT_LOOKED.
    outcome: str
    why: str
    looked_at: datetime | None
    # Whose decision holds: “account”, the key of a group, or DEFAULT.
    place: str
    # The settings say EWS; else only the connection goes by it.
    is_policy: bool

    @property
    def is_on_premises(self) -> bool:
        return self.service == Service.EXCHANGE.value

    @property
    def called(self) -> str:
        return self.name or self.email


@dataclass(frozen=True)
class Census:
    account: Account
    people: Sequence[One]
    facts: Facts
    # By key as a text, in their order.
    groups: dict[str, str]

    @cached_property
    def by_place(self) -> dict[str, list[One]]:
        found: dict[str, list[One]] = {}
        for one in self.people:
            found.setdefault(one.place, []).append(one)
        return found

    def name_of(self, place: str) -> str:
        if place == "account":
            return str(self.account)
        return self.groups.get(place, "Nobody has decided")

    def policy_at(self, place: str) -> ServicePolicy | None:
        """What is decided there; None where nothing is."""
        if place == "account":
            ruling = self.facts.top.get(SERVICES.key)
        else:
            ruling = self.facts.of_groups.get(SERVICES.key, {}).get(int(place)) if place.isdecimal() else None
        policy: ServicePolicy | None = ruling.value if ruling else None
        return policy

    @cached_property
    def deciding(self) -> list[str]:
        """Places that have decided, the account first and then the groups in their order."""
        decided = self.facts.of_groups.get(SERVICES.key, {})
        top = ["account"] if SERVICES.key in self.facts.top else []
        return [*top, *(key for key in self.groups if int(key) in decided)]


def taken(account: Account, *, more: Iterable[int] = ()) -> Census:
    """`more`: of these people, too, it is to be known whose decision holds. Five queries."""
    using = wanted.by_ews(account)
    people: QuerySet[User] = User.objects.filter(pk__in=using.values("user"))
    if ids := list(more):
        people = User.objects.filter(account=account, pk__in=[*ids, *using.values_list("user", flat=True)])
    known = facts.load(account, settings_of(Integrations), people=people)
    groups = {
        str(pk): name for pk, name in Group.objects.filter(account=account).order_by("rank").values_list("pk", "name")
    }
    places = _Places(known)
    return Census(account, [_one(tuple(row), places) for row in _rows(using)], known, groups)


def counted(people: Iterable[One]) -> Counter[str]:
    """By outcome."""
    return Counter(one.outcome for one in people)


class _Places:
    """Whose decision holds for somebody."""

    def __init__(self, known: Facts) -> None:
        self._known = known
        self._groups = {id(ruling): str(pk) for pk, ruling in known.of_groups.get(SERVICES.key, {}).items()}
        self._there = frozenset(known.people)
        self._policies: dict[int, bool] = {}

    def of(self, person: int) -> tuple[str, bool]:
        """And whether it says EWS."""
        ruling = self._known.winner(SERVICES.key, person) if person in self._there else None
        if ruling is None:
            return DEFAULT, SERVICES.default.authorize_with is Api.EWS
        place = "account" if ruling is self._known.top.get(SERVICES.key) else self._groups.get(id(ruling), DEFAULT)
        return place, ruling.value.authorize_with is Api.EWS


def place_of(census: Census, person: int) -> str:
    return _Places(census.facts).of(person)[0]


def _rows(using: QuerySet[Connection]) -> Iterable[tuple[Any, ...]]:
    return using.order_by("user__name", "user__email", "pk").values_list(
        "user_id",
        "pk",
        "user__name",
        "user__email",
        "service",
        "method",
        "state",
        "reason",
        "move",
        "address",
        "server__address",
        "prospect__outcome",
        "prospect__reason",
        "prospect__looked_at",
    )


def _one(row: tuple[Any, ...], places: _Places) -> One:
    *said, server, outcome, why, looked_at = row
    place, is_policy = places.of(said[0])
    return One(*(*said, server or "", outcome or NOT_LOOKED, why or "", looked_at, place, is_policy))
