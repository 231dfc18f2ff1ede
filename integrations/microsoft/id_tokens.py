"""Who somebody is: Microsoft's id_token, checked before anything in it is used."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings

from integrations.microsoft import signing_keys

CLOCK_SKEW = timedelta(minutes=2)
# Where Microsoft keeps personal accounts, which no organization has a say in.
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Untrusted(Exception):
    """The id_token does not prove what it says. Nothing in it may be used."""


LONGEST_NAME = 254  # as an address may be


@dataclass(frozen=True)
class Identity:
    tenant_id: str
    object_id: str
    username: str
    # The account is at home in another organization, and only visits this one.
    is_guest: bool = False


def identify(id_token: str, *, nonce: str) -> Identity:
    """Check signature, issuer, audience, time and nonce (OpenID Connect Core §3.1.3.7), which MSAL ≥ 1.38 leaves
    to us. Raises Untrusted, Unreachable."""
    try:
        published = signing_keys.published_for(str(jwt.get_unverified_header(id_token).get("kid", "")))
        claims = jwt.decode(
            id_token,
            published.key,
            algorithms=["RS256"],
            audience=settings.MICROSOFT_CLIENT_ID,
            leeway=CLOCK_SKEW,
            options={"require": ["exp", "iat", "iss", "aud", "tid", "oid", "nonce"], "strict_aud": True},
        )
    except signing_keys.UnknownKey as problem:
        raise Untrusted("unknown key") from problem
    except jwt.PyJWTError as problem:
        raise Untrusted(type(problem).__name__) from problem
    tenant_id, object_id = str(claims["tid"]), str(claims["oid"])
    if not _ID.fullmatch(tenant_id) or not _ID.fullmatch(object_id):
        raise Untrusted("ids")
    if tenant_id.lower() == PERSONAL:
        raise Untrusted("personal account")
    if claims["iss"] != published.issuer_of(tenant_id) or f"/{tenant_id}/" not in claims["iss"]:
        raise Untrusted("issuer")
    # MSAL sends the hash of the nonce it keeps.
    if not hmac.compare_digest(str(claims["nonce"]).encode(), hashlib.sha256(nonce.encode()).hexdigest().encode()):
        raise Untrusted("nonce")
    name = str(claims.get("preferred_username", ""))
    username = name if len(name) <= LONGEST_NAME else ""
    return Identity(tenant_id.lower(), object_id.lower(), username, is_guest=_is_guest(claims, tenant_id))


def _is_guest(claims: Mapping[str, Any], tenant_id: str) -> bool:
    """`acct` and `idp` are optional: they prove a guest where they are there, and nothing where they are not."""
    provider = claims.get("idp")
    is_foreign = isinstance(provider, str) and tenant_id.lower() not in provider.lower()
    return claims.get("acct") == 1 or is_foreign
