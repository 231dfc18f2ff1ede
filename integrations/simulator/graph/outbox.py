"""Notices on their way: one POST to an address at a time, several notices in one, again and again until it answers.

In memory: what is under way when the simulator stops is lost, as the portal must survive anyway. As documented, an
address that takes too long is told ten minutes late, and one that does so often is not told at all.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import Any

from integrations.simulator.graph.posting import Answer

MOST_IN_ONE = 100
# So that one edit that touches many events is one POST.
GATHER = 0.05
MOST_WAITING = 10_000
GIVE_UP_AFTER = 4 * 60 * 60.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 600.0
# Of an address that is slow: seconds of an answer, answers before it counts, and the shares of slow ones.
SLOW = 2.9
ENOUGH = 100
LATE_FROM, LOST_FROM = 0.10, 0.15
LATE_BY = 600.0
FORGET_AFTER = 600.0
MOST_ADDRESSES = 1000


@dataclass(frozen=True)
class Subject:
    """Whom a notice is about, for the request log."""

    who: str = ""
    app: str = ""
    tenant: str = ""


@dataclass(frozen=True)
class Notice:
    subscription: int
    url: str
    content: Mapping[str, Any]
    due_at: float
    """On the clock of `time.monotonic`, as all times here are."""
    since: float
    is_lifecycle: bool = False
    attempts: int = 0
    subject: Subject = Subject()
    why: str = ""
    """Of a lifecycle event, in a sentence."""


@dataclass
class _Address:
    waiting: deque[Notice] = field(default_factory=deque)
    is_busy: bool = False
    answers: int = 0
    slow: int = 0
    counted_since: float = 0.0

    def count(self, notices: int, seconds: float, *, now: float) -> None:
        if now - self.counted_since > FORGET_AFTER:
            self.answers, self.slow, self.counted_since = 0, 0, now
        self.answers += notices
        self.slow += notices if seconds > SLOW else 0

    def slow_share(self, *, now: float) -> float:
        if self.answers < ENOUGH or now - self.counted_since > FORGET_AFTER:
            return 0.0
        return self.slow / self.answers


class Outbox:
    """Thread-safe. `lose` hears of notices that will never arrive."""

    def __init__(self, lose: Callable[[Sequence[Notice]], None]) -> None:
        self._lose = lose
        self._addresses: dict[tuple[str, bool], _Address] = {}
        self._changed = Condition()
        self._size = 0

    def put(self, notice: Notice, *, now: float) -> None:
        with self._changed:
            address = self._address(notice, now=now)
            share = address.slow_share(now=now)
            is_lost = share >= LOST_FROM or self._size >= MOST_WAITING
            if not is_lost:
                late = LATE_BY if share >= LATE_FROM else 0.0
                self._add(address, replace(notice, due_at=notice.due_at + late))
        if is_lost:
            self._lose([notice])

    def take(self, *, now: float) -> Sequence[Notice]:
        """Those for one address whose time has come, or all but come; it is busy until they are settled."""
        with self._changed:
            for address in self._addresses.values():
                if address.is_busy:
                    continue
                if any(notice.due_at <= now for notice in address.waiting):
                    due = [notice for notice in address.waiting if notice.due_at <= now + GATHER][:MOST_IN_ONE]
                    taken = set(map(id, due))
                    address.waiting = deque(notice for notice in address.waiting if id(notice) not in taken)
                    address.is_busy = True
                    self._size -= len(due)
                    return due
        return ()

    def settle(self, notices: Sequence[Notice], answer: Answer, *, now: float) -> None:
        """What was not accepted comes again, later each time, for four hours."""
        lost = []
        with self._changed:
            address = self._addresses[_key(notices[0])]
            address.is_busy = False
            address.count(len(notices), answer.seconds, now=now)
            for notice in notices if not answer.is_good else ():
                again = now + min(FIRST_PAUSE * 2**notice.attempts, LONGEST_PAUSE)
                if again - notice.since > GIVE_UP_AFTER:
                    lost.append(notice)
                else:
                    self._add(address, replace(notice, due_at=again, attempts=notice.attempts + 1))
            self._changed.notify_all()
        if lost:
            self._lose(lost)

    def wait(self, seconds: float, *, now: float) -> None:
        """Until something is due or put in, no longer than `seconds`."""
        with self._changed:
            times = [
                notice.due_at
                for address in self._addresses.values()
                if not address.is_busy
                for notice in address.waiting
            ]
            self._changed.wait(max(min([seconds, *(due - now for due in times)]), 0.0))

    def clear(self) -> None:
        with self._changed:
            for address in self._addresses.values():
                address.waiting.clear()
            self._size = 0

    def _address(self, notice: Notice, *, now: float) -> _Address:
        key = _key(notice)
        if key not in self._addresses:
            if len(self._addresses) >= MOST_ADDRESSES:
                idle = [key for key, one in self._addresses.items() if not one.waiting and not one.is_busy]
                for old in idle:
                    del self._addresses[old]
            self._addresses[key] = _Address(counted_since=now)
        return self._addresses[key]

    def _add(self, address: _Address, notice: Notice) -> None:
        address.waiting.append(notice)
        self._size += 1
        self._changed.notify_all()


def body(notices: Sequence[Notice]) -> str:
    return json.dumps({"value": [notice.content for notice in notices]}, separators=(",", ":"))


def _key(notice: Notice) -> tuple[str, bool]:
    return notice.url, notice.is_lifecycle
