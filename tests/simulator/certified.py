"""A certificate of an application's, and the assertions that are signed with its key."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.simulator.rows import Rows

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Certified:
    client_id: str
    audience: str
    number: int = 0
    """Another number is another key."""

    @property
    def key(self) -> rsa.RSAPrivateKey:
        return _key(self.number)

    @cached_property
    def certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A client of the simulator")])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def private_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def sha1(self) -> str:
        return _base64url(self.certificate.fingerprint(hashes.SHA1()))  # noqa: S303

    @property
    def sha256(self) -> str:
        return _base64url(self.certificate.fingerprint(hashes.SHA256()))

    def register(self, rows: Rows, *, expires_at: datetime | None = None) -> None:
        rows.insert(
            "appcertificate",
            application_id=rows.value("application", "id", f"client_id = '{UUID(self.client_id).hex}'"),
            key_id=uuid4(),
            sha1=self.sha1,
            sha256=self.sha256,
            pem=self.pem,
            expires_at=expires_at or datetime.now(UTC) + timedelta(days=1),
        )

    def assertion(
        self, *, algorithm: str = "RS256", header: dict[str, Any] | None = None, without: str = "", **claims: Any
    ) -> str:
        now = time.time()
        said = {
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": str(uuid4()),
            "nbf": now - 10,
            "exp": now + 300,
            **claims,
        }
        said.pop(without, None)
        return jwt.encode(said, self.key, algorithm=algorithm, headers=header or {"x5t": self.sha1})

    def proof(self, **how: Any) -> dict[str, str | None]:
        """What a token request carries instead of a secret."""
        return {
            "client_secret": None,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(**how),
        }


def thumbprint_hex(certificate: x509.Certificate) -> str:
    return hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER), usedforsecurity=False).hexdigest()


@cache
def _key(number: int) -> rsa.RSAPrivateKey:
    """Making one takes longer than most tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
