"""Certificates of providers that speak SAML: which they are, and until when they are good."""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from accounts.models import IdentityProvider

SMALLEST_RSA = 2048  # bits
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Facts:
    pem: str
    # Of SHA-256, as the portals of providers show it: AB:CD:…
    fingerprint: str
    subject: str
    not_before: datetime
    not_after: datetime

    def is_valid(self, now: datetime) -> bool:
        return self.not_before <= now < self.not_after

    def days_left(self, now: datetime) -> int:
        """Whole ones; negative once it has expired."""
        return (self.not_after - now).days


def facts(pem: str) -> Facts:
    """Raises ValueError where it is no certificate, or its key is none that signatures are made with safely."""
    found = x509.load_pem_x509_certificate(pem.encode())
    key = found.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("Its key is neither of RSA nor of an elliptic curve.")  # noqa: TRY004  what was given is wrong, not its type
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < SMALLEST_RSA:
        raise ValueError(f"Its key has {key.key_size} bits; {SMALLEST_RSA} are the least.")
    return Facts(
        pem=found.public_bytes(Encoding.PEM).decode(),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(":").upper(),
        subject=found.subject.rfc4514_string()[:200],
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
    )


def pem_of(base64_text: str) -> str:
    """Of what stands in an element X509Certificate, or in a file: with or without its first and last line. Raises
    ValueError."""
    bare = "".join(base64_text.replace(_BEGIN, "").replace(_END, "").split())
    raw = base64.b64decode(bare, validate=True)
    return "\n".join([_BEGIN, *textwrap.wrap(base64.b64encode(raw).decode(), 64), _END, ""])


def of(provider: IdentityProvider) -> list[Facts]:
    """In the order of the metadata."""
    return [facts(pem) for pem in provider.certificates]


def last_until(provider: IdentityProvider) -> Facts | None:
    """The one that is good for the longest time; None where there is none."""
    return max(of(provider), key=lambda one: one.not_after, default=None)
