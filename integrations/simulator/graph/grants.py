"""oauth2PermissionGrants: what people and administrators allowed applications to do for them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from integrations.simulator.entra import principals, resources
from integrations.simulator.entra.delegated import PERMISSIONS
from integrations.simulator.entra.tenants import as_guid
from integrations.simulator.graph import collecting, directory_errors, errors
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.collecting import Kind
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.filtering import EQUALITY, Column, Computed
from integrations.simulator.graph.replies import NO_CONTENT, Reply
from integrations.simulator.graph.service_principals import resource_id
from integrations.simulator.models import Grant, Tenant

PROPERTIES = ("clientId", "consentType", "id", "principalId", "resourceId", "scope")


def every(asking: Asking) -> dict[str, Any]:
    return _page(asking, _rows(asking))


def of_person(asking: Asking) -> dict[str, Any]:
    """What this person allowed, and nobody else; administrators' grants for everybody are not theirs."""
    return _page(asking, _rows(asking).filter(person=asking.person))


def of_principal(asking: Asking, which: str) -> dict[str, Any]:
    """What was allowed to this application."""
    guid = as_guid(which.partition("=")[2] or which)
    if guid is None:
        raise directory_errors.no_such_resource(which)
    mine = Q(service_principal__application__client_id=guid) if "=" in which else Q(service_principal__oid=guid)
    return _page(asking, _rows(asking).filter(mine))


def one(asking: Asking, graph_id: str) -> dict[str, Any]:
    return collecting.entity(asking, _kind(asking.caller.tenant), _shown(_row(asking, graph_id)))


def narrow(asking: Asking, graph_id: str) -> Reply:
    """The list is replaced. Access tokens keep what they have to their end; the next ones carry what is left."""
    row = _row(asking, graph_id)
    for name in asking.body:
        if name != "scope" and not name.startswith("@"):
            raise _bad(f"Property '{name}' is read-only and cannot be set.")
    text = asking.body.get("scope")
    if not isinstance(text, str) or not text.strip():
        raise _bad("Invalid value specified for property 'scope' of resource 'OAuth2PermissionGrant'.")
    row.scopes = [_known(name, str(row.resource)) for name in dict.fromkeys(text.split())]
    row.save(update_fields=["scopes"])
    return NO_CONTENT


def remove(asking: Asking, graph_id: str) -> Reply:
    """The next refresh is refused with 65001; access tokens live to their end."""
    _row(asking, graph_id).delete()
    return NO_CONTENT


def _rows(asking: Asking) -> QuerySet[Grant]:
    rows = Grant.objects.filter(service_principal__tenant=asking.caller.tenant)
    return rows.select_related("service_principal__tenant", "person")


def _row(asking: Asking, graph_id: str) -> Grant:
    found = _rows(asking).filter(graph_id=graph_id).first()
    if found is None:
        raise directory_errors.no_such_resource(graph_id).because("There is no such grant in this tenant.")
    return found


def _page(asking: Asking, rows: QuerySet[Grant]) -> dict[str, Any]:
    return collecting.page(asking, rows, _kind(asking.caller.tenant), _shown, None)


def _shown(row: Grant) -> dict[str, Any]:
    return {
        "clientId": str(row.service_principal.oid),
        "consentType": "Principal" if row.person else "AllPrincipals",
        "id": row.graph_id,
        "principalId": str(row.person.oid) if row.person else None,
        "resourceId": str(principals.oid(row.resource, row.service_principal.tenant)),
        "scope": " ".join(resources.short(name) for name in row.scopes),
    }


def _known(name: str, app_id: str) -> str:
    """As grants keep it: in full where it is not Graph's."""
    for known in PERMISSIONS:
        if resources.of(known).app_id == app_id and name.lower() in (known.lower(), resources.short(known).lower()):
            return known
    raise _bad(f"The permission '{name}' is not one of the resource's.")


def _bad(message: str) -> Refused:
    return Refused(400, "Request_BadRequest", message)


def _by_consent(value: object) -> Q:
    if not isinstance(value, str):
        raise errors.bad_filter()
    kinds = {"principal": Q(person__isnull=False), "allprincipals": Q(person=None)}
    return kinds.get(value.lower(), Q(pk__in=[]))


def _kind(tenant: Tenant) -> Kind:
    """Grants name the resource by its object id in the tenant."""

    def by_resource(value: object) -> Q:
        fitting = [one.app_id for one in resources.RESOURCES if str(resource_id(one, tenant)) == str(value).lower()]
        return Q(resource__in=fitting)

    return Kind(
        type_name="oAuth2PermissionGrant",
        context="oauth2PermissionGrants",
        properties=PROPERTIES,
        columns={
            "id": Column("graph_id", operators=EQUALITY),
            "clientid": Column("service_principal__oid", "guid", EQUALITY),
            "principalid": Column("person__oid", "guid", EQUALITY),
            "consenttype": Computed(_by_consent),
            "resourceid": Computed(by_resource),
        },
    )
