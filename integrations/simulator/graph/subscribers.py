"""Which subscriptions there are to tell, and which have lost the ground they stood on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from django.db.models import Q, QuerySet

from integrations.simulator.entra import grants, principals
from integrations.simulator.graph.subscription_requests import READ
from integrations.simulator.models import AppRole, Person, ScopedRole, Subscription


def of(person: Person, *, now: datetime) -> Sequence[Subscription]:
    return list(_alive(now=now).filter(person=person))


def alive(numbers: Collection[int], *, now: datetime) -> dict[int, Subscription]:
    return _alive(now=now).in_bulk(list(numbers))


class Happening(Protocol):
    """What happened where; the calendar itself may be no more."""

    @property
    def change(self) -> str: ...
    @property
    def person_id(self) -> int: ...
    @property
    def calendar_id(self) -> int: ...


def interested(happening: Happening, *, now: datetime) -> Sequence[Subscription]:
    """Only who may still read it: without permission there are no notices, until it is authorised again."""
    theirs = Q(calendar_id=happening.calendar_id) | Q(calendar=None, person_id=happening.person_id)
    found = _alive(now=now).filter(theirs)
    return [one for one in found if happening.change in one.change_types and not lost_ground(one) and may_read(one)]


def every(*, now: datetime) -> Sequence[Subscription]:
    return list(_alive(now=now))


def lost_ground(subscription: Subscription) -> str:
    """Why Microsoft removes it, in a sentence; empty when it may stay."""
    person, creator = subscription.person, subscription.creator
    principal = principals.find(subscription.application, person.tenant)
    if principal is None or not principal.is_enabled:
        return "The application is gone from the organization, or disabled there."
    if person.deleted_at or not person.has_mailbox:
        return f"{person.name}’s mailbox is out of reach."
    if creator and (creator.deleted_at or not creator.is_enabled):
        return f"{creator.name}’s account is disabled or deleted."
    if creator and creator.valid_from > subscription.created_at:
        return f"{creator.name}’s sessions were revoked after the subscription was made."
    return ""


def may_read(subscription: Subscription) -> bool:
    application, creator = subscription.application, subscription.creator
    if creator:
        return bool(set(READ) & set(grants.allowed(application, creator)))
    tenant = subscription.person.tenant
    roles = AppRole.objects.filter(service_principal__application=application, service_principal__tenant=tenant)
    names = [*READ, *(f"Application {name}" for name in READ)]
    scoped = ScopedRole.objects.filter(
        service_principal__application=application,
        service_principal__tenant=tenant,
        name__in=names,
        people=subscription.person,
    )
    return roles.filter(name__in=READ).exists() or scoped.exists()


def _alive(*, now: datetime) -> QuerySet[Subscription]:
    related = ("application", "creator", "person__tenant")
    return Subscription.objects.select_related(*related).filter(expires_at__gt=now).order_by("pk")
