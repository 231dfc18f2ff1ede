"""The table of refusals: AADSTS number → what Microsoft answers. By what is at fault."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.kinds import applications, people, requests, saml, tokens, troubles
from integrations.simulator.entra.kinds.kind import Kind

KINDS: Mapping[int, Kind] = {
    **requests.KINDS,
    **applications.KINDS,
    **tokens.KINDS,
    **people.KINDS,
    **saml.KINDS,
    **troubles.KINDS,
}

__all__ = ["KINDS", "Kind"]
