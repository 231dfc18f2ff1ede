"""The key that signs every token; made on the first run and kept in the data directory."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integrations.simulator import certificates, place


@dataclass(frozen=True)
class SigningKey:
    private: rsa.RSAPrivateKey
    public: rsa.RSAPublicKey
    kid: str
    x5c: str


def load(*, now: datetime) -> SigningKey:
    """Once per process: reading and checking an RSA key costs more than signing with it."""
    private = certificates.private_key(place.here().data / "signing-key.pem")
    path = place.here().data / "signing.pem"
    if not path.exists():
        certificate = certificates.self_signed(private, name="accounts.accesscontrol.windows.net", now=now)
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    der = _der(path.read_text())
    thumbprint = _base64url(hashlib.sha1(der, usedforsecurity=False).digest())
    return SigningKey(private, private.public_key(), thumbprint, base64.b64encode(der).decode())


@lru_cache(maxsize=1)
def current() -> SigningKey:
    from django.utils import timezone

    return load(now=timezone.now())


def document(key: SigningKey, issuer: str) -> dict[str, Any]:
    """The JWKS."""
    numbers = key.public.public_numbers()
    return {
        "keys": [
            {
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
        ]
    }


def _der(pem: str) -> bytes:
    return base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
