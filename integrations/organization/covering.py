"""Whom the settings leave to the consent of their organization: worked out for a whole account in a few queries."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts import listed
from accounts.cascade import facts
from accounts.cascade.declare import settings_of
from accounts.domain_names import domain_of
from accounts.models import Account, User
from integrations.policy import api_of, is_served_by_organization
from integrations.preferences import Api, Integrations

READ_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Covered:
    person: int
    # By which they sign in here.
    address: str
    # Those who hold the same share one object.
    settings: Integrations

    @property
    def domain(self) -> str:
        return domain_of(self.address)

    @property
    def may_write(self) -> bool:
        return self.settings.services.calendar_write

    def allows(self, address: str) -> bool:
        """Whether the settings let them have a calendar of that address; one without a domain is of none listed."""
        return self.settings.domains.allows(domain_of(address) or "unknown")


def is_served(settings: Integrations, api: str) -> bool:
    """Whether the settings leave somebody to the organization's consent, by this API."""
    return is_served_by_organization(settings) and api_of(settings.services) == api


def covered(
    account: Account, people: Collection[int] | None = None, *, api: str = Api.GRAPH.value
) -> dict[int, Covered]:
    """Of `people` (everybody) those who are there and for whom the settings say so; by person. Four queries."""
    there = _there(account, people)
    holding = facts.load(account, settings_of(Integrations), people=there if people is not None else None)
    held = holding.held(Integrations)
    served: dict[int, bool] = {}
    found = {}
    for person, address in _addresses(there):
        settings = held[person].values if person in held else None
        if settings is None:
            continue  # joined after the settings were read: the next time
        if id(settings) not in served:
            served[id(settings)] = is_served(settings, api)
        if served[id(settings)]:
            found[person] = Covered(person, address, settings)
    return found


def _there(account: Account, people: Collection[int] | None) -> QuerySet[User]:
    """Who has joined, which proves the address, and has not left."""
    found: QuerySet[User] = User.objects.filter(account=account, is_active=True, joined_at__isnull=False)
    return found if people is None else found.filter(pk__in=listed.ids(people))


def _addresses(there: QuerySet[User]) -> Iterator[tuple[int, str]]:
    yield from there.order_by("pk").values_list("pk", "email").iterator(chunk_size=READ_AT_ONCE)
