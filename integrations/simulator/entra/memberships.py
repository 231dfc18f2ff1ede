"""What tokens and assertions say of a person's groups, and of their roles in the application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from integrations.simulator.entra import principals
from integrations.simulator.models import Application, Person, Tenant

# More than these are not listed: who wants to know asks Graph.
MOST_IN_TOKEN, MOST_IN_ASSERTION = 200, 150


def group_id(tenant: Tenant, name: str) -> UUID:
    """The same after every reset, and by the name alone."""
    return uuid5(tenant.tid, f"group:{name}")


def groups(person: Person, application: Application) -> Sequence[str]:
    """Object ids, if the application's tokens name groups at all."""
    return [str(group_id(person.tenant, name)) for name in person.groups] if application.tells_groups else []


def roles(person: Person, application: Application) -> Sequence[str]:
    """Of the application's own, those that the person was assigned to."""
    principal = principals.find(application, person.tenant)
    return list(principal.assigned_roles.get(str(person.oid), [])) if principal else []


def endpoint(person: Person) -> str:
    """Where all groups of the person are, at the real service."""
    return f"https://graph.windows.net/{person.tenant.tid}/users/{person.oid}/getMemberObjects"


def claims(person: Person, application: Application) -> dict[str, Any]:
    """Of an id_token: a claim that would be empty is left out."""
    found: dict[str, Any] = {}
    listed, assigned = groups(person, application), roles(person, application)
    if len(listed) > MOST_IN_TOKEN:
        found = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": endpoint(person)}}}
    elif listed:
        found = {"groups": listed}
    return {**found, **({"roles": assigned} if assigned else {})}
