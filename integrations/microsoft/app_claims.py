"""What a token of the application itself says of itself: read for display and comparison only.

Microsoft calls its access tokens opaque and promises nothing of their shape. They come from its /token over TLS, by
our own request, so nobody else wrote them; but nothing may be *refused* because something is missing here: rights that
Exchange gives by RBAC for Applications never show. What a mailbox answers decides.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import jwt

_LONGEST_ROLE = 100
_MOST_ROLES = 100


@dataclass(frozen=True)
class AppClaims:
    """Lower case ids; empty where the token does not tell."""

    tenant_id: str = ""
    app_id: str = ""
    # Of the enterprise application: what we are in that tenant.
    object_id: str = ""
    roles: tuple[str, ...] = ()
    # Whether it could be read at all.
    is_readable: bool = False


def read(access_token: str) -> AppClaims:
    """Pure; raises nothing."""
    try:
        claims = jwt.decode(access_token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return AppClaims()
    roles = claims.get("roles")
    return AppClaims(
        tenant_id=_text(claims.get("tid")).lower(),
        app_id=_text(claims.get("appid") or claims.get("azp")).lower(),
        object_id=_text(claims.get("oid")).lower(),
        roles=_names(roles) if isinstance(roles, list) else (),
        is_readable=True,
    )


def principal_in(access_token: str) -> str:
    """The object id of our enterprise application in its organization; empty where the token does not tell."""
    try:
        claims = jwt.decode(access_token, options={"verify_signature": False})
        return str(uuid.UUID(_text(claims.get("oid"))))
    except (jwt.PyJWTError, ValueError, RecursionError):
        return ""


def _names(roles: list[object]) -> tuple[str, ...]:
    names = {name for one in roles[:_MOST_ROLES] if 0 < len(name := _text(one)) <= _LONGEST_ROLE}
    return tuple(sorted(names))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
