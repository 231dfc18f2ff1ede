"""Who is connected, who is on the way, who waits for an administrator; what the operator must know."""

from integrations.models.approvals import AwaitedApproval, TenantConsent
from integrations.models.connections import ALIVE, Connection, Incident, Move, State, Trouble
from integrations.models.consents import ConsentRequest, Ending, Step
from integrations.models.credentials import AppCredential, TokenKey
from integrations.models.tenants import LinkRequest, LinkState, LinkStep, TenantLink
from integrations.models.trials import Trial

__all__ = [
    "ALIVE",
    "AppCredential",
    "AwaitedApproval",
    "Connection",
    "ConsentRequest",
    "Ending",
    "Incident",
    "LinkRequest",
    "LinkState",
    "LinkStep",
    "Move",
    "State",
    "Step",
    "TenantConsent",
    "TenantLink",
    "TokenKey",
    "Trial",
    "Trouble",
]
