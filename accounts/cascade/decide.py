"""The rule, all of it. Like CSS: the most specific rule wins, and a lock is `!important`, where the higher
level wins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Decided(Protocol):
    @property
    def is_locked(self) -> bool: ...


class DecidedInGroup(Decided, Protocol):
    @property
    def rank(self) -> float: ...


D = TypeVar("D", bound=Decided)
G = TypeVar("G", bound=DecidedInGroup)


def decide(top_down: Iterable[D | None]) -> D | None:
    """The most specific decision wins, unless one above it is locked."""
    winner = None
    for decision in top_down:
        if decision is None:
            continue
        winner = decision
        if decision.is_locked:
            break
    return winner


def speaks(of_groups: Iterable[G]) -> G | None:
    """The decision of the best-ranked group that has one, value and lock together.

    `of_groups`: the decisions on one setting by the groups a person is in. P1 has the smallest rank. A lock
    in a lower-ranked group has no effect.
    """
    return min(of_groups, key=lambda decision: decision.rank, default=None)
