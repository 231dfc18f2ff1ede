"""Celery's door: load, one call inwards. Any task may run twice, late or never; the sweeps make that harmless."""

from __future__ import annotations

import threading
import uuid

from celery import shared_task
from django.utils import timezone

from accounts.models import Account
from accounts.nudging import nudge
from integrations import connecting, fitting, incidents, redeeming, states, tokens
from integrations.models import ALIVE, Connection

_refreshing = threading.Lock()


@shared_task(name="integrations.redeem")
def redeem(*, consent_id: str, **_: object) -> None:
    redeeming.redeem(uuid.UUID(consent_id), now=timezone.now())


@shared_task(name="integrations.redeem_answered")
def redeem_answered(**_: object) -> None:
    """Each in a task of its own: together they could last longer than Redis waits before it gives a task away."""
    for consent_id in connecting.to_redeem(now=timezone.now()):
        nudge(redeem, consent_id=str(consent_id))


@shared_task(name="integrations.refresh_one")
def refresh_one(*, connection_id: int, **_: object) -> None:
    connection = Connection.objects.filter(pk=connection_id, state__in=ALIVE).select_related("user__account").first()
    now = timezone.now()
    if connection is None or states.is_waiting(connection, now=now):
        return  # a page that asks again and again does not shorten the wait Microsoft was promised
    if tokens.held_token(connection, now=now) is None:
        tokens.refresh(connection, now=now)


@shared_task(name="integrations.refresh_due")
def refresh_due(**_: object) -> None:
    """One batch at a time in a process, whatever beat sends meanwhile: each holds many database connections. A full
    batch is followed by another task, for the same reason as above."""
    if not _refreshing.acquire(blocking=False):
        return
    try:
        is_full = tokens.refresh_due(now=timezone.now()) == tokens.BATCH
    finally:
        _refreshing.release()
    if is_full:
        nudge(refresh_due)


@shared_task(name="integrations.apply_policy_to")
def apply_policy_to(*, account_id: int, **_: object) -> None:
    for account in Account.objects.filter(pk=account_id):
        fitting.apply_policy(account, now=timezone.now())  # first: what is allowed again is not let go
        fitting.let_go(account, now=timezone.now())


@shared_task(name="integrations.apply_policy")
def apply_policy(**_: object) -> None:
    watched = Account.objects.filter(people__connection__state__in=fitting.WATCHED).distinct()
    for account_id in watched.values_list("pk", flat=True):
        nudge(apply_policy_to, account_id=account_id)


@shared_task(name="integrations.forget_old_consents")
def forget_old_consents(**_: object) -> None:
    connecting.forget_old(now=timezone.now())


@shared_task(name="integrations.watch_incidents")
def watch_incidents(**_: object) -> None:
    incidents.watch(now=timezone.now())


@shared_task(name="integrations.forget_old_incidents")
def forget_old_incidents(**_: object) -> None:
    incidents.forget_old(now=timezone.now())
