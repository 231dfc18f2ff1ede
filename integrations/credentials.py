"""The portal's own credentials at Microsoft: which is accepted, which is refused, when each expires.

While none is accepted nothing is refreshed, and nobody but the operator is told. How Microsoft answers is noted in
memory where it is asked (`microsoft.app_credentials`); here it is written down, for all processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q

from integrations import alarms, credential_words
from integrations.alarms import alarm
from integrations.microsoft import app_credentials
from integrations.microsoft.app_credentials import Answers, Credential, of_environment
from integrations.models import AppCredential

__all__ = ["alarm", "is_refused", "look_after", "note_down", "of_environment"]

log = structlog.get_logger(__name__)

NOTE_EVERY = timedelta(minutes=1)
# Days before its end at which the operator is told, and once it is over.
COUNTDOWN = (0, 1, 7, 30, 60)
FORGET_AFTER = timedelta(days=90)
_IS_REFUSED = Q(refused_at__isnull=False) & (Q(accepted_at=None) | Q(refused_at__gt=F("accepted_at")))


def is_refused(*, now: datetime) -> bool:
    """Is none left that Microsoft accepts? One that was not tried yet is no reason to wait."""
    note_down(now=now)
    known = {credential.fingerprint for credential in of_environment()}
    return AppCredential.objects.filter(_IS_REFUSED, pk__in=known).count() == len(known)


def note_down(*, now: datetime, at_once: bool = False) -> None:
    """Write what this process remembers: what has changed at once, the rest once a minute. Costs nothing between."""
    for credential in of_environment():
        answers = app_credentials.answers_to(credential)
        if answers is None:
            continue
        if at_once or answers.is_news(now=now, after=NOTE_EVERY):
            answers.are_told(now=now)
            register(credential, now=now)
            _write(credential, answers)


def register(credential: Credential, *, now: datetime) -> AppCredential:
    """Its row. With another end the countdown begins anew."""
    about = {"name": credential.name, "is_certificate": credential.is_certificate, "seen_at": now}
    row, is_new = AppCredential.objects.get_or_create(
        pk=credential.fingerprint, defaults={**about, "expires_at": credential.expires_at}
    )
    if not is_new:
        AppCredential.objects.filter(pk=row.pk).update(**about)
    if row.expires_at != credential.expires_at:
        AppCredential.objects.filter(pk=row.pk).update(expires_at=credential.expires_at, told_days=None)
        row.expires_at, row.told_days = credential.expires_at, None
    return row


def look_after(*, now: datetime) -> None:
    """Count down to the end of each: the operator is told once of every step."""
    rows = [register(credential, now=now) for credential in of_environment()]
    for row in rows:
        step = _step(row, now=now)
        if step is not None and (row.told_days is None or step < row.told_days):
            _count_down(row, step, others=[other for other in rows if other.pk != row.pk], now=now)
    AppCredential.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def tell_of_refused(*, now: datetime) -> None:
    """One is refused and the other is not: nobody notices but the operator, who is told once."""
    rows = list(AppCredential.objects.filter(pk__in=[credential.fingerprint for credential in of_environment()]))
    accepted = [row for row in rows if not row.is_refused and row.accepted_at]
    for row in rows:
        is_told = row.refusal_told_at and not (row.accepted_at and row.refusal_told_at < row.accepted_at)
        if row.is_refused and accepted and not is_told:
            _tell_of_refused(row, accepted[0], now=now)


def _step(row: AppCredential, *, now: datetime) -> int | None:
    if row.expires_at is None:
        return None
    left = row.expires_at - now
    return next((days for days in COUNTDOWN if left <= timedelta(days=days)), None)


def _count_down(row: AppCredential, step: int, *, others: Iterable[AppCredential], now: datetime) -> None:
    """Claimed first, so that it is told once; given back where no mail server took it."""
    mine = AppCredential.objects.filter(pk=row.pk)
    if not mine.filter(told_days=row.told_days).update(told_days=step):
        return
    log.warning("credential.expires", credential=row.name, expires_at=str(row.expires_at), days=step)
    if not alarms.tell(*credential_words.countdown(row, others, now=now)):
        mine.filter(told_days=step).update(told_days=row.told_days)


def _tell_of_refused(row: AppCredential, used: AppCredential, *, now: datetime) -> None:
    mine = AppCredential.objects.filter(pk=row.pk)
    if not mine.filter(refusal_told_at=row.refusal_told_at).update(refusal_told_at=now):
        return
    if not alarms.tell(*credential_words.one_refused(row, used)):
        mine.filter(refusal_told_at=now).update(refusal_told_at=row.refusal_told_at)


def _write(credential: Credential, answers: Answers) -> None:
    """Each time only forward: another process may have heard later than this one."""
    mine = AppCredential.objects.filter(pk=credential.fingerprint)
    if answers.accepted_at:
        earlier = Q(accepted_at=None) | Q(accepted_at__lt=answers.accepted_at)
        mine.filter(earlier).update(accepted_at=answers.accepted_at)
    if answers.refused_at and answers.failure:
        earlier = Q(refused_at=None) | Q(refused_at__lt=answers.refused_at)
        mine.filter(earlier).update(
            refused_at=answers.refused_at,
            reason=answers.failure.reason.value,
            code=answers.failure.code[:80],
            trace_id=answers.failure.trace_id[:80],
        )
