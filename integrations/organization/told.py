"""What was told of somebody's mailbox, and what became of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from integrations.failures import Reason
from integrations.organization.matching import same


class Ending(StrEnum):
    """What became of one person, to be told in a sentence."""

    CONNECTED = "connected"
    MOVED = "moved"
    # The connection they have goes on: the organization's consent does not open the same mailbox.
    KEPT = "kept"
    NO_MAILBOX = "no_mailbox"
    AMBIGUOUS = "ambiguous"
    OUTSIDE_DOMAIN = "outside_domain"
    SCOPED_OUT = "scoped_out"
    NOT_COVERED = "not_covered"
    # Microsoft did not answer, or the consent is in trouble: following comes back to it.
    LATER = "later"


@dataclass(frozen=True)
class Verdict:
    """What a probe or the directory said of somebody; `ending` and `reason` where the mailbox did not open."""

    person: int
    object_id: str
    address: str
    is_open: bool = False
    ending: Ending = Ending.LATER
    reason: Reason | None = None
    code: str = ""


def ambiguous(said: Verdict) -> Verdict:
    return Verdict(said.person, said.object_id, said.address, ending=Ending.AMBIGUOUS, reason=Reason.AMBIGUOUS)


def without_twins(verdicts: Mapping[int, Verdict]) -> dict[int, Verdict]:
    """By EWS two people's addresses may turn out to be one mailbox's: then nobody gets it who has not got it yet."""
    opened = Counter(same(one.address) for one in verdicts.values() if one.is_open)
    return {
        person: ambiguous(one) if one.is_open and opened[same(one.address)] > 1 else one
        for person, one in verdicts.items()
    }
