"""Change notifications: what happened in a mailbox, told to those who subscribed to it.

`put` is called after the commit and returns at once. One thread matches what happened with the subscriptions, a few
others send (see `notifying` and `outbox`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Condition

from django.utils import timezone

from integrations.simulator.control import seen
from integrations.simulator.graph import notice_texts, posting, subscribers
from integrations.simulator.graph.outbox import GATHER, Notice, Outbox, Subject, body
from integrations.simulator.models import Person, Subscription

# What waits to be matched with subscriptions. Beyond that, the oldest is lost.
MOST_WAITING = 20_000
IDLE = 2.0
# The second copy of a notice is a POST of its own.
COPY_AFTER = 0.5


@dataclass(frozen=True)
class Happening:
    """What is kept of a change until it is told: after the commit a deleted event is no more."""

    change: str
    """created, updated or deleted"""
    person_id: int
    calendar_id: int
    graph_id: str
    immutable_id: str
    change_key: str


def listen() -> None:
    """From now on what happens is kept until `match` takes it."""
    global _is_heard
    _is_heard = True


def put(happening: Happening) -> None:
    """Where no worker runs (a seed being planted by a command) nobody is told."""
    if not _is_heard:
        return
    with _changed:
        _waiting.append(happening)
        _changed.notify()


def tell_lifecycle(subscription: Subscription, event: str, *, why: str) -> None:
    """reauthorizationRequired, subscriptionRemoved or missed, to who gave an address for that."""
    if not subscription.lifecycle_url:
        return
    at = time.monotonic()
    # What has been removed is told although it is no more.
    number = 0 if event == "subscriptionRemoved" else subscription.pk
    content = notice_texts.lifecycle(subscription, event)
    notice = Notice(number, subscription.lifecycle_url, content, at + GATHER, at, is_lifecycle=True)
    _outbox.put(replace(notice, subject=_subject(subscription), why=why), now=at)


def miss(person: Person, *, now: datetime) -> int:
    """Tell all who subscribed to this mailbox that they missed something; how many were told."""
    found = subscribers.of(person, now=now)
    for subscription in found:
        tell_lifecycle(subscription, "missed", why="Notices about this mailbox were not delivered.")
    return sum(1 for subscription in found if subscription.lifecycle_url)


def match() -> None:
    """Waits for something to happen, and finds out who is to be told."""
    with _changed:
        if not _waiting:
            _changed.wait(IDLE)
        happenings = list(_waiting)
        _waiting.clear()
    now = timezone.now()
    for happening in happenings:
        _address(happening, now=now)


def send() -> None:
    """Waits for something to send, and sends it."""
    due = _outbox.take(now=time.monotonic())
    if not due:
        _outbox.wait(IDLE, now=time.monotonic())
        return
    answer = posting.Answer(0, 0.0, "Failure")
    try:
        alive = subscribers.alive({notice.subscription for notice in due}, now=timezone.now())
        telling = [notice for notice in due if not notice.subscription or notice.subscription in alive]
        answer = posting.send(telling[0].url, body(telling)) if telling else posting.Answer(204, 0.0)
        if telling:
            _log_sent(telling, answer)
    finally:
        _outbox.settle(due, answer, now=time.monotonic())


def _address(happening: Happening, *, now: datetime) -> None:
    """What becomes of the notices about a mailbox is the trainer's to say."""
    for subscription in subscribers.interested(happening, now=now):
        person = subscription.person
        if person.notices == Person.Notices.DROPPED:
            _log(_subject(subscription), subscription.notification_url, 0, "Dropped, as the trainer wants it.", now=now)
            continue
        at = time.monotonic()
        delay = float(person.notice_delay_seconds) if person.notices == Person.Notices.DELAYED else GATHER
        event_id = happening.immutable_id if subscription.has_immutable_ids else happening.graph_id
        content = notice_texts.change(subscription, happening.change, event_id, happening.change_key)
        about = _subject(subscription)
        notice = Notice(subscription.pk, subscription.notification_url, content, at + delay, at, subject=about)
        _outbox.put(notice, now=at)
        if person.notices == Person.Notices.DUPLICATED:
            _outbox.put(replace(notice, due_at=at + COPY_AFTER), now=at)


def _lose(lost: Sequence[Notice]) -> None:
    """What could not be delivered is told as missed, once to a subscription."""
    now = timezone.now()
    numbers = {notice.subscription for notice in lost if not notice.is_lifecycle}
    for subscription in subscribers.alive(numbers, now=now).values():
        tell_lifecycle(subscription, "missed", why="The address did not accept notices for too long.")


def _log_sent(told: Sequence[Notice], answer: posting.Answer) -> None:
    what = ", ".join(sorted({str(one.content.get("lifecycleEvent") or one.content["changeType"]) for one in told}))
    reasons = "".join(f" {why}" for why in dict.fromkeys(one.why for one in told) if why)
    outcome = "" if answer.is_good else f" Not accepted ({answer.problem or answer.status}): it is sent again later."
    why = f"Told of {len(told)} {'thing' if len(told) == 1 else 'things'}: {what}.{reasons}{outcome}"
    _log(told[0].subject, told[0].url, answer.status, why, now=timezone.now())


def _log(about: Subject, url: str, status: int, why: str, *, now: datetime) -> None:
    where = posting.without_query(url)
    seen.sent(at=now, where=where, status=status, why=why, who=about.who, app=about.app, tenant=about.tenant)


def _subject(subscription: Subscription) -> Subject:
    person = subscription.person
    return Subject(person.sign_in_name, str(subscription.application.client_id), person.tenant.name)


_waiting: deque[Happening] = deque(maxlen=MOST_WAITING)
_changed = Condition()
_outbox = Outbox(_lose)
_is_heard = False
