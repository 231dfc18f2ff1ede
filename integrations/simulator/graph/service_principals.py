"""Enterprise applications of a tenant, Microsoft's own among them, and the application permissions they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from integrations.simulator.entra import principals, resources
from integrations.simulator.entra.delegated import PERMISSIONS
from integrations.simulator.entra.permission import Permission
from integrations.simulator.entra.resources import Resource
from integrations.simulator.entra.roles import ROLES
from integrations.simulator.entra.tenants import as_guid
from integrations.simulator.graph import collecting, directory_errors, errors, times
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.collecting import Kind
from integrations.simulator.graph.replies import NO_CONTENT, Reply
from integrations.simulator.models import AppRole, ServicePrincipal, Tenant

OWNED = "Application.ReadWrite.OwnedBy"
# Microsoft's own applications belong to this organization.
MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
NAMES: Mapping[str, str] = {
    resources.GRAPH.app_id: "Microsoft Graph",
    resources.EXCHANGE.app_id: "Office 365 Exchange Online",
}
# fmt: off
EMPTY_LISTS = (
    "addIns", "alternativeNames", "keyCredentials", "notificationEmailAddresses", "passwordCredentials",
    "resourceSpecificApplicationPermissions",
)
EMPTY = (
    "applicationTemplateId", "appDescription", "deletedDateTime", "description", "disabledByMicrosoftStatus",
    "homepage", "loginUrl", "logoutUrl", "notes", "preferredSingleSignOnMode", "tokenEncryptionKeyId",
)
PROPERTIES = (
    "id", "appId", "displayName", "accountEnabled", "appDisplayName", "appOwnerOrganizationId",
    "appRoleAssignmentRequired", "appRoles", "createdDateTime", "oauth2PermissionScopes", "replyUrls",
    "servicePrincipalNames", "servicePrincipalType", "signInAudience", "tags", "verifiedPublisher",
    *EMPTY_LISTS, *EMPTY,
)
ASSIGNMENT_PROPERTIES = (
    "id", "deletedDateTime", "appRoleId", "createdDateTime", "principalDisplayName", "principalId", "principalType",
    "resourceDisplayName", "resourceId",
)
# fmt: on


def every(asking: Asking) -> dict[str, Any]:
    rows = ServicePrincipal.objects.filter(tenant=asking.caller.tenant).select_related("application__publisher")
    items = [_shown(row) for row in rows.order_by("pk")]
    items += [_of_microsoft(resource, asking.caller.tenant) for resource in resources.RESOURCES]
    return collecting.page_of(asking, items, KIND)


def one(asking: Asking, which: str) -> dict[str, Any]:
    """By object id, or as `servicePrincipals(appId='…')`."""
    resource = _resource(asking, which)
    if resource:
        return collecting.entity(asking, KIND, _of_microsoft(resource, asking.caller.tenant))
    return collecting.entity(asking, KIND, _shown(_row(asking, which)))


def remove(asking: Asking, which: str) -> Reply:
    """With all its grants: the next refresh is refused. Access tokens live to their end."""
    if _resource(asking, which):
        raise errors.directory_denied().because("Microsoft’s own applications cannot be removed.")
    row = _row(asking, which)
    _check_owner(asking, row)
    row.delete()
    return NO_CONTENT


def assignments(asking: Asking, which: str) -> dict[str, Any]:
    """The application permissions that this application has."""
    if _resource(asking, which):
        return collecting.page_of(asking, [], ASSIGNMENTS)
    rows = AppRole.objects.filter(service_principal=_row(asking, which))
    return _assignments(asking, list(rows.select_related("service_principal__application").order_by("pk")))


def assignment(asking: Asking, which: str, graph_id: str) -> dict[str, Any]:
    return collecting.entity(asking, ASSIGNMENTS, _assignment(_role(asking, which, graph_id), asking.caller.tenant))


def assigned_to(asking: Asking, which: str) -> dict[str, Any]:
    """The application permissions that all applications have at this one."""
    resource = _resource(asking, which)
    if resource is None:
        _row(asking, which)
        return collecting.page_of(asking, [], ASSIGNMENTS)
    rows = AppRole.objects.filter(resource=resource.app_id, service_principal__tenant=asking.caller.tenant)
    return _assignments(asking, list(rows.select_related("service_principal__application").order_by("pk")))


def unassign(asking: Asking, which: str, graph_id: str) -> Reply:
    """Tokens that carry the role already keep it to their end."""
    _role(asking, which, graph_id).delete()
    return NO_CONTENT


def _row(asking: Asking, which: str) -> ServicePrincipal:
    rows = ServicePrincipal.objects.filter(tenant=asking.caller.tenant).select_related("application__publisher")
    name, is_keyed, value = which.partition("=")
    guid = as_guid(value if is_keyed else which)
    found = None
    if guid and not is_keyed:
        found = rows.filter(oid=guid).first()
    elif guid and name.lower() == "appid":
        found = rows.filter(application__client_id=guid).first()
    if found is None:
        raise directory_errors.no_such_resource(value if is_keyed else which).because(
            f"{asking.caller.tenant.name} has no enterprise application with this id."
        )
    return found


def _resource(asking: Asking, which: str) -> Resource | None:
    wanted = which.lower()
    for resource in resources.RESOURCES:
        if wanted in (f"appid={resource.app_id}", str(resource_id(resource, asking.caller.tenant))):
            return resource
    return None


def resource_id(resource: Resource, tenant: Tenant) -> UUID:
    """The object id of Graph's or Exchange's own service principal."""
    return principals.oid(UUID(resource.app_id), tenant)


def _role(asking: Asking, which: str, graph_id: str) -> AppRole:
    """Seen from the application that has it, or from the one at which it has it."""
    rows = AppRole.objects.select_related("service_principal__application")
    rows = rows.filter(graph_id=graph_id, service_principal__tenant=asking.caller.tenant)
    resource = _resource(asking, which)
    mine = rows.filter(resource=resource.app_id) if resource else rows.filter(service_principal=_row(asking, which))
    found = mine.first()
    if found is None:
        raise directory_errors.no_such_resource(graph_id).because("There is no such assignment.")
    return found


def _check_owner(asking: Asking, row: ServicePrincipal) -> None:
    """Application.ReadWrite.OwnedBy is for what the application made itself: here, itself."""
    caller = asking.caller
    wider = caller.granted & {"Application.ReadWrite.All", "Directory.ReadWrite.All"}
    if caller.is_app_only and not wider and row.application.client_id != caller.client_id:
        raise errors.directory_denied().because(f"{OWNED} does not reach applications of others.")


def _shown(row: ServicePrincipal) -> dict[str, Any]:
    application = row.application
    return {
        **_blank(),
        "id": str(row.oid),
        "appId": str(application.client_id),
        "displayName": application.name,
        "appDisplayName": application.name,
        "accountEnabled": row.is_enabled,
        "appOwnerOrganizationId": str(application.publisher.tid),
        "appRoleAssignmentRequired": row.needs_assignment,
        "createdDateTime": times.stamp(row.created_at),
        "replyUrls": [*application.redirect_uris, *application.spa_redirect_uris],
        "servicePrincipalNames": [str(application.client_id)],
        "signInAudience": "AzureADMultipleOrgs" if application.is_multi_tenant else "AzureADMyOrg",
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        "verifiedPublisher": _publisher(row),
    }


def _publisher(row: ServicePrincipal) -> dict[str, Any]:
    publisher = row.application.publisher
    is_verified = row.application.is_publisher_verified
    return {
        "displayName": publisher.name if is_verified else None,
        "verifiedPublisherId": str(publisher.pk) if is_verified else None,
        "addedDateTime": None,
    }


def _of_microsoft(resource: Resource, tenant: Tenant) -> dict[str, Any]:
    name = NAMES[resource.app_id]
    return {
        **_blank(),
        "id": str(resource_id(resource, tenant)),
        "appId": resource.app_id,
        "displayName": name,
        "appDisplayName": name,
        "accountEnabled": True,
        "appOwnerOrganizationId": MICROSOFT,
        "appRoleAssignmentRequired": False,
        "createdDateTime": None,
        "replyUrls": [],
        "servicePrincipalNames": list(dict.fromkeys((resource.app_id, *resource.identifiers))),
        "signInAudience": "AzureADMultipleOrgs",
        "tags": [],
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
        "appRoles": [_role_offered(name, one) for name, one in ROLES.items() if resources.of(name) is resource],
        "oauth2PermissionScopes": [
            _scope_offered(name, one) for name, one in PERMISSIONS.items() if resources.of(name) is resource
        ],
    }


def _blank() -> dict[str, Any]:
    return {
        **{name: [] for name in EMPTY_LISTS},
        **dict.fromkeys(EMPTY),
        "servicePrincipalType": "Application",
        "appRoles": [],
        "oauth2PermissionScopes": [],
    }


def _role_offered(name: str, permission: Permission) -> dict[str, Any]:
    return {
        "id": permission.guid,
        "value": resources.short(name),
        "displayName": permission.title,
        "description": permission.sentence,
        "allowedMemberTypes": ["Application"],
        "isEnabled": True,
        "origin": "Application",
    }


def _scope_offered(name: str, permission: Permission) -> dict[str, Any]:
    return {
        "id": permission.guid,
        "value": resources.short(name),
        "type": "Admin" if permission.is_for_admins else "User",
        "isEnabled": True,
        "adminConsentDisplayName": permission.title,
        "adminConsentDescription": permission.sentence,
        "userConsentDisplayName": permission.title,
        "userConsentDescription": permission.sentence,
    }


def _assignments(asking: Asking, rows: list[AppRole]) -> dict[str, Any]:
    return collecting.page_of(asking, [_assignment(row, asking.caller.tenant) for row in rows], ASSIGNMENTS)


def _assignment(row: AppRole, tenant: Tenant) -> dict[str, Any]:
    principal = row.service_principal
    app_id = str(row.resource)
    return {
        "id": row.graph_id,
        "deletedDateTime": None,
        "appRoleId": _role_id(row.name, app_id),
        "createdDateTime": times.stamp(row.granted_at),
        "principalDisplayName": principal.application.name,
        "principalId": str(principal.oid),
        "principalType": "ServicePrincipal",
        "resourceDisplayName": NAMES.get(app_id, app_id),
        "resourceId": str(principals.oid(row.resource, tenant)),
    }


def _role_id(name: str, app_id: str) -> str:
    """Roles are kept by their short names, which are unique within a resource."""
    for known, permission in ROLES.items():
        if resources.short(known) == name and resources.of(known).app_id == app_id:
            return permission.guid
    return "00000000-0000-0000-0000-000000000000"


KIND = Kind(
    type_name="servicePrincipal",
    context="servicePrincipals",
    properties=PROPERTIES,
    orders={"displayname": "displayName", "appid": "appId", "id": "id"},
)
ASSIGNMENTS = Kind(type_name="appRoleAssignment", context="appRoleAssignments", properties=ASSIGNMENT_PROPERTIES)
