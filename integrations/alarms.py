"""What the operator is told by mail, because only the operator can mend it. Nobody else is."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.mail import mail_admins
from django.db import transaction
from django.urls import reverse
from redis.exceptions import RedisError

from integrations import credential_words
from integrations.failures import Failure, Reason

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)

# When this process last told of each, for as long as Redis, where all processes share it, does not answer.
_told: dict[str, float] = {}


def alarm(failure: Failure) -> None:
    """Of what Microsoft, or the vault, refuses the portal itself: once an hour, however many connections notice."""
    log.error("microsoft.credential_refused", reason=failure.reason.value, error_code=failure.code)
    if _is_first(failure.reason.value):
        transaction.on_commit(lambda: _mail_or_forget(failure))


def once_an_hour(about: str, subject: str, text: str) -> None:
    if _is_first(about) and not tell(subject, text):
        _forget(about)


def tell(subject: str, text: str) -> bool:
    """False: no mail server took it."""
    try:
        mail_admins(f"Meridian: {subject}", f"{text}\n\n{settings.PUBLIC_URL}{reverse('operations')}\n")
    except OSError:
        log.exception("alarm.not_sent")
        return False
    return True


def forget() -> None:
    """As in a new process."""
    _told.clear()


def _is_first(about: str) -> bool:
    try:
        return bool(cache.add(f"alarm:{about}", True, EVERY.total_seconds()))
    except RedisError:
        log.exception("alarm.cache")
    at = time.monotonic()
    is_first = at - _told.get(about, -EVERY.total_seconds()) >= EVERY.total_seconds()
    if is_first:
        _told[about] = at
    return is_first


def _forget(about: str) -> None:
    """Unsaid, so the next one who notices says it again."""
    _told.pop(about, None)
    try:
        cache.delete(f"alarm:{about}")
    except RedisError:
        log.exception("alarm.cache")


def _mail_or_forget(failure: Failure) -> None:
    subject, text = _words(failure)
    if not tell(subject, text):
        _forget(failure.reason.value)


def _words(failure: Failure) -> tuple[str, str]:
    if failure.reason is Reason.KEY_MISSING:
        return (
            "stored access to calendars cannot be opened",
            "A key that sealed it is no longer in TOKEN_KEYS, or the database is damaged. Put the old key back at the "
            "end of TOKEN_KEYS and start the portal and its workers again; what is paused comes back by itself.",
        )
    if failure.reason is Reason.REQUEST_REJECTED:
        return (
            "Microsoft rejects the way this portal asks",
            f"Microsoft answered {failure.code}. Connections are paused and nobody has been told to reconnect.\n\n"
            "Run `manage.py check_microsoft` on the portal’s machine: it says what is wrong and what to do.",
        )
    return (
        "Microsoft refuses this portal’s own credential",
        f"{credential_words.why_refused(failure.code) or 'Microsoft does not say why.'} ({failure.code})\n\n"
        f"{credential_words.ids_pasted()}"
        "Connections are paused and nobody has been told to reconnect. Once Microsoft accepts the portal again they "
        "come back by themselves, within minutes.\n\n"
        "Run `manage.py check_microsoft` on the portal’s machine: it tries each credential and says what to do.",
    )
