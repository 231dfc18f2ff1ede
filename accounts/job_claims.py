"""A worker's claim on a job, the counters and the end: what work on batches and errands have in common.

Before anything of the job the account is locked, as whoever deletes a group or a person does; then the claim is
renewed, which locks the job.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q

from accounts import audit, claims
from accounts.models import Job, JobState, RowState, User

log = structlog.get_logger(__name__)

ENDED = audit.declare("job.ended", "{actor} had this done: {target}.")
CANCELLED = audit.declare("job.cancelled", "{actor} stopped this: {target}.")
FAILED = audit.declare("job.failed", "Trouble ended what {actor} wanted done: {target}.")

CLAIM = timedelta(seconds=20)  # renewed all along; a dead worker's job goes on after it
ATTEMPTS = 5  # workers that may die or fail at the same place


def take(job_id: uuid.UUID, *, now: datetime) -> Job | None:
    """The job, claimed. One that no worker gets on with ends here."""
    is_free = Job.objects.filter(free(now), pk=job_id, state=JobState.RUNNING)
    if not is_free.update(claimed_until=now + CLAIM, moved_at=now, attempts=F("attempts") + 1):
        return None
    job = Job.objects.select_related("account", "by").get(pk=job_id)
    if job.attempts <= ATTEMPTS:
        return job
    log.error("job.failed", job=str(job_id), kind=job.kind)
    with transaction.atomic():
        claims.account(job.account_id)
        if renew(job, now=now):
            end(job, JobState.FAILED, FAILED, actor=job.by, now=now)
    return None


def free(now: datetime) -> Q:
    """Jobs that no worker has."""
    return Q(claimed_until=None) | Q(claimed_until__lte=now)


def renew(job: Job, *, now: datetime) -> bool:
    """Because rows get done: what workers met before is forgiven."""
    return _extend(job, now=now, attempts=0)


def hold(job: Job, *, now: datetime) -> bool:
    """Because somebody is still at it, done or not."""
    return _extend(job, now=now)


def give_back(job: Job) -> bool:
    return bool(_held(job).update(claimed_until=None))


def count(job: Job, results: Iterable[RowState]) -> None:
    counts = Counter(results)
    Job.objects.filter(pk=job.pk).update(
        done=F("done") + counts[RowState.DONE],
        unchanged=F("unchanged") + counts[RowState.UNCHANGED],
        failed=F("failed") + counts[RowState.FAILED],
    )


def end(job: Job, state: JobState, action: str, *, actor: User | None, now: datetime) -> None:
    Job.objects.filter(pk=job.pk).update(state=state, ended_at=now, claimed_until=None)
    job.refresh_from_db(fields=["total", "done", "unchanged", "failed"])
    counts = {"done": job.done, "nothing_to_do": job.unchanged, "not_done": job.total - job.done - job.unchanged}
    audit.record(action, account=job.account, actor=actor, on=job, now=now, after=counts)


def _extend(job: Job, *, now: datetime, **more: object) -> bool:
    if not _held(job).update(claimed_until=now + CLAIM, moved_at=now, **more):
        return False
    job.claimed_until = now + CLAIM
    return True


def _held(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, claimed_until=job.claimed_until)
