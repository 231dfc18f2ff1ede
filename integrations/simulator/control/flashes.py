"""What the console says after an action: kept here, so that an address can only show sentences of our own."""

from __future__ import annotations

import secrets

from integrations.simulator.control.habits import Recent

PARAMETER = "said"


def keep(sentence: str) -> str:
    """The key to put into the address of the next page."""
    key = secrets.token_urlsafe(9)
    _said.swap(key, sentence)
    return key


def find(key: str) -> str:
    return _said.find(key) or ""


_said: Recent[str, str] = Recent(200)
