"""What is there right now, for a test or a trainer to look at. No secret, code or token is part of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from integrations.simulator import premises
from integrations.simulator.control import faults, tally
from integrations.simulator.entra import approvals, memberships
from integrations.simulator.models import (
    Application,
    Calendar,
    Fault,
    Grant,
    Person,
    RefreshToken,
    ServicePrincipal,
    Subscription,
    Tenant,
)


def everything(*, now: datetime) -> dict[str, Any]:
    principals = ServicePrincipal.objects.select_related("tenant", "application", "access_policy").prefetch_related(
        "roles", "scoped_roles__people", "assigned", "access_policy__people"
    )
    grants = Grant.objects.select_related("person", "service_principal__tenant", "service_principal__application")
    return {
        "now": now.isoformat(),
        "tenants": [tenant(one) for one in Tenant.objects.prefetch_related("domains__texts").order_by("name")],
        "people": [person(one, now=now) for one in Person.objects.select_related("tenant").order_by("sign_in_name")],
        "applications": [
            application(app, now=now)
            for app in Application.objects.select_related("publisher").prefetch_related("secrets", "certificates")
        ],
        "service_principals": [principal(one, now=now) for one in principals.order_by("pk")],
        "grants": [grant(one) for one in grants.order_by("pk")],
        "refresh_tokens": RefreshToken.objects.filter(expires_at__gt=now).count(),
        "calendars": [calendar(one) for one in Calendar.objects.select_related("person").order_by("pk")],
        "subscriptions": subscriptions(),
        "faults": [fault(one, now=now) for one in faults.active(now=now)],
        "exchange": exchange_server(),
        "requests": tally.numbers(),
        "approvals": [{**asdict(one), "at": one.at.isoformat()} for one in approvals.waiting()],
    }


def fault(one: Fault, *, now: datetime) -> dict[str, Any]:
    return {
        "id": one.pk,
        "target": one.target,
        "tenant": one.tenant.name if one.tenant else None,
        "person": one.person.sign_in_name if one.person else None,
        "application": str(one.application.client_id) if one.application else None,
        "method": one.method or None,
        "path": one.path or None,
        "percent": one.percent,
        "remaining": one.remaining,
        "hits": one.hits,
        "steps": one.steps,
        "seconds_left": one.seconds_left(now=now),
    }


def exchange_server() -> dict[str, Any]:
    """The one on-premises."""
    found = premises.current()
    return {
        "is_down": found.is_down,
        "certificate": found.certificate,
        "back_off_milliseconds": found.back_off_milliseconds,
    }


def tenant(one: Tenant) -> dict[str, Any]:
    domains = list(one.domains.all())
    return {
        "id": str(one.tid),
        "name": one.name,
        "domains": [domain.name for domain in domains],
        "unverified_domains": [domain.name for domain in domains if not domain.is_verified],
        "texts": [{"name": text.name, "text": text.text} for domain in domains for text in domain.texts.all()],
        "user_consent": one.user_consent,
        "has_consent_workflow": one.has_consent_workflow,
        "strict_rotation": one.strict_rotation,
        "consent_delay_seconds": one.consent_delay_seconds,
        "is_blocked": one.is_blocked,
        "is_sign_in_down": one.is_sign_in_down,
        "ews_enabled": one.ews_enabled,
        "ews_allowed_app_ids": one.ews_allowed_app_ids,
        "ews_policy_date": one.ews_policy_date.isoformat() if one.ews_policy_date else None,
        "aged_seconds": one.aged_seconds,
    }


def person(one: Person, *, now: datetime) -> dict[str, Any]:
    return {
        "id": str(one.oid),
        "tenant": one.tenant.name,
        "sign_in_name": one.sign_in_name,
        "upn": one.upn,
        "mail": one.mail,
        "aliases": one.aliases,
        "name": one.name,
        "is_guest": one.is_guest,
        "is_admin": one.is_admin,
        "is_enabled": one.is_enabled,
        "is_deleted": one.deleted_at is not None,
        "is_locked": one.locked_until is not None and one.locked_until > now,
        "is_blocked": one.is_blocked,
        "needs_mfa": one.needs_mfa,
        "password_is_expired": one.password_is_expired,
        "has_mailbox": one.has_mailbox,
        "mailbox": one.mailbox,
        "ews_enabled": one.ews_enabled,
        "may_impersonate": one.may_impersonate,
        "groups": {name: str(memberships.group_id(one.tenant, name)) for name in one.groups},
        "notices": one.notices,
        "tokens_valid_from": one.valid_from.isoformat(),
    }


def application(one: Application, *, now: datetime) -> dict[str, Any]:
    return {
        "client_id": str(one.client_id),
        "name": one.name,
        "publisher": one.publisher.name,
        "is_publisher_verified": one.is_publisher_verified,
        "is_multi_tenant": one.is_multi_tenant,
        "is_public": one.is_public,
        "redirect_uris": one.redirect_uris,
        "spa_redirect_uris": one.spa_redirect_uris,
        "permissions": one.permissions,
        "roles": one.roles,
        "identifier_uris": one.identifier_uris,
        "app_roles": one.app_roles,
        "tells_groups": one.tells_groups,
        "name_id": one.name_id,
        "signs": one.signs,
        "secrets": [_credential(secret.key_id, secret.expires_at, now) for secret in one.secrets.all()],
        "certificates": [
            {**_credential(certificate.key_id, certificate.expires_at, now), "x5t#S256": certificate.sha256}
            for certificate in one.certificates.all()
        ],
    }


def principal(one: ServicePrincipal, *, now: datetime) -> dict[str, Any]:
    policy = getattr(one, "access_policy", None)
    return {
        "id": str(one.oid),
        "tenant": one.tenant.name,
        "client_id": str(one.application.client_id),
        "is_enabled": one.is_enabled,
        "is_ready": one.ready_at <= now,
        "needs_assignment": one.needs_assignment,
        "assigned": [somebody.sign_in_name for somebody in one.assigned.all()],
        "roles": [role.name for role in one.roles.all()],
        "assigned_roles": one.assigned_roles,
        "lies": one.lies,
        "scoped_roles": [
            {"name": role.name, "people": [somebody.sign_in_name for somebody in role.people.all()]}
            for role in one.scoped_roles.all()
        ],
        "access_policy": {"kind": policy.kind, "people": [somebody.sign_in_name for somebody in policy.people.all()]}
        if policy
        else None,
    }


def grant(one: Grant) -> dict[str, Any]:
    return {
        "id": one.graph_id,
        "person": one.person.sign_in_name if one.person else None,
        "tenant": one.service_principal.tenant.name,
        "client_id": str(one.service_principal.application.client_id),
        "scopes": one.scopes,
        "granted_at": one.granted_at.isoformat(),
    }


def calendar(one: Calendar) -> dict[str, Any]:
    return {
        "id": one.graph_id,
        "person": one.person.sign_in_name,
        "name": one.name,
        "is_default": one.is_default,
        "last_change": one.last_change,
        "sync_generation": one.sync_generation,
    }


def subscriptions() -> list[dict[str, Any]]:
    found = Subscription.objects.select_related("application", "person", "creator").order_by("pk")
    return [subscription(one) for one in found]


def subscription(one: Subscription) -> dict[str, Any]:
    """Without the client state, which is a shared secret, and without the query of addresses."""
    return {
        "id": str(one.graph_id),
        "client_id": str(one.application.client_id),
        "person": one.person.sign_in_name,
        "creator": one.creator.sign_in_name if one.creator else None,
        "resource": one.resource,
        "change_types": one.change_types,
        "notification_url": one.notification_url.partition("?")[0],
        "lifecycle_url": one.lifecycle_url.partition("?")[0] if one.lifecycle_url else None,
        "expires_at": one.expires_at.isoformat(),
    }


def _credential(key_id: object, expires_at: datetime, now: datetime) -> dict[str, Any]:
    return {"key_id": str(key_id), "expires_at": expires_at.isoformat(), "is_expired": expires_at <= now}
