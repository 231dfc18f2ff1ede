"""What has had its time: rows that can no longer change any answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from integrations.simulator.models import AuthorizationCode, BrowserSession, RefreshToken

# An old code is still told apart from a wrong one for a day, a refresh token that died of idleness for a quarter.
CODES = timedelta(days=1)
TOKENS = timedelta(days=90)


def forget(*, now: datetime) -> None:
    AuthorizationCode.objects.filter(expires_at__lt=now - CODES).delete()
    RefreshToken.objects.filter(expires_at__lt=now - TOKENS).delete()
    BrowserSession.objects.filter(expires_at__lt=now).delete()
