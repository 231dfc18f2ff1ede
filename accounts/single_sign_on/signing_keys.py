"""Our own key that signs what we ask of a provider by SAML, and the certificate that shows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.conf import settings

from accounts import vault
from accounts.models import IdentityProvider

LASTS = timedelta(days=3650)
_BITS = 2048
_COLUMN = "signing_key"


def make(provider: IdentityProvider, *, now: datetime) -> None:
    """Write one for a provider that is stored and has none. Nobody checks its certificate for more than the key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    host = urlsplit(settings.PUBLIC_URL).hostname or "portal"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LASTS)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    sealed = vault.seal(pem, bound_to=vault.place_of(provider, _COLUMN))
    shown = certificate.public_bytes(Encoding.PEM).decode()
    if IdentityProvider.objects.filter(pk=provider.pk, signing_key="").update(
        signing_key=sealed, signing_certificate=shown
    ):
        provider.signing_key, provider.signing_certificate = sealed, shown
    else:
        provider.refresh_from_db(fields=["signing_key", "signing_certificate"])


def key_of(provider: IdentityProvider) -> str:
    """In PEM. Raises `vault.CannotOpen`."""
    return vault.open_sealed(provider.signing_key, bound_to=vault.place_of(provider, _COLUMN))
