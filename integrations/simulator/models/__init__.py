"""Everything the simulated tenants hold. Times are true UTC; secrets, codes and tokens are kept as hashes only."""

from integrations.simulator.models.applications import (
    AccessPolicy,
    AppCertificate,
    Application,
    AppRole,
    AppSecret,
    Grant,
    NameId,
    ScopedRole,
    ServicePrincipal,
    Signs,
)
from integrations.simulator.models.directory import Domain, Person, Tenant, TextRecord
from integrations.simulator.models.faults import Fault
from integrations.simulator.models.mailbox import Calendar, Contact, Event, SeriesVersion, Subscription, Tombstone
from integrations.simulator.models.premises import Premises
from integrations.simulator.models.sessions import AuthorizationCode, BrowserSession, RefreshToken

__all__ = [
    "AccessPolicy",
    "AppCertificate",
    "AppRole",
    "AppSecret",
    "Application",
    "AuthorizationCode",
    "BrowserSession",
    "Calendar",
    "Contact",
    "Domain",
    "Event",
    "Fault",
    "Grant",
    "NameId",
    "Person",
    "Premises",
    "RefreshToken",
    "ScopedRole",
    "SeriesVersion",
    "ServicePrincipal",
    "Signs",
    "Subscription",
    "Tenant",
    "TextRecord",
    "Tombstone",
]
