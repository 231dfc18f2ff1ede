"""The client credentials grant: the application asks for itself.

No application permission can be granted here yet, so the token carries none: it proves that the credential is
right and that the application is known in the tenant, which is what clients check with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from integrations.simulator.entra import claims, clients, principals
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.scopes import GRAPH_RESOURCES
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, ServicePrincipal, Tenant

SCOPES = tuple(f"{resource}/.default" for resource in GRAPH_RESOURCES)


def tokens(request: HttpRequest, form: Mapping[str, str], where: Directory, *, now: datetime) -> dict[str, Any]:
    """Exactly four members, never a refresh token and no `scope`."""
    if where.tenant is None:
        raise Refused(9001023)
    application = clients.authenticate(request, form, where, now=now)
    _must_be_known(application, where.tenant)
    if not form.get("scope"):
        raise Refused(900144, parameter="scope")
    if form["scope"].strip() not in SCOPES:
        raise Refused(1002012, scope=form["scope"])
    seconds = claims.lifetime()
    return {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": claims.app_token(
            application,
            tid=str(where.tenant.tid),
            oid=str(principals.oid(application.client_id, where.tenant)),
            seconds=seconds,
            now=now,
        ),
    }


def _must_be_known(application: Application, tenant: Tenant) -> None:
    """An application is in the directory of its publisher, and wherever somebody has consented to it."""
    if application.publisher_id == tenant.pk:
        return
    if not ServicePrincipal.objects.filter(application=application, tenant=tenant).exists():
        raise Refused(700016, client_id=str(application.client_id), tenant=tenant.name)
