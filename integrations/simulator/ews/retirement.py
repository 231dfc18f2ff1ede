"""Whether Exchange Online still lets Exchange Web Services through, by its administrators' switches and the day. Pure.

On 1 October 2026 what was never set begins to mean no, and an application must be listed. On 1 April 2027 it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

BLOCKED_BY_DEFAULT = date(2026, 10, 1)
ENDED = date(2027, 4, 1)

HEADER = "X-EWS-Policy-Reason"
DISABLED = "EWS is disabled for this user or tenant"
BLOCKED = "EWS is blocked by policy for this user or tenant"


@dataclass(frozen=True)
class Switches:
    """EwsEnabled of the organization, and its EwsAllowedAppIDs in lower case; None where never set."""

    enabled: bool | None = None
    allowed_app_ids: Sequence[str] | None = None


@dataclass(frozen=True)
class No:
    reason: str
    """As the header has it."""
    why: str


def refusal(switches: Switches, *, application: str, mailbox: bool | None = None, day: date) -> No | None:
    """`mailbox` is its own EwsEnabled: organization and mailbox must both allow it."""
    if day >= ENDED:
        return No(DISABLED, f"Exchange Web Services ended in Exchange Online on {_said(ENDED)}.")
    if switches.enabled is False:
        return No(DISABLED, "EwsEnabled of the organization is False.")
    if switches.enabled is None and day >= BLOCKED_BY_DEFAULT:
        return No(DISABLED, f"EwsEnabled of the organization was never set: False since {_said(BLOCKED_BY_DEFAULT)}.")
    if mailbox is False:
        return No(DISABLED, "EwsEnabled of the mailbox is False.")
    listed = switches.allowed_app_ids
    if listed is None and day < BLOCKED_BY_DEFAULT:
        return None
    if application.lower() not in (listed or ()):
        return No(BLOCKED, "The application is not in EwsAllowedAppIDs of the organization.")
    return None


def _said(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
