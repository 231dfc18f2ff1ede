"""A turn of a job whose rows need the network: several at once, and each result is written down on its own.

Threads ask; the one that began the turn hands out rows, or parcels of them, holds the claim however slow the answers
are, and writes. A row counts once, whoever asked: a result is written only over *waiting*. So one whose answer comes
after the job was stopped, or taken over, is told as it was.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

import structlog
from django.db import InterfaceError, OperationalError, connections, transaction

from accounts import claims, job_claims
from accounts.job_kinds import PARCEL, Errand, Parcel, Result
from accounts.models import Job, JobRow, JobState, RowState

log = structlog.get_logger(__name__)

AT_ONCE = 8
HOLD_EVERY = job_claims.CLAIM / 4
READ_AT_ONCE = 200
TROUBLE = Result(RowState.FAILED, "Trouble in Meridian stopped this one. The people who run it find it in the log.")

Answer = Sequence[Result] | OperationalError | InterfaceError


def take_turn(job: Job, errand: Errand, *, now: datetime, turn: timedelta) -> bool:
    """Take a claimed job as far as one turn goes. True: there is more to do. Database trouble is raised."""

    def alone(job: Job, rows: Sequence[JobRow], *, now: datetime) -> Sequence[Result]:
        return [errand(job, row, now=now) for row in rows]

    return _Turn(job, alone, 1, now=now, length=turn).take()


def take_turn_by_parcels(job: Job, parcel: Parcel, *, now: datetime, turn: timedelta) -> bool:
    """The same, of rows that are done PARCEL at a time."""
    return _Turn(job, parcel, PARCEL, now=now, length=turn).take()


class _Turn:
    def __init__(self, job: Job, parcel: Parcel, size: int, *, now: datetime, length: timedelta) -> None:
        self._job, self._parcel, self._size = job, parcel, size
        self._begun_at, self._begun, self._length = now, time.monotonic(), length
        self._is_ours = True

    def take(self) -> bool:
        parcels = _waiting(self._job, self._size)
        with _Hands(self._do) as hands:
            while self._is_ours and self._passed < self._length:
                rows = next(parcels, None) if hands.has_free else None
                if rows:
                    hands.give(rows)
                elif hands.busy:
                    self._collect(hands)
                else:
                    break
            while hands.busy:
                self._collect(hands)
        return self._leave()

    @property
    def _passed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._begun)

    @property
    def _now(self) -> datetime:
        return self._begun_at + self._passed

    def _do(self, rows: Sequence[JobRow]) -> Answer:
        """In a thread. A row that cannot be done does not keep the others from it, unless the database is gone."""
        try:
            return self._parcel(self._job, rows, now=self._now)
        except (OperationalError, InterfaceError) as trouble:
            return trouble
        except Exception:
            log.exception("job.errand", job=str(self._job.pk), kind=self._job.kind, line=rows[0].number)
            return [TROUBLE for _ in rows]

    def _collect(self, hands: _Hands) -> None:
        answered = hands.take(HOLD_EVERY)
        if answered is None:
            self._is_ours = job_claims.hold(self._job, now=self._now)
            return
        rows, answer = answered
        if isinstance(answer, OperationalError | InterfaceError):
            raise answer
        self._file(rows, answer)

    def _file(self, rows: Sequence[JobRow], results: Sequence[Result]) -> None:
        """One statement for all that came to the same end."""
        alike = defaultdict[Result, list[int]](list)
        for row, result in zip(rows, results, strict=True):
            alike[result].append(row.pk)
        counts: list[RowState] = []
        with transaction.atomic():
            claims.account(self._job.account_id)
            self._is_ours = job_claims.renew(self._job, now=self._now)
            for result, ids in alike.items():
                told = JobRow.objects.filter(pk__in=ids, state=RowState.WAITING)
                counts += [result.state] * told.update(state=result.state, outcome=result.outcome[:300])
            if counts:
                job_claims.count(self._job, counts)

    def _leave(self) -> bool:
        if self._job.rows.filter(state=RowState.WAITING).exists():
            return job_claims.give_back(self._job)
        with transaction.atomic():
            claims.account(self._job.account_id)
            if job_claims.renew(self._job, now=self._now):
                job_claims.end(self._job, JobState.DONE, job_claims.ENDED, actor=self._job.by, now=self._now)
        return False


class _Hands:
    """Up to AT_ONCE threads, begun as they are needed. Each has a database connection of its own and closes it."""

    def __init__(self, do: Callable[[Sequence[JobRow]], Answer]) -> None:
        self._do = do
        self._given = SimpleQueue[Sequence[JobRow] | None]()
        self._done = SimpleQueue[tuple[Sequence[JobRow], Answer]]()
        self._threads: list[threading.Thread] = []
        self.busy = 0

    def __enter__(self) -> _Hands:
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._given.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def has_free(self) -> bool:
        return self.busy < AT_ONCE

    def give(self, rows: Sequence[JobRow]) -> None:
        if self.busy == len(self._threads):
            self._threads.append(threading.Thread(target=self._work, name="errand", daemon=True))
            self._threads[-1].start()
        self.busy += 1
        self._given.put(rows)

    def take(self, patience: timedelta) -> tuple[Sequence[JobRow], Answer] | None:
        """Rows that are done; None when none were within that time."""
        try:
            done = self._done.get(timeout=patience.total_seconds())
        except Empty:
            return None
        self.busy -= 1
        return done

    def _work(self) -> None:
        try:
            while rows := self._given.get():
                self._done.put((rows, self._do(rows)))
        finally:
            connections.close_all()


def _waiting(job: Job, size: int) -> Iterator[Sequence[JobRow]]:
    last = 0
    while rows := list(job.rows.filter(state=RowState.WAITING, number__gt=last).order_by("number")[:READ_AT_ONCE]):
        yield from (rows[at : at + size] for at in range(0, len(rows), size))
        last = rows[-1].number
