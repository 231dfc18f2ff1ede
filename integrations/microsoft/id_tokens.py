"""Who somebody is: Microsoft's id_token, checked before anything in it is used."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import jwt
import requests
from django.conf import settings

from integrations.contracts import Unreachable
from integrations.failures import NO_ANSWER
from integrations.microsoft import http

CLOCK_SKEW = timedelta(minutes=2)


class Untrusted(Exception):
    """The id_token does not prove what it says. Nothing in it may be used."""


@dataclass(frozen=True)
class Identity:
    tenant_id: str
    object_id: str
    username: str


def identify(id_token: str, *, nonce: str) -> Identity:
    """Check signature, issuer, audience, time and nonce (OpenID Connect Core §3.1.3.7), which MSAL ≥ 1.38 leaves
    to us. Raises Untrusted, Unreachable."""
    try:
        key = _signing_key(id_token)
        claims = jwt.decode(
            id_token,
            key,
            algorithms=["RS256"],
            audience=settings.MICROSOFT_CLIENT_ID,
            leeway=CLOCK_SKEW,
            options={"require": ["exp", "iat", "iss", "aud", "tid", "oid", "nonce"]},
        )
    except jwt.PyJWTError as problem:
        raise Untrusted(type(problem).__name__) from problem
    if claims["iss"] != f"{settings.MICROSOFT_AUTHORITY_HOST}/{claims['tid']}/v2.0":
        raise Untrusted("issuer")
    # MSAL sends the hash of the nonce it keeps.
    if not hmac.compare_digest(str(claims["nonce"]), hashlib.sha256(nonce.encode()).hexdigest()):
        raise Untrusted("nonce")
    return Identity(str(claims["tid"]), str(claims["oid"]), str(claims.get("preferred_username", "")))


def _signing_key(id_token: str) -> Any:
    """By the token's key id; an unknown one is looked up anew once, for Microsoft rolls its keys."""
    key_id = str(jwt.get_unverified_header(id_token).get("kid", ""))
    keys = _keys()
    if key_id not in keys:
        _keys.cache_clear()
        keys = _keys()
    if key_id not in keys:
        raise Untrusted("unknown key")
    return keys[key_id]


@cache
def _keys() -> dict[str, Any]:
    url = f"{settings.MICROSOFT_AUTHORITY_HOST}/{settings.MICROSOFT_TENANT}/discovery/v2.0/keys"
    try:
        response = http.session().get(url)
        response.raise_for_status()
        found = [key for key in json.loads(response.text)["keys"] if key["kty"] == "RSA"]
        keys = {str(key["kid"]): jwt.PyJWK(key, algorithm="RS256").key for key in found}
    except (requests.RequestException, ValueError, LookupError, TypeError, jwt.PyJWTError) as problem:
        raise Unreachable(NO_ANSWER) from problem
    if not keys:
        raise Unreachable(NO_ANSWER)
    return keys
