"""What has had its time: rows that can no longer change any answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from integrations.simulator.models import AuthorizationCode, BrowserSession, RefreshToken, Tenant

# An old code is still told apart from a wrong one for a day, a refresh token that died of idleness for a quarter.
CODES = timedelta(days=1)
TOKENS = timedelta(days=90)


def forget(*, now: datetime) -> None:
    AuthorizationCode.objects.filter(expires_at__lt=now - CODES).delete()
    for tenant in Tenant.objects.all():
        # What a trainer has aged did not lie here for so long.
        over = now - TOKENS - timedelta(seconds=tenant.aged_seconds)
        RefreshToken.objects.filter(person__tenant=tenant, expires_at__lt=over).delete()
    BrowserSession.objects.filter(expires_at__lt=now).delete()
