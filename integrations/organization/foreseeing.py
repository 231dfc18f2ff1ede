"""Whom a change of the settings would leave to the consent of their organization, before anybody makes it.

Who is looked up can be said; whose mailbox is found there only Microsoft knows. Of an account that has not authorized
any organization yet it is foreseen as if it did, for its verified associated domains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from accounts.cascade.declare import setting_of
from accounts.cascade.facts import Facts, Held
from accounts.domain_names import domain_of, shown
from accounts.models import Account, AssociatedDomain, DomainState, User
from accounts.openings import Effect
from integrations.models import ALIVE, State, TenantLink
from integrations.policy import (
    Shape,
    api_of,
    is_by_organization,
    is_of_organization,
    is_served_by_organization,
    may_connect,
)
from integrations.preferences import Api, Integrations, Method, ServicePolicy

SERVICES = setting_of(Integrations, "services")
_CONNECTED = (*ALIVE, State.BLOCKED_BY_POLICY)


@dataclass(frozen=True)
class Reach:
    """Whose addresses the consent of an organization is, or would be, used for, by one API."""

    domains: frozenset[str] = frozenset()
    is_linked: bool = True


@dataclass
class Foresight:
    """Of one change. `before`, `after`: what everybody holds who is asked about."""

    before: Mapping[int, Held[Integrations]]
    after: Mapping[int, Held[Integrations]]
    reaches: Mapping[Api, Reach]
    _known: dict[tuple[Any, ...], bool] = field(default_factory=dict)

    @property
    def reach(self) -> Reach:
        """By whichever API."""
        found = self.reaches.values()
        domains = frozenset(name for one in found for name in one.domains)
        return Reach(domains, is_linked=all(one.is_linked for one in found))

    def is_movable(self, person: int, shape: Shape, email: str) -> bool:
        """Whether a connection that its person made will be carried by the organization, and is not yet about to."""
        if shape.method != Method.OAUTH or self._was_served_so(person) or not self._is_newly(person, email):
            return False
        reach = self._reach(person)
        if shape.api != api_of(self.after[person].values.services):
            return False  # what becomes of one by the other API is not for the consent to say
        return shape.may_move or (not reach.is_linked and shape.domain in reach.domains)

    def is_refused(self, person: int, shape: Shape, email: str) -> bool:
        """Whether the organization's consent will turn out not to be used for it, although it is of their tenant."""
        if not shape.may_move or not self._is_served(self.after, person):
            return False
        return domain_of(email) not in self._reach(person).domains

    def is_asked(self, person: int, shape: Shape) -> bool:
        """Whether it was the organization's to carry a connection, and is its person's from now on."""
        if shape.method != Method.APPLICATION_PERMISSIONS or not self._is_served(self.before, person):
            return False
        values = self.after[person].values
        return not is_by_organization(values) and may_connect(values, Shape(domain=shape.domain)) is None

    def begins(self, account: Account, people: QuerySet[User] | None) -> Iterator[Effect]:
        """Who is about to be looked up at Microsoft and is not connected. One query, if anybody can be."""
        if not self.reach.domains:
            return
        for person, email, method, address in _unconnected(account, people):
            place = address if address and method == Method.APPLICATION_PERMISSIONS.value else email
            if person in self.after and self._begins(person, email, place):
                yield Effect(person, email, f"Address of {shown(domain_of(email))}")

    def _begins(self, person: int, email: str, place: str) -> bool:
        before, after = self.before[person], self.after[person]
        key = (id(before), id(after), email.rpartition("@")[2], place.rpartition("@")[2])
        if key not in self._known:
            allowed = domain_of(place) or "unknown"
            was = self._was_served_so(person) and before.values.domains.allows(allowed)
            self._known[key] = not was and after.values.domains.allows(allowed) and self._is_newly(person, email)
        return self._known[key]

    def _is_newly(self, person: int, email: str) -> bool:
        """The settings leave them to an organization, which has consented or, by this very change, is about to."""
        reach = self._reach(person)
        if not self._is_served(self.after, person) or domain_of(email) not in reach.domains:
            return False
        return reach.is_linked or not self._was_by_same(person)

    def _reach(self, person: int) -> Reach:
        return self.reaches.get(api_of(self.after[person].values.services), Reach())

    def _was_served_so(self, person: int) -> bool:
        """By the same API as then: by the other one it is another consent."""
        return self._is_served(self.before, person) and self._was_by_same(person)

    def _was_by_same(self, person: int) -> bool:
        before, after = self.before[person].values, self.after[person].values
        return is_by_organization(before) and (
            not is_by_organization(after) or api_of(before.services) == api_of(after.services)
        )

    def _is_served(self, held: Mapping[int, Held[Integrations]], person: int) -> bool:
        return is_served_by_organization(held[person].values)


def foreseen(account: Account, *, before: Facts, after: Facts) -> Foresight | None:
    """None: nobody is, or would be, connected by an organization. Two queries, if anybody would be."""
    is_coming = _concerns(after)
    if not is_coming and not _concerns(before):
        return None
    reach = _reach(account, after) if is_coming else {}
    return Foresight(before.held(Integrations), after.held(Integrations), reach)


def _concerns(facts: Facts) -> bool:
    return any(map(is_of_organization, _policies(facts)))


def _policies(facts: Facts) -> list[ServicePolicy]:
    rulings = facts.of_groups.get(SERVICES.key, {}).values()
    return [facts.base(SERVICES.key), *(ruling.value for ruling in rulings)]


def _reach(account: Account, after: Facts) -> dict[Api, Reach]:
    open_ones = TenantLink.objects.filter(account=account, ended_at=None)
    of_links: dict[Api, set[str]] = {}
    for api, domains in open_ones.values_list("api", "domains"):
        of_links.setdefault(Api(api), set()).update(domains)
    found = {api: Reach(frozenset(names), is_linked=True) for api, names in of_links.items()}
    coming = {api_of(policy) for policy in _policies(after) if is_of_organization(policy)} - found.keys()
    return found | (dict.fromkeys(coming, _verified(account)) if coming else {})


def _verified(account: Account) -> Reach:
    verified = AssociatedDomain.objects.filter(account=account, state=DomainState.VERIFIED)
    return Reach(frozenset(verified.values_list("name", flat=True)), is_linked=False)


def _unconnected(account: Account, people: QuerySet[User] | None) -> Iterator[tuple[Any, ...]]:
    there: QuerySet[User] = User.objects.filter(account=account, is_active=True, joined_at__isnull=False)
    if people is not None:
        there = there.filter(pk__in=people.order_by().values("pk"))
    there = there.exclude(connection__state__in=_CONNECTED)
    yield from there.order_by("pk").values_list("pk", "email", "connection__method", "connection__address")
