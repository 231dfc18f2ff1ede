"""In what the sign-ins of one application in one organization are not what they should be: on order, to try clients."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any

from integrations.simulator.entra import principals
from integrations.simulator.models import Application, Tenant

# Which certificate signs: the usual one; one that has run out, and is published; a new one that is not published yet;
# the new one, published beside the usual one.
CURRENT, EXPIRED, UNPUBLISHED, PUBLISHED = "current", "expired", "unpublished", "published"
RIGHT, NONE, BROKEN = "right", "none", "broken"
ADDRESSES = ("email", "preferred_username")
SOMEBODY_ELSE = "00000000-0000-4000-8000-00000000e15e"


@dataclass(frozen=True)
class Lies:
    certificate: str = CURRENT
    signature: str = RIGHT
    clock_minutes: int = 0
    without_email: bool = False
    wrong_audience: bool = False
    replays: bool = False

    @property
    def clock(self) -> timedelta:
        return timedelta(minutes=self.clock_minutes)

    def told(self) -> Sequence[str]:
        """For the console, a few words each."""
        found = [_OF_CERTIFICATES.get(self.certificate, ""), _OF_SIGNATURES.get(self.signature, "")]
        if self.clock_minutes:
            found.append(
                f"the clock is {abs(self.clock_minutes)} min {'ahead' if self.clock_minutes > 0 else 'behind'}"
            )
        found += ["no e-mail address"] if self.without_email else []
        found += ["for another application"] if self.wrong_audience else []
        found += ["the last answer once more"] if self.replays else []
        return [one for one in found if one]

    def audience(self, right: str) -> str:
        return SOMEBODY_ELSE if self.wrong_audience else right

    def on_claims(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Of an id_token, before it is signed."""
        if self.without_email:
            claims = {name: value for name, value in claims.items() if name not in ADDRESSES}
        moved = {name: claims[name] + self.clock_minutes * 60 for name in _TIMES if name in claims}
        return {**claims, **moved, "aud": self.audience(claims["aud"])}


def of(application: Application, tenant: Tenant) -> Lies:
    principal = principals.find(application, tenant)
    return Lies(**principal.lies) if principal else Lies()


def once_more(lies: Lies, whose: Hashable, fresh: str) -> str:
    """What was sent last instead of what was made now, where that is ordered and there is something."""
    with _lock:
        if lies.replays and whose in _last:
            return _last[whose]
        _last[whose] = fresh
        return fresh


_OF_CERTIFICATES = {
    EXPIRED: "an expired certificate signs",
    UNPUBLISHED: "a new certificate signs, which is not published",
    PUBLISHED: "a new certificate signs",
}
_OF_SIGNATURES = {NONE: "not signed", BROKEN: "the signature does not fit"}
_TIMES = ("iat", "nbf", "exp", "auth_time")
_lock = Lock()
_last: dict[Hashable, str] = {}
