"""The app registrations of a seed file, and what its tenants allow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from cryptography import x509

from integrations.simulator.entra.delegated import PERMISSIONS
from integrations.simulator.entra.roles import ROLES, SCOPABLE
from integrations.simulator.models import NameId, Signs
from integrations.simulator.seeds.cast import Cast
from integrations.simulator.seeds.fields import Fields, fields
from integrations.simulator.seeds.seed import (
    SeedApplication,
    SeedEnterprise,
    SeedGrant,
    SeedSecret,
    SeedTenant,
)

SECRET_LIVES_DAYS = 180


@dataclass(frozen=True)
class Registry:
    """All applications, found by name or client id, and by the tenant that a domain belongs to."""

    applications: Sequence[SeedApplication]

    def find(self, data: Fields, name: str) -> SeedApplication:
        wanted = data.text(name)
        found = [one for one in self.applications if wanted in (one.name, str(one.client_id))]
        if len(found) != 1:
            known = ", ".join(one.name for one in self.applications) or "none"
            raise data.wrong(name, f"“{wanted}” is not one of `applications`, which are: {known}.")
        return found[0]


def application(data: Fields, tenants: Sequence[SeedTenant], beside: Path) -> SeedApplication:
    """`beside` is the directory from which paths of certificates count."""
    is_public = data.flag("public")
    secret = data.text("secret", "")
    secrets = data.each("secrets", _secret)
    if is_public and (secret or secrets or "certificates" in data):
        raise data.wrong("public", "a public client has neither secrets nor certificates.")
    return SeedApplication(
        client_id=data.guid("client_id"),
        name=data.text("name", longest=120),
        publisher=_publisher(data, tenants),
        secret=secret,
        secrets=secrets,
        certificates=[_certificate(data, beside / path) for path in data.texts("certificates")],
        redirect_uris=_addresses(data, "redirect_uris"),
        spa_redirect_uris=_addresses(data, "spa_redirect_uris"),
        permissions=_known(data, "permissions", data.texts("permissions"), PERMISSIONS),
        roles=_known(data, "roles", data.texts("roles"), ROLES),
        is_multi_tenant=data.flag("multi_tenant", True),
        is_public=is_public,
        is_publisher_verified=data.flag("publisher_verified"),
        issues_id_tokens=data.flag("issues_id_tokens"),
        identifier_uris=[uri for uri in data.texts("identifier_uris") if uri],
        app_roles=data.texts("app_roles"),
        tells_groups=data.flag("groups"),
        name_id=data.one_of("name_id", NameId.values, NameId.EMAIL),
        signs=data.one_of("signs", Signs.values, Signs.ASSERTION),
    )


def enterprises(data: object, place: str, tenant: SeedTenant, registry: Registry, cast: Cast) -> list[SeedEnterprise]:
    found = []
    for number, one in enumerate(data if isinstance(data, list) else [data], start=1):
        with fields(one, f"{place}.enterprise_applications[{number}]") as inner:
            found.append(_enterprise(inner, tenant, registry, cast))
            if found[-1].client_id in [before.client_id for before in found[:-1]]:
                raise inner.wrong("application", "this application is in the tenant once already.")
    return found


def _enterprise(data: Fields, tenant: SeedTenant, registry: Registry, cast: Cast) -> SeedEnterprise:
    app = registry.find(data, "application")
    if not app.is_multi_tenant and app.publisher != tenant.tid:
        raise data.wrong(
            "application", f"“{app.name}” is for the tenant of its publisher only (`multi_tenant: true`?)."
        )
    return SeedEnterprise(
        client_id=app.client_id,
        is_enabled=data.flag("enabled", True),
        needs_assignment=data.flag("assignment_required"),
        assigned=_oids(data, "assigned", data.texts("assigned"), tenant, cast),
        grants=_grants(data, tenant, cast),
        roles=_known(data, "roles", data.texts("roles"), ROLES),
        scoped_roles={
            _known(data, "scoped_roles", [role], SCOPABLE)[0]: _oids(data, "scoped_roles", people, tenant, cast)
            for role, people in data.named("scoped_roles").items()
        },
        access_policy=data.under("access_policy", lambda inner: _policy(inner, tenant, cast)),
        assigned_roles={
            data.must_be_one_of("assigned_roles", role, app.app_roles): _oids(
                data, "assigned_roles", people, tenant, cast
            )
            for role, people in data.named("assigned_roles").items()
        },
    )


def _grants(data: Fields, tenant: SeedTenant, cast: Cast) -> list[SeedGrant]:
    def grant(inner: Fields) -> SeedGrant:
        whom = inner.text("for")
        person = None if whom == "everyone" else cast.of(tenant, inner, "for", whom).oid
        scopes = _known(inner, "scopes", inner.texts("scopes"), PERMISSIONS)
        if not scopes:
            raise inner.wrong("scopes", "a grant has at least one permission.")
        return SeedGrant(person, scopes)

    found = data.each("grants", grant)
    if len({one.person for one in found}) != len(found):
        raise data.wrong("grants", "there is one grant for everyone at most, and one for each person.")
    return found


def _policy(data: Fields, tenant: SeedTenant, cast: Cast) -> tuple[str, Sequence[UUID]]:
    only, but = data.texts("only"), data.texts("all_but")
    if bool(only) == bool(but):
        raise data.wrong("", "an access policy says either `only` or `all_but`.")
    return (
        ("restrict", _oids(data, "only", only, tenant, cast))
        if only
        else (
            "deny",
            _oids(data, "all_but", but, tenant, cast),
        )
    )


def _oids(data: Fields, name: str, people: object, tenant: SeedTenant, cast: Cast) -> list[UUID]:
    listed = people if isinstance(people, list) else [people]
    return [cast.of(tenant, data, name, str(one)).oid for one in listed]


def _known(data: Fields, name: str, asked: Sequence[str], table: Mapping[str, object]) -> list[str]:
    for one in asked:
        data.must_be_one_of(name, one, tuple(table))
    return list(dict.fromkeys(asked))


def _publisher(data: Fields, tenants: Sequence[SeedTenant]) -> UUID:
    wanted = data.text("publisher").lower()
    for tenant in tenants:
        if wanted in {domain.name for domain in tenant.domains if domain.is_verified}:
            return tenant.tid
    raise data.wrong("publisher", f"“{wanted}” is a verified domain of no tenant of this seed.")


def _secret(data: Fields) -> SeedSecret:
    return SeedSecret(data.text("value"), data.number("days", SECRET_LIVES_DAYS, least=-3650, most=3650))


_RUN = ("javascript", "data", "vbscript", "file")


def _addresses(data: Fields, name: str) -> list[str]:
    """Empty ones come from variables that are not set."""
    found = [uri for uri in data.texts(name) if uri]
    for uri in found:
        parts = urlsplit(uri)
        # Mobile and desktop applications have schemes of their own; some run what follows them.
        leads = parts.hostname if parts.scheme in ("http", "https") else parts.scheme not in ("", *_RUN)
        if not leads or "#" in uri:
            raise data.wrong(name, f"“{uri}” is no redirect address: it is absolute, of a host, without a fragment.")
    return found


def _certificate(data: Fields, path: Path) -> str:
    try:
        pem = path.read_text(encoding="ascii")
        x509.load_pem_x509_certificate(pem.encode())
    except (OSError, ValueError):
        raise data.wrong("certificates", f"“{path}” cannot be read as a certificate in PEM.") from None
    return pem
