"""Entra's rules for passwords in the cloud. Pure."""

from __future__ import annotations

import string

from integrations.simulator.entra.errors import Refused

SHORTEST, LONGEST = 8, 256
# A user name of one or two letters is in nearly every password.
SHORTEST_NAME = 3
KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation + " ")


def check(new: str, *, current: str, name: str) -> None:
    """120002 for a weak one or the one they had, 120003 for one with the user name (before its @)."""
    kinds = sum(any(character in kind for character in new) for kind in KINDS)
    if not SHORTEST <= len(new) <= LONGEST or kinds < 3 or new == current:
        raise Refused(120002)
    own = name.partition("@")[0].lower()
    if len(own) >= SHORTEST_NAME and own in new.lower():
        raise Refused(120003)
