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
    is_by_organization,
    is_of_organization,
    is_served_by_organization,
    may_connect,
)
from integrations.preferences import Integrations, Method

SERVICES = setting_of(Integrations, "services")
_CONNECTED = (*ALIVE, State.BLOCKED_BY_POLICY)


@dataclass(frozen=True)
class Reach:
    """Whose addresses the consent of an organization is, or would be, used for."""

    domains: frozenset[str]
    is_linked: bool


@dataclass
class Foresight:
    """Of one change. `before`, `after`: what everybody holds who is asked about."""

    before: Mapping[int, Held[Integrations]]
    after: Mapping[int, Held[Integrations]]
    reach: Reach
    _known: dict[tuple[Any, ...], bool] = field(default_factory=dict)

    def is_movable(self, person: int, shape: Shape, email: str) -> bool:
        """Whether a connection that its person made will be carried by the organization, and is not yet about to."""
        if shape.method != Method.OAUTH or self._is_served(self.before, person) or not self._is_newly(person, email):
            return False
        return shape.may_move or (not self.reach.is_linked and shape.domain in self.reach.domains)

    def is_refused(self, person: int, shape: Shape, email: str) -> bool:
        """Whether the organization's consent will turn out not to be used for it, although it is of their tenant."""
        return shape.may_move and self._is_served(self.after, person) and domain_of(email) not in self.reach.domains

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
            was = is_served_by_organization(before.values) and before.values.domains.allows(allowed)
            self._known[key] = not was and after.values.domains.allows(allowed) and self._is_newly(person, email)
        return self._known[key]

    def _is_newly(self, person: int, email: str) -> bool:
        """The settings leave them to an organization, which has consented or, by this very change, is about to."""
        if not self._is_served(self.after, person) or domain_of(email) not in self.reach.domains:
            return False
        return self.reach.is_linked or not is_by_organization(self.before[person].values)

    def _is_served(self, held: Mapping[int, Held[Integrations]], person: int) -> bool:
        return is_served_by_organization(held[person].values)


def foreseen(account: Account, *, before: Facts, after: Facts) -> Foresight | None:
    """None: nobody is, or would be, connected by an organization. Two queries, if anybody would be."""
    is_coming = _concerns(after)
    if not is_coming and not _concerns(before):
        return None
    reach = _reach(account) if is_coming else Reach(frozenset(), is_linked=True)
    return Foresight(before.held(Integrations), after.held(Integrations), reach)


def _concerns(facts: Facts) -> bool:
    rulings = facts.of_groups.get(SERVICES.key, {}).values()
    return any(map(is_of_organization, [facts.base(SERVICES.key), *(ruling.value for ruling in rulings)]))


def _reach(account: Account) -> Reach:
    open_ones = TenantLink.objects.filter(account=account, ended_at=None)
    links = list(open_ones.values_list("domains", flat=True))
    if links:
        return Reach(frozenset(name for domains in links for name in domains), is_linked=True)
    verified = AssociatedDomain.objects.filter(account=account, state=DomainState.VERIFIED)
    return Reach(frozenset(verified.values_list("name", flat=True)), is_linked=False)


def _unconnected(account: Account, people: QuerySet[User] | None) -> Iterator[tuple[Any, ...]]:
    there: QuerySet[User] = User.objects.filter(account=account, is_active=True, joined_at__isnull=False)
    if people is not None:
        there = there.filter(pk__in=people.order_by().values("pk"))
    there = there.exclude(connection__state__in=_CONNECTED)
    yield from there.order_by("pk").values_list("pk", "email", "connection__method", "connection__address")
