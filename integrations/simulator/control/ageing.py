"""N days later, in one tenant: not the clock moves, but all that was issued grows older.

What the wire carries stays true time, so honest clients go on. Access tokens and delta tokens are signed and cannot
be rewritten: they count with `Tenant.aged_seconds`, which each carries as it was at its making.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import models, transaction
from django.db.models import F
from django.db.models.expressions import Combinable

from integrations.simulator.models import (
    AppCertificate,
    AppRole,
    AppSecret,
    AuthorizationCode,
    BrowserSession,
    Grant,
    Person,
    RefreshToken,
    ServicePrincipal,
    Subscription,
    Tenant,
)

LONGEST = timedelta(days=3650)

# What grows older, by the way from it to its tenant. The credentials of an application belong to its publisher.
_TIMES: Sequence[tuple[type[models.Model], str, Sequence[str]]] = (
    (AuthorizationCode, "person__tenant", ("issued_at", "expires_at", "redeemed_at")),
    (RefreshToken, "person__tenant", ("issued_at", "expires_at", "replaced_at")),
    (BrowserSession, "person__tenant", ("signed_in_at", "expires_at")),
    (Person, "tenant", ("valid_from", "locked_until", "deleted_at", "password_changed_at")),
    (AppSecret, "application__publisher", ("expires_at",)),
    (AppCertificate, "application__publisher", ("expires_at",)),
    (ServicePrincipal, "tenant", ("created_at", "ready_at")),
    (Grant, "service_principal__tenant", ("granted_at",)),
    (AppRole, "service_principal__tenant", ("granted_at",)),
    (Subscription, "person__tenant", ("created_at", "expires_at", "reauthorization_at")),
)


def later(tenant: Tenant, time: timedelta) -> None:
    """Whole seconds. Ageing twice is the same as ageing once by the sum; other tenants stay as they are."""
    time = timedelta(seconds=int(time.total_seconds()))
    with transaction.atomic():
        for model, way, names in _TIMES:
            mine = model._default_manager.filter(pk__in=model._default_manager.filter(**{way: tenant}).values("pk"))
            mine.update(**{name: _earlier(name, time) for name in names})
        Tenant.objects.filter(pk=tenant.pk).update(aged_seconds=F("aged_seconds") + int(time.total_seconds()))


def _earlier(name: str, time: timedelta) -> Combinable:
    """What has no time stays without."""
    return F(name) - time
