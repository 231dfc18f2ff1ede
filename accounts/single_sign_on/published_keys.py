"""The keys with which an OpenID provider signs, as it publishes them (RFC 7517)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from accounts.single_sign_on import kept
from accounts.single_sign_on.causes import Cause, Refused

# By algorithm: the type of key that fits, and its curve. Never `none`, and none that both sides share (HS256): whoever
# knows the published key, or the client's secret, could sign.
ALGORITHMS = {
    **{f"{family}{bits}": ("RSA", "") for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
SHORTEST = 2048  # bits of an RSA key (RFC 7518 §3.3)
_WHAT = "The keys of the provider"


def fitting(url: str, *, kid: str, algorithm: str, now: datetime) -> list[jwt.PyJWK]:
    """Those by which a signature may be judged: several only where the provider gives several the same name.

    An unknown name makes us read again, since keys are exchanged at any time; but not each time. Raises Refused.
    """
    found = _fitting(kept.read(url, what=_WHAT, sound=_keys, now=now), kid, algorithm)
    if not found and kept.may_read_out_of_turn(url):
        found = _fitting(kept.read_anew(url, what=_WHAT, sound=_keys, now=now), kid, algorithm)
    return found


def count(url: str, *, now: datetime) -> int:
    """How many there are by which anything could be judged, whichever algorithm. Raises Refused."""
    keys = _keys(kept.read_anew(url, what=_WHAT, sound=_keys, now=now))
    return sum(any(_fits(key, algorithm) for algorithm in ALGORITHMS) for key in keys)


def _fitting(document: dict[str, Any], kid: str, algorithm: str) -> list[jwt.PyJWK]:
    named = [key for key in _keys(document) if _fits(key, algorithm) and (not kid or key.get("kid") == kid)]
    if not kid and len(named) > 1:
        return []  # which one it is would be a guess
    read = [_read(key, algorithm) for key in named]
    return [key for key in read if key is not None]


def _keys(document: dict[str, Any]) -> list[dict[str, Any]]:
    keys = document.get("keys")
    if not isinstance(keys, list):
        raise Refused(Cause.PROVIDER_MISTAKEN, f"{_WHAT}: the answer holds no list of keys.")
    return [key for key in keys if isinstance(key, dict)]


def _fits(key: dict[str, Any], algorithm: str) -> bool:
    kind, curve = ALGORITHMS[algorithm]
    operations = key.get("key_ops")
    return (
        key.get("kty") == kind
        and (not curve or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and (not isinstance(operations, list) or "verify" in operations)
        and key.get("alg", algorithm) == algorithm
    )


def _read(key: dict[str, Any], algorithm: str) -> jwt.PyJWK | None:
    """None where it makes no sense, or is too short to be trusted."""
    try:
        found = jwt.PyJWK.from_dict(key, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(found.key, RSAPublicKey) and found.key.key_size < SHORTEST:
        return None
    # A private key, published by mistake, proves nothing any more.
    return None if "d" in key else found
