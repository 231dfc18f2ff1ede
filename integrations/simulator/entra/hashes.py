"""Codes, tokens and cookies: handed out once, kept as SHA-256 only (they are random, so no salt is needed)."""

from __future__ import annotations

import hashlib
import secrets

from integrations.simulator import handed_out


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def new_code() -> str:
    return handed_out.note("1.AUs" + secrets.token_urlsafe(200))


def new_refresh_token() -> str:
    """As long as real ones are, so that a client's columns and headers meet true sizes."""
    return handed_out.note("1.AXs" + secrets.token_urlsafe(800))


def new_cookie() -> str:
    return handed_out.note(secrets.token_urlsafe(32))
