"""How an associated domain stands, in words for the account's admins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import domain_proofs, domains
from accounts.domain_checks import CLEAR_NO, Finding
from accounts.domain_names import shown
from accounts.models import AssociatedDomain, DomainMethod, DomainState

SILENT_AFTER = timedelta(seconds=30)

_LOOKS = {
    DomainState.PENDING: ("Not verified", "plain", "ring"),
    DomainState.VERIFYING: ("Verifying…", "info", "clock"),
    DomainState.VERIFIED: ("Verified", "good", "check"),
    DomainState.LAPSED: ("Verification lost", "bad", "alert"),
}
_MISSING = ("Verified, proof missing", "warn", "alert")
_NOT_REACHED = ("Verified, not reached lately", "warn", "clock")

# A title and what helps, for each method or for all: {name}, {found}, {address} of the file.
_NOT_FOUND: dict[tuple[str, str], tuple[str, str]] = {
    (Finding.ABSENT, DomainMethod.TXT): (
        "The DNS has no such TXT record at {name} yet.",
        "A new record is mostly seen within minutes, and at some providers only after hours.",
    ),
    (Finding.ABSENT, DomainMethod.FILE): ("There is no file at {address}.", "Upload it there, under this very name."),
    (Finding.ABSENT, DomainMethod.META): (
        "The head of the home page of {name} has no such meta tag.",
        "It counts between <head> and </head> only, and has to be in the page itself: scripts are not run.",
    ),
    (Finding.DIFFERENT, DomainMethod.TXT): (
        "There is a TXT record for Meridian at {name}, but with another value.",
        "Found: {found}. Publish the value that stands here; the other may stay.",
    ),
    (Finding.DIFFERENT, DomainMethod.FILE): (
        "The file at {address} says something else.",
        "It must hold the one line that stands here and nothing more. Found: {found}",
    ),
    (Finding.DIFFERENT, DomainMethod.META): (
        "There is a meta tag for Meridian on the home page of {name}, but with another value.",
        "Found: {found}",
    ),
    (Finding.TOO_LARGE, DomainMethod.FILE): (
        "What stands at {address} is far more than the file.",
        "It must hold the one line that stands here and nothing more.",
    ),
    (Finding.TOO_LARGE, DomainMethod.META): (
        "The meta tag is not among the first 128 KB of the home page of {name}.",
        "Put it directly after <head>.",
    ),
    (Finding.NO_SUCH_DOMAIN, ""): ("The DNS knows no domain {name}.", "Is it spelt rightly, and registered?"),
    (Finding.ALIAS, ""): (
        "{name} is an alias (CNAME) of {found}, so it can have no TXT record of its own.",
        "Use the HTML file or the meta tag.",
    ),
    (Finding.NO_WEB_SITE, ""): (
        "{name} leads to no web site: the DNS has no address for it.",
        "Use the TXT record, or give the domain a web site.",
    ),
    (Finding.PRIVATE, ""): (
        "{name} leads to an address that is not on the public Internet.",
        "Meridian asks public addresses only. Use the TXT record.",
    ),
    (Finding.ELSEWHERE, ""): (
        "The web site of {name} redirects away from the domain.",
        "A redirect is followed only to the domain itself and what is under it. It leads to {found}",
    ),
    (Finding.TAKEN, ""): (
        "The proof is there, but another account on Meridian has verified {name}.",
        "It can be verified here as soon as it is removed there, or its proof there has been gone for a week.",
    ),
    (Finding.NO_ANSWER, ""): (
        "The DNS gave no answer about {name}.",
        "Meridian looks again by itself. If this stays, the name servers of the domain do not answer.",
    ),
    (Finding.NOT_REACHED, ""): (
        "The web site of {name} could not be read: {found}.",
        "Meridian looks again by itself.",
    ),
    (Finding.STATUS, ""): (
        "The web site of {name} answered with status {found}.",
        "Nobody has to sign in to see the proof. Meridian looks again by itself.",
    ),
}


@dataclass(frozen=True)
class Standing:
    """How a domain stands: a tag, and what is to be said of the last look."""

    label: str
    kind: str
    icon: str
    # Somebody waits for a worker's answer.
    is_looking: bool
    # … and has waited for too long.
    is_silent: bool
    title: str = ""
    text: str = ""
    # Until when a proof counts that is missing, or that nobody could look for; and since when that is so.
    counts_until: datetime | None = None
    fails_since: datetime | None = None
    is_missing: bool = False

    @property
    def is_moving(self) -> bool:
        """It may have changed in a moment."""
        return self.is_looking or self.label == _LOOKS[DomainState.VERIFYING][0]


def standing(domain: AssociatedDomain, *, now: datetime) -> Standing:
    is_failing = domain.is_verified and domain.failing_since is not None
    is_missing = is_failing and domain.trouble in CLEAR_NO
    label, kind, icon = _LOOKS[DomainState(domain.state)]
    if is_failing:
        label, kind, icon = _MISSING if is_missing else _NOT_REACHED
    is_looking = domains.is_looking(domain)
    is_silent = is_looking and domain.asked_at is not None and now >= domain.asked_at + SILENT_AFTER
    title, text = ("", "") if is_looking else _trouble(domain)
    until = domains.counts_until(domain) if is_failing else None
    since = domain.missing_since if is_missing and domain.missing_since else domain.failing_since
    return Standing(label, kind, icon, is_looking, is_silent, title, text, until, since, is_missing)


def file_address(name: str) -> str:
    return f"https://{name}/{domain_proofs.FILE_NAME}"


def _trouble(domain: AssociatedDomain) -> tuple[str, str]:
    if not domain.trouble:
        return "", ""
    general = _NOT_FOUND.get((domain.trouble, ""))
    title, text = general or _NOT_FOUND.get((domain.trouble, domain.method), ("", ""))
    words = {"name": shown(domain.name), "found": domain.found or "nothing", "address": file_address(domain.name)}
    return title.format(**words), text.format(**words)
