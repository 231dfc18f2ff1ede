"""Enterprise applications: an app registration in one tenant."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID, uuid5

from integrations.simulator.models import Application, ServicePrincipal, Tenant


def ensure(application: Application, tenant: Tenant, *, now: datetime) -> ServicePrincipal:
    """Consent of anybody makes it; so does publishing."""
    found, _ = ServicePrincipal.objects.get_or_create(
        tenant=tenant,
        application=application,
        defaults={"oid": oid(application.client_id, tenant), "created_at": now, "ready_at": now},
    )
    return found


def oid(client_id: UUID, tenant: Tenant) -> UUID:
    """The same after every reset: scripts of a training keep working."""
    return uuid5(tenant.tid, str(client_id))


def new_grant_id() -> str:
    """As opaque as Graph's ids of grants and role assignments."""
    return secrets.token_urlsafe(32)
