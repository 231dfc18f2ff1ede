"""Enterprise applications: an app registration in one tenant."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from integrations.simulator.models import Application, ServicePrincipal, Tenant


def ensure(application: Application, tenant: Tenant, *, now: datetime) -> ServicePrincipal:
    """Consent of anybody makes it; so does publishing."""
    ready_at = now + timedelta(seconds=tenant.consent_delay_seconds)
    found, _ = ServicePrincipal.objects.get_or_create(
        tenant=tenant,
        application=application,
        defaults={"oid": oid(application.client_id, tenant), "created_at": now, "ready_at": ready_at},
    )
    return found


def find(application: Application, tenant: Tenant) -> ServicePrincipal | None:
    return ServicePrincipal.objects.filter(application=application, tenant=tenant).first()


def oid(client_id: UUID, tenant: Tenant) -> UUID:
    """The same after every reset: scripts of a training keep working. Of resources (Graph) as well."""
    return uuid5(tenant.tid, str(client_id))


def new_grant_id() -> str:
    """As opaque as Graph's ids of grants and role assignments."""
    return secrets.token_urlsafe(32)
