"""Who may use the console and the control API."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse

from integrations.simulator import certificates, place

COOKIE = "sim_console"


@lru_cache(maxsize=1)
def control_token() -> str:
    """From the environment, else made once and kept in the data directory."""
    given = os.environ.get("SIMULATOR_CONTROL_TOKEN", "")
    return given or _kept(place.here().data / "control-token")


def has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and _same(token.strip(), control_token())


def may_use_console(request: HttpRequest) -> bool:
    """Bound to loopback, whoever can reach it owns this machine; anywhere else it takes the control token."""
    return place.here().is_loopback or _same(request.COOKIES.get(COOKIE, ""), _cookie())


def let_in(response: HttpResponse, token: str) -> bool:
    if not _same(token.strip(), control_token()):
        return False
    response.set_cookie(COOKIE, _cookie(), httponly=True, samesite="Strict", path="/")
    return True


def _cookie() -> str:
    """Says that its bearer knew the token, without being the token."""
    return hashlib.sha256(f"console|{control_token()}".encode()).hexdigest()


def _kept(path: Path) -> str:
    if not path.exists():
        certificates.write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
