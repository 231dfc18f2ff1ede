"""What was allowed to an application, by people and by administrators, and what that means for the next request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from integrations.simulator.entra import particulars, principals, resources
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.resources import RESOURCES, Resource
from integrations.simulator.entra.scopes import OIDC, Scopes, join
from integrations.simulator.models import Application, AppRole, Grant, Person, ServicePrincipal, Tenant
from integrations.simulator.prepared import Prepared


def allowed(application: Application, person: Person) -> tuple[str, ...]:
    """By the person, or by an administrator for everybody."""
    grants = _of(person).filter(service_principal__application=application).order_by("pk")
    return join(*(grant.scopes for grant in grants))


def wanted(scopes: Scopes, application: Application) -> tuple[str, ...]:
    """`.default` stands for everything the registration lists of that resource."""
    listed = (name for name in application.permissions if resources.of(name) in scopes.resources)
    return join(scopes.names, listed if scopes.is_default else ())


def missing(names: Sequence[str], application: Application, person: Person) -> tuple[str, ...]:
    have = allowed(application, person)
    return tuple(name for name in names if name not in have)


def allow(application: Application, person: Person, names: Sequence[str], *, now: datetime) -> None:
    """Consent adds up: asking for less later takes nothing back."""
    with transaction.atomic():
        principal = principals.ensure(application, person.tenant, now=now)
        for resource in RESOURCES:
            _add(principal, resource, person, _of_resource(names, resource), now=now)


def allow_for_all(
    application: Application, tenant: Tenant, scopes: Sequence[str], roles: Sequence[str], *, now: datetime
) -> ServicePrincipal:
    """An administrator's consent: delegated permissions for everybody, application permissions for itself."""
    with transaction.atomic():
        principal = principals.ensure(application, tenant, now=now)
        for resource in RESOURCES:
            _add(principal, resource, None, _of_resource(scopes, resource), now=now)
        for name in roles:
            AppRole.objects.get_or_create(
                service_principal=principal,
                resource=resources.of(name).app_id,
                name=resources.short(name),
                defaults={"graph_id": principals.new_grant_id(), "granted_at": now},
            )
    return principal


@dataclass(frozen=True)
class Effective:
    """What the tokens about to be made are for."""

    resource: Resource
    scopes: tuple[str, ...]
    """All of the resource that were consented to, whatever subset was asked for: so does the real service."""
    oidc: tuple[str, ...]


def standing(application: Application, person: Person) -> tuple[ServicePrincipal | None, tuple[str, ...]]:
    """The enterprise application in the person's organization, if there is one, and what is allowed to it."""
    grants = _STANDING.all(person.pk, person.tenant_id, application.pk)
    if grants:
        return grants[0].service_principal, join(*(grant.scopes for grant in grants))
    return principals.find(application, person.tenant), ()


def effective(
    asked: Scopes | None, carried: Sequence[str], have: Sequence[str], application: Application, person: Person
) -> Effective:
    """Of several resources the first one counts.

    Asking for what was never consented to, or after the grant was deleted, is refused with 65001.
    """
    resource = asked.resources[0] if asked else resources.of(next(_beyond_oidc(carried), ""))
    need = _needed(asked, carried, resource)
    scopes = tuple(name for name in _beyond_oidc(have) if resources.of(name) is resource)
    if not have or any(name not in have for name in need) or (resource is not RESOURCES[0] and not scopes):
        raise Refused(65001, **particulars.of_application(application), **particulars.of_person(person))
    # The rights to an id_token and to a refresh token stem from the sign-in, not from what is asked for now.
    return Effective(resource, scopes, tuple(name for name in carried if name in OIDC))


def _needed(asked: Scopes | None, carried: Sequence[str], resource: Resource) -> tuple[str, ...]:
    names = asked.names if asked and not asked.is_default else tuple(carried)
    return tuple(name for name in names if name in OIDC or resources.of(name) is resource)


def _beyond_oidc(names: Sequence[str]) -> Iterator[str]:
    return (name for name in names if name not in OIDC)


def _of(person: Person) -> QuerySet[Grant]:
    mine = Q(person=person) | Q(person=None)
    return Grant.objects.filter(mine, service_principal__tenant_id=person.tenant_id)


def _of_resource(names: Sequence[str], resource: Resource) -> tuple[str, ...]:
    return tuple(name for name in names if resources.of(name) is resource)


def _add(
    principal: ServicePrincipal, resource: Resource, person: Person | None, names: Sequence[str], *, now: datetime
) -> None:
    if not names:
        return
    grant, _ = Grant.objects.get_or_create(
        service_principal=principal,
        resource=resource.app_id,
        person=person,
        defaults={"graph_id": principals.new_grant_id(), "scopes": [], "granted_at": now},
    )
    grant.scopes = list(join(grant.scopes, names))
    grant.granted_at = now
    grant.save(update_fields=["scopes", "granted_at"])


_STANDING = Prepared(
    lambda person, tenant, application: (
        Grant.objects.filter(
            Q(person=person) | Q(person=None),
            service_principal__tenant=tenant,
            service_principal__application=application,
        )
        .select_related("service_principal")
        .order_by("pk")
    ),
    int,
    int,
    int,
)
