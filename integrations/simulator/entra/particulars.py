"""Who and what a refusal is about, in the words that its text has places for."""

from __future__ import annotations

from uuid import uuid5

from integrations.simulator.models import Application, Person, Tenant

_POLICY = "Conditional Access"


def of_application(application: Application) -> dict[str, str]:
    return {"client_id": str(application.client_id), "app": application.name}


def of_tenant(tenant: Tenant) -> dict[str, str]:
    """`policy` is the id of the one Conditional Access policy that a simulated tenant has."""
    return {"tenant": tenant.name, "policy": str(uuid5(tenant.tid, _POLICY))}


def of_person(person: Person) -> dict[str, str]:
    return {"user": person.sign_in_name, "name": person.name, **of_tenant(person.tenant)}
