"""The certificate authority that clients are told to trust, and the server certificate it signs.

Made on the first run, never shipped, never the same on two machines.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DNS_NAMES = ("localhost", "m365.localhost")
ADDRESSES = ("127.0.0.1", "::1")
LEAF_DAYS = 90
RENEW_BEFORE = timedelta(days=14)
AUTHORITY_DAYS = 3650


def ensure(data: Path, *, names: Collection[str] = (), now: datetime) -> bool:
    """Make what is missing and renew what is about to expire. True when the server certificate is new.

    `names` are host names besides those of this machine.
    """
    wanted = (*DNS_NAMES, *names)
    if not (data / "ca.pem").exists() or not (data / "ca-key.pem").exists():
        _make_authority(data, now=now)
        _make_leaf(data, wanted, now=now)
        return True
    if _leaf_is_good(data, wanted, now=now):
        return False
    _make_leaf(data, wanted, now=now)
    return True


def ensure_bad(data: Path, kind: str, *, now: datetime) -> tuple[Path, Path]:
    """A certificate that no client should accept, with its key: `untrusted`, `expired` or `wrong_name`."""
    there, key_path = data / f"{kind}.pem", data / f"{kind}-key.pem"
    key = private_key(key_path)
    begins = now - timedelta(days=LEAF_DAYS + 1) if kind == "expired" else now
    names = [x509.DNSName("mail.elsewhere.example")] if kind == "wrong_name" else _names(DNS_NAMES)
    authority, authority_key = _stranger(now=now) if kind == "untrusted" else _own_authority(data)
    leaf = _leaf(key, authority, authority_key, names, now=begins)
    write_private(there, leaf.public_bytes(serialization.Encoding.PEM))
    return there, key_path


def private_key(path: Path) -> rsa.RSAPrivateKey:
    """The RSA key kept in this file; made on first use, readable by its owner alone."""
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{path} does not hold an RSA key. Delete it to have a new one made.")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private(path, _key_pem(key))
    return key


def write_private(path: Path, content: bytes) -> None:
    """Written beside and moved into place: never half a key, never readable by others, not even for a moment."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def self_signed(key: rsa.RSAPrivateKey, *, name: str, now: datetime, days: int = AUTHORITY_DAYS) -> x509.Certificate:
    """What the JWKS shows as x5c, and SAML's metadata: a certificate that says nothing but the key."""
    return _builder(name, name, key.public_key(), now=now, days=days).sign(key, hashes.SHA256())


def _make_authority(data: Path, *, now: datetime) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _authority(key, now=now)
    write_private(data / "ca-key.pem", _key_pem(key))
    (data / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _authority(key: rsa.RSAPrivateKey, *, now: datetime) -> x509.Certificate:
    name = f"Simulated Microsoft 365 CA {x509.random_serial_number():x}"[:60]
    return (
        _builder(name, name, key.public_key(), now=now, days=AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _own_authority(data: Path) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    return x509.load_pem_x509_certificate((data / "ca.pem").read_bytes()), private_key(data / "ca-key.pem")


def _stranger(*, now: datetime) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """An authority that nobody has been told to trust."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _authority(key, now=now), key


def _make_leaf(data: Path, dns_names: Collection[str], *, now: datetime) -> None:
    authority, authority_key = _own_authority(data)
    leaf = _leaf(private_key(data / "server-key.pem"), authority, authority_key, _names(dns_names), now=now)
    write_private(data / "server.pem", leaf.public_bytes(serialization.Encoding.PEM))


def _names(dns_names: Collection[str]) -> list[x509.GeneralName]:
    addresses = [x509.IPAddress(ip_address(address)) for address in ADDRESSES]
    return [*(x509.DNSName(name) for name in dns_names), *addresses]


def _leaf(
    key: rsa.RSAPrivateKey,
    authority: x509.Certificate,
    authority_key: rsa.RSAPrivateKey,
    names: Sequence[x509.GeneralName],
    *,
    now: datetime,
) -> x509.Certificate:
    issuer = authority.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return (
        _builder("localhost", str(issuer), key.public_key(), now=now, days=LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _leaf_is_good(data: Path, dns_names: Collection[str], *, now: datetime) -> bool:
    path = data / "server.pem"
    if not path.exists() or not (data / "server-key.pem").exists():
        return False
    leaf = x509.load_pem_x509_certificate(path.read_bytes())
    held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    has_names = set(dns_names) <= set(held.get_values_for_type(x509.DNSName))
    return has_names and leaf.not_valid_after_utc - now > RENEW_BEFORE


def _builder(subject: str, issuer: str, key: rsa.RSAPublicKey, *, now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # An hour of grace for clocks that differ; the span as a whole stays within the limit.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days, hours=-2))
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=not certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
