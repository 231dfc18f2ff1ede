"""The portal's own credentials in words: why Microsoft refuses one, when it ends, what an operator does about it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from integrations.failures import Reason
from integrations.microsoft.app_credentials import Credential, of_environment
from integrations.models import AppCredential

# Instead of a `Reason`: there was none to ask in.
NO_DIRECTORY = "no_directory"
_ROLL = (
    "To go on without a gap: make a new one in Entra, add it as the second credential (the variables whose names end "
    "in _2), start the portal and its workers again, and press “Check now” on the page Operations. Then let it take "
    "the place of the old one. docs/real-microsoft-365.md tells it step by step."
)

ID_PASTED = (
    "looks like the secret’s ID. Entra shows two columns: copy the one named Value (it is shown only once; make a new "
    "secret if it is gone)."
)
_KNOWN = {
    "AADSTS7000215": "The client secret is wrong. Copy the secret’s Value from Entra, not its ID.",
    "AADSTS7000222": "The client secret has expired. Make a new one in Entra and set it here.",
    "AADSTS700027": "The certificate is not registered for this application, or has expired.",
    "AADSTS7000218": "Microsoft found no credential in what was asked.",
    "AADSTS7000216": "Microsoft found no credential in what was asked.",
    "AADSTS700025": "At Microsoft the application is a public client, which has no credential. Switch that off there.",
}


def why_refused(code: str) -> str:
    """In a sentence; empty for a code that is not about the credential."""
    return _KNOWN.get(code, "")


def ids_pasted() -> str:
    """A paragraph on secrets that are none, to stand in a letter; empty where there is nothing to say."""
    found = [one for one in of_environment() if not one.is_certificate and is_an_id(one.value)]
    return "".join(f"{one.name} {ID_PASTED}\n\n" for one in found)


def why_unjudged(reason: str) -> str:
    """A check that brought neither a yes nor a no."""
    if reason == NO_DIRECTORY:
        return (
            "Not judged: Microsoft tells only within one directory, and nobody is connected in any yet. "
            "Try “manage.py check_microsoft --tenant” with one of yours."
        )
    if reason in (Reason.APP_REMOVED, Reason.TENANT_GONE, Reason.SERVICE_ABSENT):
        return "Not judged: the directories that were asked do not know the application."
    return "Not judged: Microsoft gave no usable answer." if reason else ""


def is_an_id(secret: str) -> bool:
    """Microsoft's secrets never look like a GUID; their ids do."""
    try:
        uuid.UUID(secret)
    except ValueError:
        return False
    return True


def how_long(expires_at: datetime, *, now: datetime) -> str:
    """*in 30 days*, *today*, *3 days ago*: as a calendar in UTC counts."""
    days = (expires_at.date() - now.date()).days
    if days == 0:
        return "today"
    count = f"{abs(days):,} {'day' if abs(days) == 1 else 'days'}"
    return f"in {count}" if days > 0 else f"{count} ago"


def until_when(credential: Credential, *, now: datetime) -> str:
    """Until when it lasts, in a sentence."""
    if credential.expires_at is None:
        return f"When it ends is not known here: set {credential.expires_by}."
    day, when = f"{credential.expires_at:%-d %B %Y}", how_long(credential.expires_at, now=now)
    return f"It has expired on {day}: {when}." if credential.expires_at <= now else f"It expires on {day}: {when}."


def countdown(row: AppCredential, others: Iterable[AppCredential], *, now: datetime) -> tuple[str, str]:
    """Subject and text of what the operator is told."""
    assert row.expires_at is not None, "without an end there is nothing to count"  # noqa: S101
    day, when = f"{row.expires_at:%-d %B %Y}", how_long(row.expires_at, now=now)
    if row.expires_at <= now:
        return (
            f"{row.name} has expired",
            f"{row.name}, with which the portal proves to Microsoft that it is itself, ended on {day}. "
            f"{_what_follows(others, now=now)}\n\n{_ROLL}",
        )
    return (
        f"{row.name} expires {when}",
        f"{row.name}, with which the portal proves to Microsoft that it is itself, ends on {day}: {when}. "
        f"{_what_follows(others, now=now)}\n\n{_ROLL}",
    )


def one_refused(row: AppCredential, used: AppCredential) -> tuple[str, str]:
    return (
        f"Microsoft refuses {row.name}",
        f"{why_refused(row.code) or 'Microsoft does not say why.'} ({row.code})\n\n"
        f"Nothing stands still: Microsoft accepts {used.name}, which is used instead. Mend the other one, or leave it "
        "out, before this one ends too.",
    )


def _what_follows(others: Iterable[AppCredential], *, now: datetime) -> str:
    for other in others:
        if not other.is_refused and (other.expires_at is None or other.expires_at > now):
            until = f", which ends on {other.expires_at:%-d %B %Y}" if other.expires_at else ""
            return f"From then on {other.name} is used{until}."
    return "Without another one, every calendar stands still from then on."
