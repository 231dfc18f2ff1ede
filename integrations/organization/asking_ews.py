"""Mailboxes of an organization opened by EWS, with its one token: each by a request of its own, for EWS knows no batch;
a few at once, and none while Exchange asks for time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.db import connections as databases

from integrations.contracts import CalendarError
from integrations.exchange import mailboxes
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.graph.asking_again import Patience

IN_FLIGHT = 4  # of one call
TIMES = 2
SILENCES = 8  # in a row; then it is not these mailboxes that do not answer
# Of a process, whoever asks: what is asked in the name of the application counts against it as a whole.
_gate = threading.BoundedSemaphore(12)

Answer = dict[str, Any] | Failure


def open_one(token: str, address: str) -> Answer:
    """What the mailbox is called, or why it did not open; asked once."""
    try:
        with _gate:
            opened = mailboxes.probe_as_app(token, address)
    except CalendarError as problem:
        return problem.failure
    # As Graph names a calendar: whoever reaches the same mailbox by two addresses finds one id.
    return {"id": opened.address.lower(), "address": opened.address}


def open_each(token: str, addresses: Sequence[str], *, patience: timedelta) -> list[Answer]:
    """In their order. What was throttled or did not answer is asked again, not before Exchange says, as long as
    patience lasts; then those that are left are not asked any more, for they would be answered alike."""
    if not addresses:
        return []
    turn = _Turn(token, patience)
    with ThreadPoolExecutor(min(IN_FLIGHT, len(addresses))) as pool:
        return list(pool.map(turn.ask, addresses))


class _Turn:
    def __init__(self, token: str, patience: timedelta) -> None:
        self._token, self._patience = token, patience
        self._silences = 0
        self._over: Failure | None = None

    def ask(self, address: str) -> Answer:
        """In a thread."""
        try:
            return self._ask(address, Patience(self._patience, TIMES))
        finally:
            databases.close_all()

    def _ask(self, address: str, patience: Patience) -> Answer:
        while self._over is None:
            answer = open_one(self._token, address)
            if not isinstance(answer, Failure) or not _is_passing(answer):
                self._silences = 0
                return answer
            if answer.reason is Reason.TOKEN_REFUSED or not patience.wait(answer):
                return self._given_up(answer)
        return self._over

    def _given_up(self, failure: Failure) -> Failure:
        self._silences += 1
        is_of_all = failure.outcome is Outcome.THROTTLED or failure.reason is Reason.TOKEN_REFUSED
        if is_of_all or self._silences >= SILENCES:
            self._over = failure
        return failure


def _is_passing(failure: Failure) -> bool:
    return failure.outcome in (Outcome.THROTTLED, Outcome.UNREACHABLE)
