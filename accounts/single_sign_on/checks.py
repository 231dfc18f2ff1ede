"""What was looked at in an answer of a provider, one after another: the report of *Test sign-in*."""

from __future__ import annotations

from dataclasses import dataclass, field

from accounts.single_sign_on.causes import Cause, Refused


@dataclass
class Checks:
    """Filled by the protocol as it goes; a failed one ends the sign-in."""

    made: list[dict[str, str]] = field(default_factory=list)

    def passed(self, check: str, says: str) -> None:
        self.made.append({"check": check, "result": "passed", "says": says})

    def failed(self, check: str, cause: Cause, says: str, *, email: str = "", subject: str = "") -> Refused:
        """To be raised: `raise checks.failed(…)`."""
        self.made.append({"check": check, "result": "failed", "says": says})
        return Refused(cause, says, email=email, subject=subject)
