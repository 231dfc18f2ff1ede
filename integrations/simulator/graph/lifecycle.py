"""What becomes of subscriptions: they run out, lose the ground they stood on, or need to be authorised anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from integrations.simulator.graph import notices, subscribers, subscriptions
from integrations.simulator.models import Subscription

# Told again while nothing is done about it.
REMIND_EVERY = timedelta(minutes=15)
# Before the end: a quarter of the subscription's life, at most this long.
REMIND_BEFORE = timedelta(hours=3)


def look_after(*, now: datetime) -> None:
    """Those that have run out end in silence."""
    Subscription.objects.filter(expires_at__lte=now).delete()
    for subscription in subscribers.every(now=now):
        reason = subscribers.lost_ground(subscription)
        if reason:
            subscriptions.drop(subscription, why=reason)
        else:
            _remind(subscription, now=now)


def _remind(subscription: Subscription, *, now: datetime) -> None:
    reason = _reason_to_remind(subscription, now=now)
    last = subscription.reauthorization_at
    if not reason or not subscription.lifecycle_url or (last and now - last < REMIND_EVERY):
        return
    Subscription.objects.filter(pk=subscription.pk).update(reauthorization_at=now)
    notices.tell_lifecycle(subscription, "reauthorizationRequired", why=reason)


def _reason_to_remind(subscription: Subscription, *, now: datetime) -> str:
    if not subscribers.may_read(subscription):
        return "The application may not read this calendar any more."
    life = subscription.expires_at - subscription.created_at
    if subscription.expires_at - now <= min(REMIND_BEFORE, life / 4):
        return "The subscription is about to run out."
    return ""
