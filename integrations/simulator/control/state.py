"""What is there right now, for a test or a trainer to look at. No secret, code or token is part of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from integrations.simulator.control import faults, tally
from integrations.simulator.models import Application, Fault, Grant, Person, RefreshToken, Tenant


def everything(*, now: datetime) -> dict[str, Any]:
    return {
        "now": now.isoformat(),
        "tenants": [_tenant(tenant) for tenant in Tenant.objects.prefetch_related("domains").order_by("name")],
        "people": [_person(person) for person in Person.objects.select_related("tenant").order_by("sign_in_name")],
        "applications": [_application(app, now) for app in Application.objects.prefetch_related("secrets")],
        "grants": [
            _grant(grant)
            for grant in Grant.objects.select_related(
                "person", "service_principal__tenant", "service_principal__application"
            )
        ],
        "refresh_tokens": RefreshToken.objects.filter(expires_at__gt=now).count(),
        "faults": [fault(one, now=now) for one in faults.active(now=now)],
        "requests": tally.numbers(),
    }


def fault(one: Fault, *, now: datetime) -> dict[str, Any]:
    return {
        "id": one.pk,
        "target": one.target,
        "tenant": one.tenant.name if one.tenant else None,
        "steps": one.steps,
        "seconds_left": one.seconds_left(now=now),
    }


def _tenant(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": str(tenant.tid),
        "name": tenant.name,
        "domains": [domain.name for domain in tenant.domains.all()],
    }


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": str(person.oid),
        "tenant": person.tenant.name,
        "sign_in_name": person.sign_in_name,
        "upn": person.upn,
        "name": person.name,
        "is_guest": person.is_guest,
        "is_admin": person.is_admin,
        "is_enabled": person.is_enabled,
        "has_mailbox": person.has_mailbox,
        "tokens_valid_from": person.valid_from.isoformat(),
    }


def _application(application: Application, now: datetime) -> dict[str, Any]:
    return {
        "client_id": str(application.client_id),
        "name": application.name,
        "redirect_uris": application.redirect_uris,
        "secrets": [
            {"expires_at": secret.expires_at.isoformat(), "is_expired": secret.expires_at <= now}
            for secret in application.secrets.all()
        ],
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "person": grant.person.sign_in_name if grant.person else None,
        "tenant": grant.service_principal.tenant.name,
        "client_id": str(grant.service_principal.application.client_id),
        "scopes": grant.scopes,
        "granted_at": grant.granted_at.isoformat(),
    }
