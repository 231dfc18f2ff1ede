"""The portal's own credentials as *Operations* shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations import credential_words
from integrations.microsoft.app_credentials import Credential
from integrations.models import AppCredential

SOON = timedelta(days=30)
# So long after its last sign of use another one is shown: a process with another environment may still use it.
STILL_IN_USE = timedelta(minutes=10)


@dataclass(frozen=True)
class Badge:
    label: str
    kind: str
    icon: str


ACCEPTED = Badge("Accepted", "good", "check")
REFUSED = Badge("Refused", "bad", "alert")
EXPIRED = Badge("Expired", "bad", "alert")
ENDS_SOON = Badge("Ends soon", "warn", "clock")
NOT_ASKED = Badge("Not asked yet", "plain", "ring")
ELSEWHERE = Badge("Of another process", "warn", "info")


@dataclass(frozen=True)
class Line:
    name: str
    kind: str
    badge: Badge
    until: str
    row: AppCredential | None
    # Why it is refused; what came of the last check where that was neither a yes nor a no.
    why: str
    unjudged: str
    is_being_checked: bool


def lines(used: Iterable[Credential], rows: Iterable[AppCredential], *, now: datetime) -> list[Line]:
    """Those of this process, then others that some process has used lately."""
    known = {row.pk: row for row in rows}
    here = [_line(credential, known.pop(credential.fingerprint, None), now=now) for credential in used]
    return here + [_elsewhere(row) for row in known.values()]


def _line(credential: Credential, row: AppCredential | None, *, now: datetime) -> Line:
    is_id = not credential.is_certificate and credential_words.is_an_id(credential.value)
    why = credential_words.why_refused(row.code) or "Microsoft does not say why." if row and row.is_refused else ""
    return Line(
        name=credential.name,
        kind="Certificate" if credential.is_certificate else "Client secret",
        badge=_badge(credential, row, now=now),
        until=credential_words.until_when(credential, now=now),
        row=row,
        why=f"It {credential_words.ID_PASTED}" if is_id else why,
        unjudged=credential_words.why_unjudged(row.check_reason) if row else "",
        is_being_checked=row is not None and row.is_check_wanted,
    )


def _badge(credential: Credential, row: AppCredential | None, *, now: datetime) -> Badge:
    left = credential.expires_at - now if credential.expires_at else None
    if row and row.is_refused:
        return REFUSED
    if left is not None and left <= timedelta():
        return EXPIRED
    if left is not None and left <= SOON:
        return ENDS_SOON
    return ACCEPTED if row and row.accepted_at else NOT_ASKED


def _elsewhere(row: AppCredential) -> Line:
    kind = "Certificate" if row.is_certificate else "Client secret"
    until = "A process with another environment has used it lately."
    return Line(row.name, kind, ELSEWHERE, until, row, why="", unjudged="", is_being_checked=False)
