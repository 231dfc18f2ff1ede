"""Certificates with which the portal would sign in at Microsoft, by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def key_and_certificate(*, days: float = 1, password: bytes = b"") -> list[bytes]:
    """Both as PEM. The certificate began two days ago, so that it may have ended yesterday."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Meridian")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=days))
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return [
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked),
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
    ]


def file_of(path: Path, *, days: float = 1) -> str:
    """One PEM file with both; answers the certificate's own text."""
    key, certificate = key_and_certificate(days=days)
    path.write_bytes(key + certificate)
    return certificate.decode()
