"""Asking Microsoft again: with which permissions, without anybody having to tick them once more."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import User
from integrations import approvals, connecting
from integrations.models import ConsentRequest, Ending, Step
from integrations.policy import Shape
from integrations.preferences import ServicePolicy

NEWS = timedelta(hours=1)  # how long the profile tells why the last attempt failed, and offers the same again


def wish_again(person: User, ceiling: ServicePolicy, *, now: datetime) -> Shape | None:
    """What was ticked last and not reached, else what the connection has; within the ceiling of now. None: nothing is
    known, the person ticks."""
    source = approvals.of(person) or _failed(connecting.newest(person), now=now) or connecting.current(person)
    if source is None:
        return None
    return Shape(
        calendar_write=source.calendar_write and ceiling.calendar_write,
        contacts_write=source.contacts_write and ceiling.contacts_write,
    )


def is_news(consent: ConsentRequest, *, now: datetime) -> bool:
    """It failed just now, and not because the person began anew."""
    is_new = consent.ended_at is not None and now - consent.ended_at < NEWS
    return is_new and consent.step == Step.FAILED and consent.reason != Ending.SUPERSEDED


def _failed(consent: ConsentRequest | None, *, now: datetime) -> ConsentRequest | None:
    return consent if consent and is_news(consent, now=now) else None
