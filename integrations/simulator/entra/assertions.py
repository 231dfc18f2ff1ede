"""Client assertions (RFC 7523, `private_key_jwt`): a short JWT signed with the key of a registered certificate."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from integrations.simulator.entra import particulars
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import ANY, Directory
from integrations.simulator.models import AppCertificate, Application

if TYPE_CHECKING:
    from jwt.types import Options

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "PS256")
# Clocks differ: Microsoft allows for five minutes.
SKEW = timedelta(minutes=5)
# What the claims must say is checked in `_problem`: the library has other ideas of an audience.
_SIGNATURE_ONLY: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def client_id_of(assertion: str) -> str:
    """Whose it claims to be; "" where that cannot be read. Nothing is verified."""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return ""
    return str(claims.get("iss") or claims.get("sub") or "")


def check(assertion: str, application: Application, where: Directory, *, origin: str, now: datetime) -> None:
    """Refuses with 700027, and says in brackets why. `origin` is this endpoint's, as the client wrote it."""
    header = _header(assertion, application)
    certificate = _certificate(header, application)
    if certificate is None:
        raise _refused(application, "The key was not found.", header)
    if certificate.expires_at <= now:
        raise _refused(application, "The key used is expired.", header)
    try:
        claims = jwt.decode(assertion, _public_key(certificate.pem), algorithms=ALGORITHMS, options=_SIGNATURE_ONLY)
    except (jwt.InvalidTokenError, jwt.InvalidKeyError, TypeError, ValueError):
        raise _refused(application, "Client assertion failed signature validation.", header) from None
    problem = _problem(claims, application, where, origin, now)
    if problem:
        raise _refused(application, problem, header)


def _header(assertion: str, application: Application) -> Mapping[str, Any]:
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError:
        raise _refused(application, "The assertion is not a well-formed signed JWT.") from None
    if header.get("alg") not in ALGORITHMS:
        raise _refused(application, "The algorithm of the assertion is not RS256 or PS256.", header)
    return header


def _certificate(header: Mapping[str, Any], application: Application) -> AppCertificate | None:
    """By `x5t#S256`, `x5t` (some clients pad them), or a `kid` that is one of the two."""
    named = {value.rstrip("=") for name in ("x5t#S256", "x5t", "kid") if isinstance(value := header.get(name), str)}
    known = application.certificates.all()
    return next((one for one in known if named & {one.sha256, one.sha1, _hex(one.sha1)}), None)


def _problem(claims: Mapping[str, Any], application: Application, where: Directory, origin: str, now: datetime) -> str:
    if not _is_for_us(claims.get("aud"), where, origin):
        return "The audience of the assertion is not this token endpoint."
    if [claims.get("iss"), claims.get("sub")] != [str(application.client_id)] * 2:
        return "The issuer and the subject of the assertion must be the client_id."
    expires, begins = _time(claims.get("exp")), _time(claims.get("nbf", 0))
    if expires is None or begins is None:
        return "The assertion must carry exp, and its times must be numbers."
    if expires < (now - SKEW).timestamp() or begins > (now + SKEW).timestamp():
        return "The assertion is not within its valid time range."
    return ""


def _is_for_us(audience: object, where: Directory, origin: str) -> bool:
    """The token endpoint or the issuer, with any of the tenant's names."""
    given = audience if isinstance(audience, list) else [audience]
    ours = {
        f"{origin}/{segment}/{path}".lower()
        for segment in _segments(where)
        for path in ("oauth2/v2.0/token", "oauth2/token", "v2.0")
    }
    return any(isinstance(one, str) and one.rstrip("/").lower() in ours for one in given)


def _segments(where: Directory) -> Sequence[str]:
    if where.tenant is None:
        return [*ANY, where.issuer_segment]
    return [where.segment, str(where.tenant.tid), *where.tenant.domains.values_list("name", flat=True)]


def _time(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


@lru_cache(maxsize=64)
def _public_key(pem: str) -> RSAPublicKey:
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError("The certificate's key is not an RSA key.")
    return key


def _refused(application: Application, reason: str, header: Mapping[str, Any] | None = None) -> Refused:
    thumbprint = str((header or {}).get("x5t") or (header or {}).get("x5t#S256") or "")
    return Refused(700027, reason=reason, thumbprint=_hex(thumbprint)[:64], **particulars.of_application(application))


def _hex(thumbprint: str) -> str:
    """As Microsoft prints one, and as some clients send it in `kid`."""
    try:
        bare = thumbprint.rstrip("=")
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)).hex().upper()
    except (binascii.Error, ValueError):
        return ""
