"""The client credentials grant: the application asks for itself, in one tenant.

What it may do there follows from the application permissions that an administrator has granted. Permissions for
some mailboxes only (RBAC for Applications) do not show in the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from integrations.simulator.control import seen
from integrations.simulator.entra import claims, clients, particulars, principals, scopes, standing
from integrations.simulator.entra.claims import Grounds
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.resources import Resource
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, ServicePrincipal, Tenant


def tokens(request: HttpRequest, form: Mapping[str, str], where: Directory, *, now: datetime) -> dict[str, Any]:
    """Exactly four members, never a refresh token and no `scope`."""
    if where.tenant is None:
        raise Refused(9001023)
    client = clients.authenticate(request, form, where, now=now)
    seen.explain(request, tenant=where.tenant.name)
    client.check_kind(is_spa=False)
    standing.check_tenant(where.tenant)
    principal = _principal(client.application, where.tenant, now=now)
    resource = _resource(form.get("scope", ""), where)
    roles = sorted(principal.roles.filter(resource=resource.app_id).values_list("name", flat=True))
    seconds = claims.lifetime()
    grounds = Grounds(application=client.application, acr=client.acr, resource=resource)
    seen.explain(request, why=_why(client.application, roles))
    return {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": claims.app_token(
            where.tenant, grounds, oid=str(principal.oid), roles=roles, seconds=seconds, now=now
        ),
    }


def _principal(application: Application, tenant: Tenant, *, now: datetime) -> ServicePrincipal:
    about = {**particulars.of_application(application), **particulars.of_tenant(tenant)}
    principal = principals.find(application, tenant)
    if principal is None:
        raise Refused(700016, **about)
    if principal.ready_at > now:
        why = f"The consent has not arrived everywhere yet: {application.name} is known in {tenant.name} shortly."
        raise Refused(700016, why=why, **about)
    if not principal.is_enabled:
        raise Refused(7000112, **about)
    return principal


def _resource(scope: str, where: Directory) -> Resource:
    """Of `https://graph.microsoft.com/.default`; anything else but one `.default` is refused with 1002012."""
    if not scope:
        raise Refused(900144, parameter="scope")
    words = scope.split()
    if len(words) != 1 or not words[0].lower().endswith("/.default"):
        raise Refused(1002012, scope=scope)
    try:
        return scopes.read(scope, app="", tenant=where.name).resources[0]
    except Refused as refused:
        if refused.code == 500011:
            raise
        raise Refused(1002012, scope=scope) from None


def _why(application: Application, roles: list[str]) -> str:
    may = ", ".join(roles) if roles else "no application permission that Entra knows of"
    return f"The credential of {application.name} is right; it has {may}."
