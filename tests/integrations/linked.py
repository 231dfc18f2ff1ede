"""The simulated Kestrel has consented to Application Permissions: a link, and people connected by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from accounts.models import Account, User
from integrations.models import Connection, TenantLink
from tests.integrations.authorized import authorized, connected_by
from tests.simulated import Simulator

ROLES = ("User.Read.All", "Calendars.ReadWrite")


def at(microsoft: Simulator, action: str, tenant: str = "kestrel.example", **parameters: Any) -> None:
    """Something is done with the portal's application in an organization."""
    microsoft.control("POST", f"applications/{microsoft.client_id}/tenants/{tenant}/{action}", parameters or None)


def with_person(microsoft: Simulator, person: User, action: str) -> None:
    microsoft.control("POST", f"people/{person.email}/{action}")


def consented(microsoft: Simulator, roles: Iterable[str] = ROLES, *, tenant: str = "kestrel.example") -> str:
    """As an administrator of the organization would; answers its id."""
    at(microsoft, "add", tenant)
    at(microsoft, "grant-roles", tenant, roles=list(roles))
    return str(microsoft.control("GET", f"tenants/{tenant}")["id"])


def linked(account: Account, microsoft: Simulator, **more: Any) -> TenantLink:
    """Kestrel's consent, used by an account since now."""
    now = timezone.now()
    usual = {"tenant_id": consented(microsoft), "since_at": now, "linked_at": now, "roles": [], "roles_at": None}
    return authorized(account, **usual | {"check_due_at": now} | more)


def carried(link: TenantLink, people: list[User], microsoft: Simulator, **more: Any) -> list[Connection]:
    """Connected by it, each to the mailbox that has their address."""
    made = connected_by(link, people, **more)
    for one in made:
        object_id = microsoft.control("GET", f"people/{one.address}")["id"]
        Connection.objects.filter(pk=one.pk).update(object_id=object_id)
        one.object_id = object_id
    return made


def again(link: TenantLink) -> TenantLink:
    """As a process that knows nothing yet reads it."""
    return TenantLink.objects.select_related("account").get(pk=link.pk)


def standing(connection: Connection) -> tuple[str, str]:
    """State and reason."""
    found = Connection.objects.get(pk=connection.pk)
    return found.state, found.reason
