"""What a person has allowed an application, and what that means for the next request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from integrations.simulator.entra import principals
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.scopes import OIDC, PERMISSIONS, Scopes, join
from integrations.simulator.models import Application, Grant, Person


def allowed(application: Application, person: Person) -> tuple[str, ...]:
    mine = Q(person=person) | Q(person=None, service_principal__tenant_id=person.tenant_id)
    grants = Grant.objects.filter(mine, service_principal__application=application).order_by("pk")
    return join(*(grant.scopes for grant in grants))


def wanted(scopes: Scopes, application: Application) -> tuple[str, ...]:
    """`.default` stands for everything the registration lists."""
    return join(scopes.names, application.permissions if scopes.is_default else ())


def missing(names: Sequence[str], application: Application, person: Person) -> tuple[str, ...]:
    have = allowed(application, person)
    return tuple(name for name in names if name not in have)


def needs_admin(names: Sequence[str], person: Person) -> bool:
    return not person.is_admin and any(PERMISSIONS[name].is_for_admins for name in names)


def needs_an_admin(application: Application, person: Person) -> Refused:
    return Refused(90094, tenant=person.tenant.name, app=application.name)


def allow(application: Application, person: Person, names: Sequence[str], *, now: datetime) -> None:
    """Consent adds up: asking for less later takes nothing back."""
    with transaction.atomic():
        grant, _ = Grant.objects.get_or_create(
            service_principal=principals.ensure(application, person.tenant, now=now),
            person=person,
            defaults={"graph_id": principals.new_grant_id(), "scopes": [], "granted_at": now},
        )
        grant.scopes = list(join(grant.scopes, names))
        grant.granted_at = now
        grant.save(update_fields=["scopes", "granted_at"])


def effective(
    asked: Scopes | None, carried: Sequence[str], application: Application, person: Person
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Graph scopes and OpenID Connect scopes of the tokens about to be made.

    Graph's scopes are all that were consented, whatever subset is asked for: so does the real service. Asking for
    what was never consented, or after the grant was deleted, is refused with 65001.
    """
    have = allowed(application, person)
    need = asked.names if asked and not asked.is_default else tuple(carried)
    if not have or any(name not in have for name in need):
        raise Refused(65001, client_id=str(application.client_id), app=application.name)
    graph = tuple(name for name in have if name not in OIDC)
    # The rights to an id_token and to a refresh token stem from the sign-in, not from what is asked for now.
    oidc = tuple(name for name in carried if name not in graph)
    return graph, oidc
