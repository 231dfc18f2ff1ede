"""For which of Microsoft's resources an organization consents, and what its token is for: one by each API."""

from __future__ import annotations

from integrations.microsoft import identity
from integrations.preferences import Api


def of(api: str) -> str:
    """Graph's, or Exchange Online's."""
    return identity.exchange_resource() if api == Api.EWS else identity.graph_resource()
