"""A provider of Kestrel's by OpenID Connect, and trips to it, for tests."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from accounts import vault
from accounts.models import Account, IdentityProvider, Protocol
from accounts.single_sign_on import openid_connect
from accounts.single_sign_on.causes import Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.trips import Trip
from accounts.single_sign_on.vouched import Vouched
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider


def set_up(account: Account, issuer: str, **changes: Any) -> IdentityProvider:
    now = datetime.now(UTC)
    values = {
        "key": secrets.token_hex(8),
        "name": "Kestrel’s directory",
        "protocol": Protocol.OPENID_CONNECT,
        "client_id": CLIENT_ID,
        "email_claim": "email",
        **changes,
    }
    row = IdentityProvider.objects.create(account=account, issuer=issuer, created_at=now, changed_at=now, **values)
    row.client_secret = vault.seal(CLIENT_SECRET, bound_to=vault.place_of(row, "client_secret"))
    row.save(update_fields=["client_secret"])
    return row


def trip_to(row: IdentityProvider, **changes: Any) -> Trip:
    values: dict[str, Any] = {
        "state": secrets.token_urlsafe(24),
        "provider": row.pk,
        "purpose": "sign_in",
        "going_to": "/",
        "nonce": secrets.token_urlsafe(24),
        "code_verifier": secrets.token_urlsafe(48),
        "request_id": "_1",
        "email": "",
        "begun_at": datetime.now(UTC).timestamp(),
    }
    return Trip(**{**values, **changes})


def signed_in(provider: OpenIdProvider, row: IdentityProvider, checks: Checks | None = None, **trip: Any) -> Vouched:
    """All the way there and back."""
    on, now = trip_to(row, **trip), datetime.now(UTC)
    answer = provider.browse(openid_connect.begin(row, on, now=now))
    return openid_connect.receive(row, on, answer, checks or Checks(), now=now)


def refused(provider: OpenIdProvider, row: IdentityProvider, **trip: Any) -> Refused:
    """Why nobody comes in; and the report says it as its last line."""
    checks = Checks()
    try:
        signed_in(provider, row, checks, **trip)
    except Refused as found:
        last = checks.made[-1] if checks.made else {}  # nothing was looked at where it did not even begin
        assert last == {**last, "result": "failed", "says": found.detail} or not last
        return found
    raise AssertionError("Somebody came in.")
