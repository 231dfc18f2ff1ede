"""The keys that sign tokens: the newest one signs, older ones stay published so that what they signed stays good.

Kept in the data directory: `signing-key.pem` is the first, `signing-key-2.pem` the one after it, and so on.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from integrations.simulator import certificates, place

# The service publishes a handful, too. A token signed by the sixth-newest key is long past its end.
PUBLISHED = 5


@dataclass(frozen=True)
class SigningKey:
    private: rsa.RSAPrivateKey
    public: rsa.RSAPublicKey
    kid: str
    x5c: str


def current() -> SigningKey:
    return published()[0]


def find(kid: str) -> SigningKey | None:
    return next((key for key in published() if key.kid == kid), None)


@lru_cache(maxsize=1)
def published() -> Sequence[SigningKey]:
    """Newest first. Once per process: reading and checking an RSA key costs more than signing with it."""
    numbers = _numbers(place.here().data) or [1]
    return tuple(_load(number, now=timezone.now()) for number in numbers[:PUBLISHED])


@lru_cache(maxsize=1)
def unpublished() -> SigningKey:
    """One that no key set has, as if it had begun to sign too early."""
    with _lock:
        return _read("unpublished-key.pem", "unpublished.pem", now=timezone.now())


def rotate(*, now: datetime) -> str:
    """A new key signs from now on; its `kid`."""
    with _lock:
        newest = max(_numbers(place.here().data), default=1)
        key = _load(newest + 1, now=now)
        published.cache_clear()
    return key.kid


def document(keys: Sequence[SigningKey], issuer: str) -> dict[str, Any]:
    """The JWKS."""
    return {"keys": [_entry(key, issuer) for key in keys]}


def _numbers(data: Path) -> list[int]:
    """Newest first."""
    suffixes = [path.stem.removeprefix("signing-key").strip("-") or "1" for path in data.glob("signing-key*.pem")]
    return sorted((int(suffix) for suffix in suffixes if suffix.isdecimal()), reverse=True)


def _load(number: int, *, now: datetime) -> SigningKey:
    suffix = f"-{number}" if number > 1 else ""
    return _read(f"signing-key{suffix}.pem", f"signing{suffix}.pem", now=now)


def _read(key_name: str, name: str, *, now: datetime) -> SigningKey:
    private = certificates.private_key(place.here().data / key_name)
    path = place.here().data / name
    if not path.exists():
        certificate = certificates.self_signed(private, name="accounts.accesscontrol.windows.net", now=now)
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    der = _der(path.read_text())
    thumbprint = _base64url(hashlib.sha1(der, usedforsecurity=False).digest())
    return SigningKey(private, private.public_key(), thumbprint, base64.b64encode(der).decode())


def _entry(key: SigningKey, issuer: str) -> dict[str, Any]:
    numbers = key.public.public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": key.kid,
        "x5t": key.kid,
        "n": _base64url(numbers.n.to_bytes(256, "big")),
        "e": _base64url(numbers.e.to_bytes(3, "big")),
        "x5c": [key.x5c],
        "cloud_instance_name": "microsoftonline.com",
        "issuer": issuer,
    }


def _der(pem: str) -> bytes:
    return base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_lock = Lock()
