"""From a seed's applications to rows: registrations, their credentials, and what each tenant allows them."""

from __future__ import annotations

import base64
import logging
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from integrations.simulator.entra import grants, principals
from integrations.simulator.entra.hashes import digest
from integrations.simulator.models import (
    AccessPolicy,
    AppCertificate,
    Application,
    AppSecret,
    Person,
    ScopedRole,
    Tenant,
)
from integrations.simulator.seeds.seed import SeedApplication, SeedEnterprise

# Of the one that comes from the environment.
SECRET_LIVES = timedelta(days=180)
log = logging.getLogger("simulator")


def register(seed: SeedApplication, *, is_anew: bool, now: datetime) -> None:
    """As the environment and the seed say now. What somebody did to its other credentials stays, unless `is_anew`."""
    application, is_new = Application.objects.update_or_create(
        client_id=seed.client_id,
        defaults={
            "name": seed.name,
            "publisher": Tenant.objects.get(tid=seed.publisher),
            "is_publisher_verified": seed.is_publisher_verified,
            "is_multi_tenant": seed.is_multi_tenant,
            "is_public": seed.is_public,
            "issues_id_tokens": seed.issues_id_tokens,
            "redirect_uris": list(seed.redirect_uris),
            "spa_redirect_uris": list(seed.spa_redirect_uris),
            "permissions": list(seed.permissions),
            "roles": list(seed.roles),
            "identifier_uris": list(seed.identifier_uris),
            "app_roles": list(seed.app_roles),
            "tells_groups": seed.tells_groups,
            "name_id": seed.name_id,
            "signs": seed.signs,
        },
    )
    principals.ensure(application, application.publisher, now=now)
    if not seed.is_public:
        if is_new or is_anew:
            _give_credentials(application, seed, now=now)
        _renew_secret(application, seed.secret, now=now)
        if seed.redirect_uris and not (seed.secret or seed.secrets or seed.certificates):
            log.warning("The application %s has no secret and will get no tokens: %s", application.name, _ADVICE)


def allow(seed: SeedEnterprise, tenant: Tenant, *, now: datetime) -> None:
    """What an administrator of the tenant has set up for one application."""
    application = Application.objects.get(client_id=seed.client_id)
    principal = principals.ensure(application, tenant, now=now)
    principal.is_enabled = seed.is_enabled
    principal.needs_assignment = seed.needs_assignment
    principal.assigned_roles = _by_person(seed)
    principal.save(update_fields=["is_enabled", "needs_assignment", "assigned_roles"])
    people = {person.oid: person for person in Person.objects.filter(tenant=tenant)}
    principal.assigned.set([people[oid] for oid in seed.assigned])
    for grant in seed.grants:
        if grant.person is None:
            grants.allow_for_all(application, tenant, grant.scopes, (), now=now)
        else:
            grants.allow(application, people[grant.person], grant.scopes, now=now)
    if seed.roles:
        grants.allow_for_all(application, tenant, (), seed.roles, now=now)
    for name, oids in seed.scoped_roles.items():
        role = ScopedRole.objects.create(service_principal=principal, name=name)
        role.people.set([people[oid] for oid in oids])
    if seed.access_policy:
        kind, oids = seed.access_policy
        policy = AccessPolicy.objects.create(service_principal=principal, kind=kind)
        policy.people.set([people[oid] for oid in oids])


def _by_person(seed: SeedEnterprise) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for role, oids in seed.assigned_roles.items():
        for oid in oids:
            found.setdefault(str(oid), []).append(role)
    return found


def _give_credentials(application: Application, seed: SeedApplication, *, now: datetime) -> None:
    application.secrets.all().delete()
    application.certificates.all().delete()
    AppSecret.objects.bulk_create(
        AppSecret(application=application, digest=digest(one.value), expires_at=now + timedelta(days=one.days))
        for one in seed.secrets
    )
    AppCertificate.objects.bulk_create(_certificate(application, pem) for pem in seed.certificates)


_ADVICE = "set SIMULATOR_APP_CLIENT_SECRET and start again, or give it `secrets` in the seed."


def _renew_secret(application: Application, secret: str, *, now: datetime) -> None:
    """One that is kept from the last start keeps its age, so that an expired one stays expired."""
    if not secret:
        return
    application.secrets.filter(from_environment=True).exclude(digest=digest(secret)).delete()
    AppSecret.objects.get_or_create(
        application=application,
        digest=digest(secret),
        defaults={"expires_at": now + SECRET_LIVES, "from_environment": True},
    )


def _certificate(application: Application, pem: str) -> AppCertificate:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return AppCertificate(
        application=application,
        sha1=_base64url(certificate.fingerprint(hashes.SHA1())),  # noqa: S303
        sha256=_base64url(certificate.fingerprint(hashes.SHA256())),
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        expires_at=certificate.not_valid_after_utc,
    )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
