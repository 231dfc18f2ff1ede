"""The ground floor's background work. Any task may run twice, late or never; the sweeps make that harmless."""

from __future__ import annotations

import uuid
from importlib import import_module

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts import (
    importing,  # noqa: F401  declares its kind of job to the workers
    jobs,
)
from accounts.nudging import nudge


@shared_task(name="accounts.forget_expired_sessions")
def forget_expired_sessions(**_: object) -> None:
    """Django ends sessions by their date, and leaves the rows."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task(name=jobs.WORK)
def work_on_job(*, job_id: str, **_: object) -> None:
    """One turn: a task must end well before Redis takes its worker for dead."""
    if jobs.work_on(uuid.UUID(job_id), now=timezone.now()):
        nudge(work_on_job, job_id=job_id)


@shared_task(name="accounts.work_on_jobs")
def work_on_jobs(**_: object) -> None:
    for job_id in jobs.to_work_on(now=timezone.now()):
        nudge(work_on_job, job_id=str(job_id))


@shared_task(name="accounts.forget_old_jobs")
def forget_old_jobs(**_: object) -> None:
    jobs.forget_old(now=timezone.now())
