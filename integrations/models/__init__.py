"""Who is connected, who is on the way, who waits for an administrator; what the operator must know."""

from integrations.models.approvals import AwaitedApproval, TenantConsent
from integrations.models.connections import ALIVE, Connection, Incident, Move, State, Trouble
from integrations.models.consents import ConsentRequest, Ending, Step
from integrations.models.credentials import AppCredential, TokenKey
from integrations.models.exchange import EwsPast, ExchangeServer, GraphProspect, Prospect, ServerState
from integrations.models.prompts import Answer, CalendarPrompt
from integrations.models.tenants import LinkRequest, LinkState, LinkStep, TenantLink
from integrations.models.trials import Trial

__all__ = [
    "ALIVE",
    "Answer",
    "AppCredential",
    "AwaitedApproval",
    "CalendarPrompt",
    "Connection",
    "ConsentRequest",
    "Ending",
    "EwsPast",
    "ExchangeServer",
    "GraphProspect",
    "Incident",
    "LinkRequest",
    "LinkState",
    "LinkStep",
    "Move",
    "Prospect",
    "ServerState",
    "State",
    "Step",
    "TenantConsent",
    "TenantLink",
    "TokenKey",
    "Trial",
    "Trouble",
]
