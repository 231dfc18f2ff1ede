"""The ground floor's background work. Any task may run twice, late or never; the sweeps make that harmless."""

from __future__ import annotations

import threading
import uuid
from importlib import import_module

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts import (
    domains,
    importing,  # noqa: F401  declares its kind of job to the workers
    jobs,
    letters,
)
from accounts.nudging import nudge
from accounts.single_sign_on import certificate_letters, log, rereading

_sending = threading.Lock()
_reading_metadata = threading.Lock()
_checking_domains = threading.Lock()


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


@shared_task(name=letters.SEND)
def send_letters(**_: object) -> None:
    """One sender at a time in a process, however many were called: a slow mail server must not hold every worker."""
    if not _sending.acquire(blocking=False):
        return
    try:
        is_unfinished = letters.send_waiting(now=timezone.now())
    finally:
        _sending.release()
    if is_unfinished:
        nudge(send_letters)


@shared_task(name="accounts.forget_old_letters")
def forget_old_letters(**_: object) -> None:
    letters.forget_old(now=timezone.now())


@shared_task(name=domains.CHECK)
def check_domain(*, domain_id: int, **_: object) -> None:
    domains.check(domain_id, now=timezone.now())


@shared_task(name="accounts.check_domains")
def check_domains(**_: object) -> None:
    """One at a time in a process: slow web sites of strangers must not hold every worker."""
    if _checking_domains.acquire(blocking=False):
        try:
            domains.check_due(now=timezone.now())
        finally:
            _checking_domains.release()


@shared_task(name="accounts.forget_old_sign_ins")
def forget_old_sign_ins(**_: object) -> None:
    log.forget_old(now=timezone.now())


@shared_task(name="accounts.read_metadata")
def read_metadata(**_: object) -> None:
    """One at a time in a process, as for domains."""
    if _reading_metadata.acquire(blocking=False):
        try:
            rereading.read_due(now=timezone.now())
        finally:
            _reading_metadata.release()


@shared_task(name="accounts.count_down_certificates")
def count_down_certificates(**_: object) -> None:
    certificate_letters.count_down(now=timezone.now())
