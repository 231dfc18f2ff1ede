"""What a step of a diagnosis is, and what is said of any of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.safestring import SafeString

from integrations.console import listing
from integrations.models import Connection, ExchangeServer, State, TenantLink


class Part(StrEnum):
    """In the order in which each needs those before it."""

    INTEGRATION = "integration"
    POLICY = "policy"
    CREDENTIAL = "credential"
    CONSENT = "consent"
    RENEWAL = "renewal"
    # Of one by EWS alone: whether it is let in that way; of a server of the organization's own: whether it answers, and
    # whether it lets whoever asks sign in.
    EWS = "ews"
    SERVER = "server"
    SIGN_IN = "sign_in"
    # Of a connection by the organization alone: which mailbox is theirs, and whether it is among those it lets us into.
    MATCH = "match"
    SCOPE = "scope"
    MAILBOX = "mailbox"


class Mark(StrEnum):
    DONE = "done"
    FAILED = "failed"
    # Not asked, as something before it failed or there is nothing to ask about.
    SKIPPED = "skipped"
    # Nobody has asked yet.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Step:
    part: Part
    mark: Mark
    says: str
    explains: str | SafeString = ""


# There is nothing to renew, and nothing to ask a mailbox with.
NO_ACCESS = {
    State.DISCONNECTED: "There is no connection.",
    State.AWAITING_ADMIN: "There is no access yet.",
    State.BLOCKED_BY_POLICY: "Not used while the settings do not allow it.",
    State.CONNECTING: "A worker is at it.",
}


def because(what: Connection | TenantLink | ExchangeServer) -> str:
    """Unknown stays unknown."""
    said = listing.in_words(what.reason)
    return f"{what.code}. {said}." if what.code else f"{said}."
