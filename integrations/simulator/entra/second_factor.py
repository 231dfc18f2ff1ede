"""The number that a simulated authenticator wants to see."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from django.conf import settings

from integrations.simulator.models import BrowserSession


def new_request() -> str:
    return secrets.token_urlsafe(9)


def number(session: BrowserSession, request_id: str) -> str:
    """Two digits that belong to this session and this one request: nothing of it is kept."""
    told = hmac.new(settings.SECRET_KEY.encode(), f"{session.digest}|{request_id}".encode(), sha256)
    return str(10 + int.from_bytes(told.digest()[:8]) % 90)


def is_right(session: BrowserSession, request_id: str, typed: str) -> bool:
    return hmac.compare_digest(number(session, request_id).encode(), typed.strip().encode())
