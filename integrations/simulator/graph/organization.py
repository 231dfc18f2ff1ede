"""The tenant itself, and its domains."""

from __future__ import annotations

from typing import Any

from integrations.simulator.graph import collecting, directory_errors
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.collecting import Kind
from integrations.simulator.graph.filtering import EQUALITY, Column
from integrations.simulator.models import Domain, Tenant

# fmt: off
EMPTY = (
    "businessPhones", "city", "country", "countryLetterCode", "createdDateTime", "deletedDateTime",
    "marketingNotificationEmails", "onPremisesLastSyncDateTime", "onPremisesSyncEnabled", "postalCode",
    "preferredLanguage", "securityComplianceNotificationMails", "securityComplianceNotificationPhones", "state",
    "street", "technicalNotificationMails",
)
# fmt: on
LISTS = (
    "businessPhones",
    "marketingNotificationEmails",
    "securityComplianceNotificationMails",
    "securityComplianceNotificationPhones",
    "technicalNotificationMails",
)  # fmt: skip


def every(asking: Asking) -> dict[str, Any]:
    """One, always: the caller's own."""
    rows = Tenant.objects.filter(pk=asking.caller.tenant.pk)
    return collecting.page(asking, rows, ORGANIZATION, _organization, None)


def one(asking: Asking, tid: str) -> dict[str, Any]:
    tenant = asking.caller.tenant
    if tid.lower() != str(tenant.tid):
        raise directory_errors.no_such_resource(tid)
    return collecting.entity(asking, ORGANIZATION, _organization(tenant))


def domains(asking: Asking) -> dict[str, Any]:
    rows = Domain.objects.filter(tenant=asking.caller.tenant)
    first = rows.order_by("pk").first()
    return collecting.page(asking, rows, DOMAIN, lambda row: _domain(row, first), None)


def domain(asking: Asking, name: str) -> dict[str, Any]:
    rows = Domain.objects.filter(tenant=asking.caller.tenant).order_by("pk")
    found = rows.filter(name__iexact=name).first()
    if found is None:
        raise directory_errors.no_such_resource(name)
    return collecting.entity(asking, DOMAIN, _domain(found, rows.first()))


def _organization(tenant: Tenant) -> dict[str, Any]:
    rows = list(tenant.domains.filter(is_verified=True).order_by("pk"))
    return {
        **{name: [] if name in LISTS else None for name in EMPTY},
        "id": str(tenant.tid),
        "displayName": tenant.name,
        "tenantType": "AAD",
        "assignedPlans": [],
        "provisionedPlans": [],
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": row == rows[0],
                "isInitial": row == rows[0],
                "name": row.name,
                "type": "Managed",
            }
            for row in rows
        ],
    }


def _domain(row: Domain, first: Domain | None) -> dict[str, Any]:
    return {
        "id": row.name,
        "authenticationType": "Managed",
        "availabilityStatus": None,
        "isAdminManaged": True,
        "isDefault": row == first,
        "isInitial": row == first,
        "isRoot": True,
        "isVerified": row.is_verified,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"] if row.is_verified else [],
        "passwordValidityPeriodInDays": None,
        "passwordNotificationWindowInDays": None,
        "state": None,
    }


ORGANIZATION = Kind(
    type_name="organization",
    context="organization",
    properties=("id", "displayName", "tenantType", "assignedPlans", "provisionedPlans", "verifiedDomains", *EMPTY),
    columns={"id": Column("tid", "guid", EQUALITY), "displayname": Column("name", operators=EQUALITY)},
)
# fmt: off
DOMAIN = Kind(
    type_name="domain",
    context="domains",
    properties=(
        "id", "authenticationType", "availabilityStatus", "isAdminManaged", "isDefault", "isInitial", "isRoot",
        "isVerified", "supportedServices", "passwordValidityPeriodInDays", "passwordNotificationWindowInDays", "state",
    ),
    columns={"id": Column("name", operators=EQUALITY), "isverified": Column("is_verified", "bool", EQUALITY)},
)
# fmt: on
