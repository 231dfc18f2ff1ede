"""Long work, row by row, by workers of which each may die at any row.

Rows that need the network are done one by one or by parcels (`errands.py`), all others in batches. The rows of a batch,
what became of them, the counters and the change itself are one transaction: either all of it happened or nothing did. A
batch begins by renewing the worker's claim, which locks the job, so that two workers, or a worker and somebody who
cancels, take turns.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from celery import signature
from django.db import transaction
from django.db.models import Q

from accounts import claims, errands, job_kinds, job_rows
from accounts.claims import Refused
from accounts.job_claims import ATTEMPTS, CANCELLED, CLAIM, ENDED, FAILED, count, end, free, give_back, renew, take
from accounts.job_kinds import Errand, Line, Result, Work, declare
from accounts.models import Account, Group, Job, JobRow, JobState, RowState, User
from accounts.models.audit import MASKED
from accounts.nudging import nudge

__all__ = [
    "ATTEMPTS",
    "CANCELLED",
    "CLAIM",
    "ENDED",
    "FAILED",
    "Errand",
    "Expired",
    "HasEnded",
    "Line",
    "Result",
    "Work",
    "cancel",
    "confirm",
    "declare",
    "erase",
    "fields",
    "forget_old",
    "is_silent",
    "prepare",
    "start",
    "to_work_on",
    "work_on",
]

WORK = "accounts.work_on_job"  # the task, which imports this module
BATCH = 200
STORED_AT_ONCE = 2000
TURN = timedelta(seconds=10)  # of one task: then others that wait for a worker come first
PREPARED_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=30)
SILENCE = timedelta(seconds=30)  # after which the page says that no worker has answered
SWEPT_AT_ONCE = 20


class HasEnded(Refused):
    sentence = "This had ended before it could be stopped."


class Expired(Refused):
    sentence = "Too much time has passed since this was prepared. Nothing was changed; please begin again."


def start(
    account: Account,
    *,
    kind: str,
    title: str,
    rows: Iterable[Line],
    by: User | None,
    back: str,
    now: datetime,
    arguments: Mapping[str, Any] | None = None,
    group: Group | None = None,
) -> Job:
    """Store a job with its rows and have it begun on commit. `group`: its admins may see and cancel it too. Without
    `by` it is Meridian's own."""
    with transaction.atomic():
        job = Job(account=account, kind=kind, title=title, by=by, back=back, group=group)
        job.state, job.arguments = JobState.RUNNING, dict(arguments or {})
        _store(job, rows, now=now)
        _nudge(job)
    return job


def prepare(
    account: Account,
    *,
    kind: str,
    title: str,
    rows: Iterable[Line],
    by: User,
    back: str,
    now: datetime,
    arguments: Mapping[str, Any] | None = None,
    group: Group | None = None,
) -> Job:
    """As `start`, but nothing begins before `confirm`. Replaces what the same person had prepared of this kind."""
    with transaction.atomic():
        Job.objects.filter(account=account, by=by, kind=kind, state=JobState.PREPARED).delete()
        job = Job(account=account, kind=kind, title=title, by=by, back=back, group=group)
        job.state, job.arguments = JobState.PREPARED, dict(arguments or {})
        _store(job, rows, now=now)
    return job


def confirm(job: Job, *, now: datetime, more: Mapping[str, Any] | None = None) -> None:
    """Have a prepared job begun, with `more` arguments. Again is harmless. Raises Expired."""
    with transaction.atomic():
        current = Job.objects.select_for_update(of=("self",)).filter(pk=job.pk).first()
        if current is None or (current.state == JobState.PREPARED and now - current.created_at >= PREPARED_FOR):
            raise Expired
        if current.state == JobState.PREPARED:
            arguments = {**current.arguments, **(more or {})}
            Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, moved_at=now, arguments=arguments)
            _nudge(current)


def cancel(job: Job, *, actor: User, now: datetime) -> None:
    """What is done stays done; the rest is not done any more. Raises HasEnded."""
    with transaction.atomic():
        current = Job.objects.select_for_update(of=("self",)).select_related("account").get(pk=job.pk)
        if current.state != JobState.RUNNING:
            raise HasEnded
        end(current, JobState.CANCELLED, CANCELLED, actor=actor, now=now)


def work_on(job_id: uuid.UUID, *, now: datetime, turn: timedelta = TURN) -> bool:
    """Take a job as far as one turn goes, if no other worker has it. True: there is more to do.

    May be called any number of times, by any number of workers.
    """
    job = take(job_id, now=now)
    if job is None:
        return False
    errand = job_kinds.errand_of(job)
    if errand:
        return errands.take_turn(job, errand, now=now, turn=turn)
    if parcel := job_kinds.parcel_of(job):
        return errands.take_turn_by_parcels(job, parcel, now=now, turn=turn)
    begun, last = time.monotonic(), 0
    while (passed := timedelta(seconds=time.monotonic() - begun)) < turn:
        batch = _do_batch(job, after=last, now=now + passed)
        if batch is None:
            return False
        last = batch
    return give_back(job)


def to_work_on(*, now: datetime) -> list[uuid.UUID]:
    """Jobs that no worker has: the nudge was lost, or the worker."""
    waiting = Job.objects.filter(free(now), state=JobState.RUNNING).order_by("created_at")
    return list(waiting.values_list("pk", flat=True)[:SWEPT_AT_ONCE])


def forget_old(*, now: datetime) -> None:
    """Ended jobs after a month, prepared ones when they can no longer be confirmed."""
    old = Q(ended_at__lte=now - KEPT_FOR) | Q(state=JobState.PREPARED, created_at__lte=now - PREPARED_FOR)
    for job in Job.objects.filter(old):
        job.delete()


def is_silent(job: Job, *, now: datetime) -> bool:
    return job.state == JobState.RUNNING and now - job.moved_at > SILENCE


def fields(job: Job) -> Mapping[str, str]:
    """The fields of `given` that people are shown, with their headings."""
    return job_kinds.fields(job.kind)


def erase(person: User) -> None:
    """Take a person's address out of every list; to be called where the person is deleted."""
    rows = list(JobRow.objects.filter(job__account=person.account_id, given__email=person.email.lower()))
    for row in rows:
        row.given = {**row.given, "email": MASKED}
    JobRow.objects.bulk_update(rows, ["given"], batch_size=BATCH)


def _do_batch(job: Job, *, after: int, now: datetime) -> int | None:
    """The number of the last row that was done; None when the job is over, or another's."""
    with transaction.atomic():
        claims.account(job.account_id)
        if not renew(job, now=now):
            return None
        rows = list(job.rows.filter(state=RowState.WAITING, number__gt=after).order_by("number")[:BATCH])
        if not rows:
            end(job, JobState.DONE, ENDED, actor=job.by, now=now)
            return None
        _write(job, rows, job_kinds.work_of(job)(job, rows, now=now))
    return rows[-1].number


def _write(job: Job, rows: Sequence[JobRow], results: Sequence[Result]) -> None:
    for row, result in zip(rows, results, strict=True):
        row.state, row.outcome = result.state, result.outcome[:300]
    JobRow.objects.bulk_update(rows, ["state", "outcome"])
    count(job, (result.state for result in results))


def _store(job: Job, rows: Iterable[Line], *, now: datetime) -> None:
    job_kinds.fields(job.kind)  # known to the workers, or it is not begun
    job.title = job.title[:200]
    job.created_at = job.moved_at = now
    job.save(force_insert=True)
    counts: Counter[RowState] = Counter()
    rest = iter(rows)
    while some := list(islice(rest, STORED_AT_ONCE)):
        counts.update(line.state for line in some)
        job_rows.insert(job, some)
    job.total, job.done = counts.total(), counts[RowState.DONE]
    job.unchanged, job.failed = counts[RowState.UNCHANGED], counts[RowState.FAILED]
    job.save(update_fields=["total", "done", "unchanged", "failed"])


def _nudge(job: Job) -> None:
    transaction.on_commit(partial(nudge, signature(WORK), job_id=str(job.pk)))
