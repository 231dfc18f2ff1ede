"""What the first segment of a path names."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from integrations.simulator.entra.errors import Refused
from integrations.simulator.models import Tenant

ANY = ("common", "organizations")


@dataclass(frozen=True)
class Directory:
    """One tenant, or (with none) any organisation."""

    segment: str
    tenant: Tenant | None

    @property
    def issuer_segment(self) -> str:
        """In the documents of `common` and `organizations` the issuer carries this literal text."""
        return str(self.tenant.tid) if self.tenant else "{tenantid}"

    def holds(self, tenant_id: int) -> bool:
        return self.tenant is None or self.tenant.pk == tenant_id


def directory(segment: str) -> Directory:
    """GUID, verified domain, `common` or `organizations`; anything else is refused with 90002."""
    if segment.lower() in ANY:
        return Directory(segment.lower(), None)
    guid = as_guid(segment)
    found = Tenant.objects.filter(tid=guid) if guid else Tenant.objects.filter(domains__name=segment.lower())
    tenant = found.first()
    if tenant is None:
        raise Refused(90002, tenant=segment)
    return Directory(segment, tenant)


def as_guid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
