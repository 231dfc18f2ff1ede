"""What the browser's session remembers while the browser is at the identity provider.

A trip is named by a random word that the provider echoes (`state` of OpenID Connect, `RelayState` of SAML), is used
once, and lasts ten minutes. It holds the provider, so that an answer of another one does not count for it (RFC 9700
§4.4, mix-up).
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.http import HttpRequest

LASTS = timedelta(minutes=10)
AT_ONCE = 5  # tabs of one browser
_KEY = "single_sign_on"

Purpose = Literal["sign_in", "test", "again"]


@dataclass(frozen=True)
class Trip:
    state: str
    provider: int
    purpose: Purpose
    # A path of ours.
    going_to: str
    # Of OpenID Connect.
    nonce: str
    code_verifier: str
    # Of SAML: the ID of our request, an NCName.
    request_id: str
    # What was typed on the sign-in page, for the provider to fill in.
    email: str
    begun_at: float


def begin(
    request: HttpRequest, provider: int, *, purpose: Purpose, going_to: str, email: str = "", now: datetime
) -> Trip:
    trip = Trip(
        state=secrets.token_urlsafe(24),
        provider=provider,
        purpose=purpose,
        going_to=going_to,
        nonce=secrets.token_urlsafe(24),
        code_verifier=secrets.token_urlsafe(48),
        request_id=f"_{secrets.token_hex(20)}",
        email=email,
        begun_at=now.timestamp(),
    )
    others = list(request.session.get(_KEY, {}).items())[-(AT_ONCE - 1) :]
    request.session[_KEY] = {**dict(others), trip.state: asdict(trip)}
    return trip


def take(request: HttpRequest, state: str, *, provider: int) -> Trip | None:
    """The trip that `state` names, once; None where this browser has none to this provider. It may be too old: see
    `is_too_late`."""
    kept = dict(request.session.get(_KEY, {}))
    found = kept.get(state)
    if found is None or found["provider"] != provider:
        return None
    del kept[state]
    request.session[_KEY] = kept
    return Trip(**found)


def is_too_late(trip: Trip, *, now: datetime) -> bool:
    return now.timestamp() > trip.begun_at + LASTS.total_seconds()
