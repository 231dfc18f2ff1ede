"""What the first segment of a path names."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from integrations.simulator.entra.errors import Refused
from integrations.simulator.models import Tenant

ANY = ("common", "organizations")
# Personal Microsoft accounts. Nobody here has one.
CONSUMERS = UUID("9188040d-6c67-4c5b-b112-36a304b66dad")


@dataclass(frozen=True)
class Directory:
    """One tenant; with none any organization, or that of personal accounts."""

    segment: str
    tenant: Tenant | None
    is_consumers: bool = False

    @property
    def issuer_segment(self) -> str:
        """In the documents of `common` and `organizations` the issuer carries this literal text."""
        if self.is_consumers:
            return str(CONSUMERS)
        return str(self.tenant.tid) if self.tenant else "{tenantid}"

    @property
    def canonical(self) -> str:
        """As addresses in documents have it: a tenant's id even where its domain was asked for."""
        return str(self.tenant.tid) if self.tenant else self.segment

    @property
    def name(self) -> str:
        """As refusals call it."""
        if self.tenant:
            return self.tenant.name
        return "Microsoft Accounts" if self.is_consumers else "Microsoft"

    def holds(self, tenant_id: int) -> bool:
        if self.is_consumers:
            return False
        return self.tenant is None or self.tenant.pk == tenant_id


def directory(segment: str) -> Directory:
    """GUID, verified domain, `common`, `organizations` or `consumers`; anything else is refused with 90002,
    and all of an organization whose sign-in is down with 90033."""
    if segment.lower() in ANY:
        return Directory(segment.lower(), None)
    guid = as_guid(segment)
    if guid == CONSUMERS or segment.lower() == "consumers":
        return Directory(segment.lower(), None, is_consumers=True)
    named = Tenant.objects.filter(domains__name=segment.lower(), domains__is_verified=True)
    tenant = (Tenant.objects.filter(tid=guid) if guid else named).first()
    if tenant is None:
        raise Refused(90002, tenant=segment)
    if tenant.is_sign_in_down:
        raise Refused(90033, retry_after=60, why=f"{tenant.name}’s sign-in is down, as ordered in the console.")
    return Directory(segment, tenant)


def as_guid(text: str) -> UUID | None:
    """As Microsoft writes one; Python would take braces and missing hyphens as well."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
