"""The fleet that keeps tokens fresh: many requests to Microsoft at once over few database connections.

The task's own thread looks up what is due and claims it; *askers* speak to Microsoft and never to the database;
*keepers* write down what came of it, each connection on its own. New work is claimed while the old is under way,
so that no asker idles.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import SimpleQueue
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db import connections as databases
from django.db.models import QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts import vault
from integrations import credentials, fitting, states, tokens
from integrations.contracts import CalendarError
from integrations.failures import KEY_MISSING, Failure, Outcome, Reason
from integrations.models import ALIVE, Connection, State, Trouble
from integrations.preferences import Api, Method

log = structlog.get_logger(__name__)

IN_FLIGHT = 32  # requests to Microsoft at once
KEEPERS = 4  # with a database connection each; fewer wait for a busy PostgreSQL while Microsoft has answered long ago
BATCH = 64  # claimed by one transaction
AGENDA = 2000  # looked up by one query, the accounts in turn
TURN = timedelta(seconds=20)  # then the task ends, and the next one goes on
PERSISTENCE = timedelta(minutes=10)  # so long a new token is held while the database is away
LATER = timedelta(minutes=10)  # for one that we cannot even ask about
# Seconds: with Python's usual 5 ms each answer would wait, again and again, for a thread that is calculating.
_SWITCH = 0.0005
# Those that are asked about their mailbox when their time comes are not ours: `checking`.
_REFRESHED = tuple(state for state in ALIVE if state != State.CONNECTING)


@dataclass(frozen=True)
class Turn:
    """What one turn did: how many it tried, and whether it ended with work left."""

    tried: int
    is_full: bool = False


def refresh_due(*, now: datetime, clock: Callable[[], datetime] = timezone.now) -> int:
    """Refresh what is due, for one turn at most; answers how many were tried."""
    return take_turn(now=now, clock=clock).tried


def take_turn(*, now: datetime, clock: Callable[[], datetime] = timezone.now) -> Turn:
    """The same, saying whether more is due. No time before `now` is believed."""
    fleet = _Fleet(lambda: max(now, clock()))
    ends = time.monotonic() + TURN.total_seconds()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        while time.monotonic() < ends:
            if not (claimed := fleet.claim()):
                return Turn(fleet.tried)
            fleet.send(claimed)
    finally:
        fleet.go_home()
        sys.setswitchinterval(usual)
    return Turn(fleet.tried, is_full=not fleet.halted.is_set())


def due(*, now: datetime) -> QuerySet[Connection]:
    """What may be refreshed now, the accounts in turn: the longest due of each, then the second of each. Served by
    one index, and costs what is due, not what there is (docs/decisions/0013)."""
    place = Window(RowNumber(), partition_by="account", order_by="refresh_due_at")
    return _claimable(now=now).annotate(place=place).order_by("place", "refresh_due_at", "pk")


def claim(ids: list[int], *, now: datetime) -> list[Connection]:
    """Lease those of `ids` that are still due and free; each with all that a refresh needs."""
    holder = uuid.uuid4()
    with transaction.atomic():
        # What another claims or changes at this moment is left to it.
        rows = _claimable(now=now).select_for_update(skip_locked=True, of=("self",)).filter(pk__in=ids)
        found = list(rows.defer("access_token", "claims"))
        Connection.objects.filter(pk__in=[one.pk for one in found]).update(**tokens.lease(holder, now=now))
    for one in found:
        if one.lease_until is not None:
            one.interrupted_at = one.interrupted_at or now
        one.lease_until, one.lease_holder = now + tokens.LEASE, holder
    order = {pk: place for place, pk in enumerate(ids)}
    return sorted(found, key=lambda one: order[one.pk])


def _claimable(*, now: datetime) -> QuerySet[Connection]:
    found = Connection.objects.filter(tokens.free(now=now), refresh_due_at__lte=now, state__in=_REFRESHED)
    # One by its organization has no access of its own to renew. By EWS its mailbox is asked, too: `checking`.
    found = found.exclude(trouble=Trouble.MAILBOX).exclude(api=Api.EWS.value)
    return found.exclude(method=Method.APPLICATION_PERMISSIONS.value)


@dataclass(frozen=True)
class _Answer:
    """What came of asking. Neither `fresh` nor `failure`: it was not asked; `is_odd`: it cannot be."""

    connection: Connection
    at: datetime
    fresh: dict[str, Any] | None = None
    failure: Failure | None = None
    is_odd: bool = False


class _Fleet:
    """The threads of one turn. They are started as work comes, and end with it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.tried = 0
        # Something is wrong that concerns all of them: nothing more is claimed, and nothing more asked.
        self.halted = threading.Event()
        self._clock = clock
        self._agenda: deque[int] = deque()
        self._to_ask: SimpleQueue[Connection | None] = SimpleQueue()
        self._to_keep: SimpleQueue[_Answer | None] = SimpleQueue()
        self._is_low = threading.Event()
        self._askers: list[threading.Thread] = []
        self._keepers: list[threading.Thread] = []

    # ── The task's own thread ───────────────────────────────────────────────
    def claim(self) -> list[Connection]:
        """The next batch. Empty: nothing is due any more, or it must wait."""
        looked = False
        while not self.halted.is_set():
            now = self._clock()
            if not self._agenda:
                if looked or credentials.is_refused(now=now):
                    return []
                looked = True
                self._agenda.extend(due(now=now).values_list("pk", flat=True)[:AGENDA])
            ids = [self._agenda.popleft() for _ in range(min(BATCH, len(self._agenda)))]
            if ids and (claimed := self._allowed(claim(ids, now=now), now=now)):
                return claimed
        return []

    def send(self, claimed: list[Connection]) -> None:
        """To the askers; comes back when they have little left."""
        self.tried += len(claimed)
        for connection in claimed:
            self._to_ask.put(connection)
        self._hire(min(self.tried, IN_FLIGHT))
        while self._to_ask.qsize() > IN_FLIGHT and not self.halted.is_set():
            self._is_low.wait(1)
            self._is_low.clear()

    def go_home(self) -> None:
        """What was begun is brought to its end."""
        for _ in self._askers:
            self._to_ask.put(None)
        for asker in self._askers:
            asker.join()
        for _ in self._keepers:
            self._to_keep.put(None)
        for keeper in self._keepers:
            keeper.join()

    def _allowed(self, claimed: list[Connection], *, now: datetime) -> list[Connection]:
        """The settings may have changed, and no worker may have applied them."""
        allowed = fitting.still_allowed(claimed, now=now)
        rest = {one.pk for one in claimed} - {one.pk for one in allowed}
        if rest:
            Connection.objects.filter(pk__in=rest, lease_holder=claimed[0].lease_holder).update(**states.RELEASED)
        return allowed

    def _hire(self, askers: int) -> None:
        if not self._keepers:
            self._keepers = [_started(self._keep_answers, "keeper") for _ in range(KEEPERS)]
        self._askers += [_started(self._ask_in_turn, "asker") for _ in range(askers - len(self._askers))]

    # ── Askers ──────────────────────────────────────────────────────────────
    def _ask_in_turn(self) -> None:
        while (connection := self._to_ask.get()) is not None:
            if self._to_ask.qsize() <= IN_FLIGHT and not self._is_low.is_set():
                self._is_low.set()
            while self._to_keep.qsize() > 2 * IN_FLIGHT:  # the database is slower than Microsoft
                time.sleep(0.01)
            self._to_keep.put(self._asked(connection))

    def _asked(self, connection: Connection) -> _Answer:
        at = self._clock()
        if self.halted.is_set() or not tokens.is_in_time(connection, now=at):
            return _Answer(connection, at)
        try:
            return _Answer(connection, at, fresh=tokens.sealed(connection, tokens.ask(connection), asked_at=at))
        except CalendarError as problem:
            if _is_refusal_of_us(problem.failure):
                self.halted.set()
            return _Answer(connection, at, failure=problem.failure)
        except vault.CannotOpen:
            return _Answer(connection, at, failure=KEY_MISSING)
        except Exception:  # one bad connection does not spoil the others
            log.exception("token.refresh.crashed", connection=connection.pk)
            return _Answer(connection, at, is_odd=True)

    # ── Keepers ─────────────────────────────────────────────────────────────
    def _keep_answers(self) -> None:
        try:
            while (answer := self._to_keep.get()) is not None:
                self._keep(answer)
        finally:
            databases.close_all()

    def _keep(self, answer: _Answer) -> None:
        """While the database is away, a token that only we know is not let go."""
        until = time.monotonic() + PERSISTENCE.total_seconds()
        while True:
            try:
                return _file(answer)
            except (OperationalError, InterfaceError):
                log.warning("token.keep.database", connection=answer.connection.pk)
                self.halted.set()
                databases.close_all()
                if answer.fresh is None or time.monotonic() > until:
                    return None  # the lease ends by itself
                time.sleep(0.5)
            except Exception:  # the lease ends, and the sweep comes back to this one
                log.exception("token.keep.crashed", connection=answer.connection.pk)
                return None


def _file(answer: _Answer) -> None:
    connection = answer.connection
    if answer.fresh is not None:
        tokens.keep_refreshed(connection, answer.fresh)
    elif answer.failure is not None:
        states.went_wrong(connection, answer.failure, now=answer.at)
        log.info("token.refresh.failed", connection=connection.pk, reason=answer.failure.reason.value)
    if connection.lease_holder is not None:
        later = {"refresh_due_at": answer.at + LATER} if answer.is_odd else {}
        mine = Connection.objects.filter(pk=connection.pk, lease_holder=connection.lease_holder)
        mine.update(**states.RELEASED, **later)


def _is_refusal_of_us(failure: Failure) -> bool:
    """Of the application itself: the next ones would hear the same."""
    is_ours = failure.outcome is Outcome.CREDENTIAL_REFUSED
    return is_ours and failure.reason not in (Reason.KEY_MISSING, Reason.REQUEST_REJECTED)


def _started(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
