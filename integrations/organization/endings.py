"""Why an authorization led nowhere: to the admin on its page, and in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integrations import reasons
from integrations.failures import Reason


class Ending(StrEnum):
    """On our side; Microsoft's own reasons are `Reason`."""

    EXPIRED = "expired"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"
    INTERRUPTED = "interrupted"
    UNTRUSTED = "untrusted"
    ANOTHER_TENANT = "another_tenant"
    DOMAIN_LOST = "domain_lost"
    DOMAIN_MOVED = "domain_moved"
    NOT_ADMIN = "not_admin"
    NO_LONGER_ADMIN = "no_longer_admin"
    NO_PERMISSIONS = "no_permissions"


# With these nothing is left to try: a new authorization is the way. After any other the same one may be tried again.
FINAL = frozenset(
    {
        Ending.EXPIRED,
        Ending.STOPPED,
        Ending.SUPERSEDED,
        Ending.ANOTHER_TENANT,
        Ending.DOMAIN_LOST,
        Ending.DOMAIN_MOVED,
        Ending.NO_LONGER_ADMIN,
    }
)


@dataclass(frozen=True)
class Told:
    title: str
    # What to do about it.
    text: str


WHO_MAY = "a Global Administrator or a Privileged Role Administrator"

_TOLD: dict[str, Told] = {
    Ending.EXPIRED: Told("It was not finished in time.", "Begin again when an Office 365 admin is at hand."),
    Ending.STOPPED: Told("It was cancelled in Meridian.", ""),
    Ending.SUPERSEDED: Told(
        "An admin of this account has begun it again.",
        "Only the newest one counts, and a link that was handed on for this one leads nowhere any more.",
    ),
    Ending.INTERRUPTED: Told(
        "Meridian was interrupted while it checked who had signed in.",
        "Try again.",
    ),
    Ending.UNTRUSTED: Told("The answer did not prove to come from Microsoft.", "Try again."),
    Ending.ANOTHER_TENANT: Told(
        "The answer was for another Microsoft 365 organization.",
        "Begin again, and sign in as an admin of the organization that the domain belongs to.",
    ),
    Ending.DOMAIN_LOST: Told(
        "The domain is no longer a verified associated domain of this account.",
        "Verify it on the account profile, then begin again.",
    ),
    Ending.DOMAIN_MOVED: Told(
        "At Microsoft the domain now belongs to another organization.",
        "Begin again: Meridian asks Microsoft anew whose domain it is.",
    ),
    Ending.NOT_ADMIN: Told(
        "Whoever signed in may not consent for the organization.",
        f"Try again and sign in as the admin who consents: {WHO_MAY} of that organization.",
    ),
    Ending.NO_LONGER_ADMIN: Told(
        "Whoever began it is no longer an owner or an admin of this account.", "An owner or an admin can begin again."
    ),
    Ending.NO_PERMISSIONS: Told(
        "Microsoft gives Meridian no permission to read calendars in that organization.",
        "The consent was not given, or was taken back. Try again; if it stays like this, tell the people who run "
        "Meridian that its registration at Microsoft lacks application permissions.",
    ),
    Reason.GUEST: Told(
        "Whoever signed in is only a guest in that organization.",
        f"Try again with an account of the organization itself: {WHO_MAY}.",
    ),
    Reason.DECLINED: Told("The consent was declined at Microsoft.", "You can try again at any time."),
    Reason.CANCELLED: Told("Microsoft’s page was left without finishing.", "You can try again at any time."),
    Reason.ADMIN_APPROVAL: Told(
        "Whoever signed in at Microsoft may not consent for the organization.",
        f"It needs {WHO_MAY}. Try again with such an account, or hand the authorization on to somebody who has one.",
    ),
    Reason.APP_REMOVED: Told(
        "Microsoft does not know Meridian in that organization.",
        "The consent was not given, was taken back, or Meridian is switched off there. Try again.",
    ),
}


def told(reason: str) -> Told:
    return _TOLD.get(reason) or Told(f"{in_words(reason)}.", "You can try again.")


def in_words(reason: str) -> str:
    """For the audit log: a sentence without its full stop."""
    if found := _TOLD.get(reason):
        return found.title.removesuffix(".")
    try:
        return reasons.in_words(reason)
    except KeyError:
        return "Microsoft gave no reason that Meridian knows"
