"""What happens to an app registration: its credentials and its switches."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.db import transaction

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit, flag, number
from integrations.simulator.entra.hashes import digest
from integrations.simulator.entra.scopes import PERMISSIONS, ROLES
from integrations.simulator.models import AppCertificate, Application, AppSecret

CREDENTIALS, REGISTRATION = "Credentials", "Registration"


def set_secret(application: Application, *, secret: str, days: int, now: datetime) -> str:
    with transaction.atomic():
        application.secrets.all().delete()
        _add_secret(application, secret, days, now=now)
    return f"{application.name} has a new secret. All others are refused with AADSTS7000215."


def add_secret(application: Application, *, secret: str, days: int, now: datetime) -> str:
    _add_secret(application, secret, days, now=now)
    return f"{application.name} has a further secret, good for {days} days. The others go on working."


def expire_secrets(application: Application, *, now: datetime) -> str:
    application.secrets.filter(expires_at__gt=now).update(expires_at=now)
    return f"{application.name}’s secrets have expired: AADSTS7000222 for whoever sends one."


def remove_credential(application: Application, *, key_id: str, now: datetime) -> str:
    try:
        guid = UUID(key_id)
    except ValueError:
        raise Unfit("“key_id” must be a GUID.") from None
    gone = (
        application.secrets.filter(key_id=guid).delete()[0] + application.certificates.filter(key_id=guid).delete()[0]
    )
    if not gone:
        raise Unfit(f"{application.name} has no such credential (any more).", 404)
    return f"{application.name} has one credential less."


def add_certificate(application: Application, *, pem: str, now: datetime) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Unfit("“pem” must be an X.509 certificate between BEGIN CERTIFICATE and END CERTIFICATE.") from None
    sha256 = _base64url(certificate.fingerprint(hashes.SHA256()))
    expires_at = certificate.not_valid_after_utc
    if expires_at <= now:
        raise Unfit(f"The certificate expired on {expires_at:%d %B %Y}.")
    if application.certificates.filter(sha256=sha256).exists():
        raise Unfit(f"{application.name} has this certificate already.", 409)
    AppCertificate.objects.create(
        application=application,
        sha1=_base64url(certificate.fingerprint(hashes.SHA1())),  # noqa: S303
        sha256=sha256,
        pem=pem.strip() + "\n",
        expires_at=expires_at,
    )
    return f"{application.name} may sign with a further certificate, until {expires_at:%d %B %Y}."


def expire_certificates(application: Application, *, now: datetime) -> str:
    application.certificates.filter(expires_at__gt=now).update(expires_at=now)
    return f"{application.name}’s certificates have expired: AADSTS700027 for whoever signs with one."


def verified_publisher(application: Application, *, on: bool, now: datetime) -> str:
    _set(application, is_publisher_verified=on)
    return f"{application.name}’s publisher is {'verified' if on else 'not verified'}."


def public_client(application: Application, *, on: bool, now: datetime) -> str:
    _set(application, is_public=on)
    return f"{application.name} is a {'public' if on else 'confidential'} client."


def multi_tenant(application: Application, *, on: bool, now: datetime) -> str:
    _set(application, is_multi_tenant=on)
    whose = "people of any organization" if on else f"people of {application.publisher.name} only"
    return f"{application.name} is for {whose}."


def id_tokens(application: Application, *, on: bool, now: datetime) -> str:
    _set(application, issues_id_tokens=on)
    return f"{application.name} {'gets' if on else 'does not get'} id_tokens from the authorize endpoint."


def permissions(application: Application, *, permissions: list[str], roles: list[str], now: datetime) -> str:
    for name, known in [*((name, PERMISSIONS) for name in permissions), *((name, ROLES) for name in roles)]:
        if name not in known:
            raise Unfit(f"“{name[:100]}” is no permission that is simulated.")
    _set(application, permissions=permissions, roles=roles)
    return f"{application.name} lists {len(permissions)} delegated and {len(roles)} application permissions."


def redirect_uris(
    application: Application, *, redirect_uris: list[str], spa_redirect_uris: list[str], now: datetime
) -> str:
    for uri in (*redirect_uris, *spa_redirect_uris):
        parts = urlsplit(uri)
        is_safe = parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme not in ("http", "https") or not parts.hostname or not is_safe or parts.fragment or "*" in uri:
            raise Unfit(
                f"“{uri[:100]}” cannot be a redirect URI: https (http only for localhost), no fragment, no “*”."
            )
    _set(application, redirect_uris=redirect_uris, spa_redirect_uris=spa_redirect_uris)
    count = len(redirect_uris) + len(spa_redirect_uris)
    return f"{application.name} has {count} redirect URI{'' if count == 1 else 's'}. Others get AADSTS50011 on a page."


def _add_secret(application: Application, secret: str, days: int, *, now: datetime) -> None:
    AppSecret.objects.create(application=application, digest=digest(secret), expires_at=now + timedelta(days=days))


def _set(application: Application, **values: object) -> None:
    Application.objects.filter(pk=application.pk).update(**values)


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _words(name: str, label: str, current: Callable[[Application], list[str]]) -> Parameter:
    return Parameter(name=name, label=label, kind=Kind.WORDS, is_required=False, default=[], current=current)


_SECRET = Parameter(name="secret", label="The new secret", kind=Kind.PASSWORD)
_DAYS = number("days", "Good for days", 180, least=1, most=730)

ACTIONS = (
    Action(
        on="applications",
        name="expire-secrets",
        label="Let the secrets expire",
        group=CREDENTIALS,
        effect="Every token request with a secret is refused with 401 AADSTS7000222. Nobody’s consent is touched: a "
        "client must not tell its users to sign in again.",
        do=expire_secrets,
        is_harmful=True,
    ),
    Action(
        on="applications",
        name="secret",
        label="Replace the secret",
        group=CREDENTIALS,
        effect="From now on this is the only secret. Requests with the old one are refused with 401 AADSTS7000215 "
        "until the client is told.",
        do=set_secret,
        parameters=(_SECRET, _DAYS),
        is_harmful=True,
    ),
    Action(
        on="applications",
        name="add-secret",
        label="Add a secret",
        group=CREDENTIALS,
        effect="For a change without a break: old and new work side by side.",
        do=add_secret,
        parameters=(_SECRET, _DAYS),
    ),
    Action(
        on="applications",
        name="add-certificate",
        label="Add a certificate",
        group=CREDENTIALS,
        effect="Assertions signed with its key are accepted in place of a secret.",
        do=add_certificate,
        parameters=(
            Parameter(name="pem", label="The certificate (PEM)", kind=Kind.LONG_TEXT, hint="Without its private key."),
        ),
    ),
    Action(
        on="applications",
        name="expire-certificates",
        label="Let the certificates expire",
        group=CREDENTIALS,
        effect="Assertions are refused with 401 AADSTS700027. Secrets go on working.",
        do=expire_certificates,
        is_harmful=True,
        fits=lambda application: application.certificates.exists(),
    ),
    Action(
        on="applications",
        name="remove-credential",
        label="Remove a secret or certificate",
        group=CREDENTIALS,
        effect="As if it had never been: AADSTS7000215 for the secret, AADSTS700027 for the certificate.",
        do=remove_credential,
        parameters=(Parameter(name="key_id", label="Key id"),),
        is_harmful=True,
    ),
    Action(
        on="applications",
        name="verified-publisher",
        label="Verified publisher",
        group=REGISTRATION,
        effect="Matters where people may consent to applications of verified publishers only.",
        do=verified_publisher,
        parameters=(flag("on", "Verified", current=lambda application: application.is_publisher_verified),),
    ),
    Action(
        on="applications",
        name="public-client",
        label="Public client",
        group=REGISTRATION,
        effect="A public client has no credential: sending one is refused with AADSTS700025, and its refresh "
        "tokens die "
        "with a change of password.",
        do=public_client,
        parameters=(flag("on", "Public", current=lambda application: application.is_public),),
        is_harmful=True,
    ),
    Action(
        on="applications",
        name="multi-tenant",
        label="Who can use it",
        group=REGISTRATION,
        effect="Of one organization only: everybody else is refused, and /common with AADSTS50194.",
        do=multi_tenant,
        parameters=(flag("on", "Any organization", current=lambda application: application.is_multi_tenant),),
        is_harmful=True,
    ),
    Action(
        on="applications",
        name="id-tokens",
        label="Implicit and hybrid flows",
        group=REGISTRATION,
        effect="The registration’s switch “ID tokens”. Without it response_type=id_token gets AADSTS700054.",
        do=id_tokens,
        parameters=(flag("on", "ID tokens", current=lambda application: application.issues_id_tokens),),
    ),
    Action(
        on="applications",
        name="permissions",
        label="Permissions of the registration",
        group=REGISTRATION,
        effect="What “.default” and an administrator’s consent ask for. What was granted stays as it is.",
        do=permissions,
        parameters=(
            _words("permissions", "Delegated", lambda application: application.permissions),
            _words("roles", "Application permissions", lambda application: application.roles),
        ),
    ),
    Action(
        on="applications",
        name="redirect-uris",
        label="Redirect URIs",
        group=REGISTRATION,
        effect="Exactly these are allowed. A sign-in with another one ends on an error page with AADSTS50011.",
        do=redirect_uris,
        parameters=(
            _words("redirect_uris", "Of a web application", lambda application: application.redirect_uris),
            _words("spa_redirect_uris", "Of a single-page application", lambda one: one.spa_redirect_uris),
        ),
        is_harmful=True,
    ),
)
