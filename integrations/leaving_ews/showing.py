"""What the page *EWS retirement* shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.cascade.facts import Held
from accounts.models import Account
from integrations.exchange import retirement
from integrations.leaving_ews import census, going_back, listing, pasts, plan, work
from integrations.leaving_ews.census import Census
from integrations.models import EwsPast
from integrations.preferences import Integrations

MOVED_SHOWN = 50


@dataclass(frozen=True)
class Use:
    """How many go one way, and where that leaves them."""

    way: str
    number: int
    is_affected: bool


@dataclass(frozen=True)
class MovedOne:
    """Somebody who goes by Graph now and could go back."""

    past: EwsPast
    # The settings say EWS for them again.
    may_go_back: bool

    @property
    def was(self) -> str:
        return listing.way(self.past.service, self.past.method)


@dataclass(frozen=True)
class Whole:
    """Everything of one account, as read once for a page."""

    taken: Census
    pasts: Sequence[EwsPast]


def read(account: Account, *, now: datetime) -> Whole:
    kept = pasts.of(account, now=now)
    return Whole(census.taken(account, more=[past.connection.user_id for past in kept]), kept)


def page(whole: Whole, *, now: datetime) -> dict[str, Any]:
    """One query of its own, for the jobs."""
    taken = whole.taken
    jobs = work.newest(taken.account)
    moved = _moved(whole)
    return {
        "milestones": retirement.milestones(now.date()),
        "sentence": retirement.sentence(now.date()),
        "uses": _uses(taken),
        "affected": sum(not one.is_on_premises for one in taken.people),
        "on_premises": sum(one.is_on_premises for one in taken.people),
        "parts": plan.parts(taken, whole.pasts),
        "looked": jobs.get(work.LOOK),
        "moving": jobs.get(work.MOVE),
        "returning": jobs.get(work.BACK),
        "moved": moved[:MOVED_SHOWN],
        "moved_number": len(moved),
        "back_number": sum(one.may_go_back for one in moved),
    }


def at(whole: Whole, place: str) -> list[EwsPast]:
    """Of a place, those who were moved and could go back."""
    return [past for past in whole.pasts if census.place_of(whole.taken, past.connection.user_id) == place]


def to_bring_back(whole: Whole) -> list[int]:
    """Connections whose settings say EWS again."""
    return [one.past.connection_id for one in _moved(whole) if one.may_go_back]


def _moved(whole: Whole) -> list[MovedOne]:
    people = [past.connection.user_id for past in whole.pasts]
    holding: dict[int, Held[Integrations]] = whole.taken.facts.held(Integrations, people)
    return [
        MovedOne(past, going_back.may_go_back(past, holding[past.connection.user_id].values)) for past in whole.pasts
    ]


def _uses(taken: Census) -> list[Use]:
    ways = Counter((one.service, one.method) for one in taken.people)
    on_premises = {(one.service, one.method) for one in taken.people if one.is_on_premises}
    return [
        Use(listing.way(service, method), number, (service, method) not in on_premises)
        for (service, method), number in sorted(ways.items())
    ]
