"""The ground floor's background work."""

from __future__ import annotations

from importlib import import_module

from celery import shared_task
from django.conf import settings


@shared_task(name="accounts.forget_expired_sessions")
def forget_expired_sessions(**_: object) -> None:
    """Django ends sessions by their date, and leaves the rows."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
