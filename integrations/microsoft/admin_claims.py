"""What the access token of somebody who has just signed in says of their roles in the organization.

Microsoft calls its access tokens opaque, so nothing may rest on their shape alone: where this one says that somebody
is no administrator, or a guest, it is believed; where it says nothing, nobody is turned away for that. It came from
Microsoft's /token over TLS, by our own request.
"""

from __future__ import annotations

from dataclasses import dataclass

import jwt

# Microsoft's template ids of the roles that may consent to application permissions of Microsoft Graph. (Application
# and Cloud Application Administrators may consent to those of anything but Microsoft Graph.)
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
MAY_CONSENT = frozenset({GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR})


@dataclass(frozen=True)
class Standing:
    """None: it does not tell."""

    may_consent: bool | None = None
    is_guest: bool | None = None


def read(access_token: str, *, tenant_id: str, object_id: str) -> Standing:
    """Of this person in this organization; pure, and raises nothing."""
    try:
        claims = jwt.decode(access_token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return Standing()
    if (_lower(claims.get("tid")), _lower(claims.get("oid"))) != (tenant_id.lower(), object_id.lower()):
        return Standing()
    roles = claims.get("wids")
    return Standing(
        may_consent=bool(MAY_CONSENT & {_lower(role) for role in roles}) if isinstance(roles, list) else None,
        is_guest=claims["acct"] == 1 if claims.get("acct") in (0, 1) else None,
    )


def _lower(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""
