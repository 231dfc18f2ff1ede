"""Letting people be asked once more, after *the first time*: one person, a group, or everybody of an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, QuerySet

from accounts import audit
from accounts.models import Account, Group, User
from integrations.models import CalendarPrompt

RESET = audit.declare(
    "calendar_prompts.reset", "{actor} lets {target} be asked again at sign-in to integrate the calendar."
)
UNDONE = audit.declare(
    "calendar_prompts.reset_undone", "{actor} took back that people are asked again to integrate the calendar."
)
UNDO_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Last:
    """The newest reset, while it can be taken back."""

    at: datetime
    number: int


def number_of(whose: Account | Group | User) -> int:
    """How many people would be asked again. One query."""
    return _counting(whose).values("user").distinct().count()


def reset(whose: Account | Group | User, *, actor: User, now: datetime) -> int:
    """What they were asked before no longer counts. Answers of how many people."""
    account = whose if isinstance(whose, Account) else whose.account
    with transaction.atomic():
        number = number_of(whose)
        if number:
            keys = _counting(whose).values("pk")
            CalendarPrompt.objects.filter(pk__in=keys, reset_at=None).update(reset_at=now)
            affected = None if isinstance(whose, User) else number
            audit.record(RESET, account=account, actor=actor, on=whose, now=now, affected=affected)
    return number


def last(account: Account, *, now: datetime) -> Last | None:
    """One query."""
    since = CalendarPrompt.objects.filter(account=account, reset_at__gt=now - UNDO_WITHIN)
    found = since.values("reset_at").annotate(number=Count("user", distinct=True)).order_by("-reset_at").first()
    return Last(found["reset_at"], found["number"]) if found and found["reset_at"] else None


def undo(account: Account, *, at: datetime, actor: User, now: datetime) -> int:
    """Take back the reset of that moment. Answers of how many people; 0: there is none, or it is too late."""
    if at <= now - UNDO_WITHIN:
        return 0
    with transaction.atomic():
        rows = CalendarPrompt.objects.filter(account=account, reset_at=at)
        number = rows.values("user").distinct().count()
        if number:
            rows.update(reset_at=None)
            audit.record(UNDONE, account=account, actor=actor, on=account, now=now, affected=number)
    return number


def _counting(whose: Account | Group | User) -> QuerySet[CalendarPrompt]:
    rows = CalendarPrompt.objects.filter(reset_at=None)
    if isinstance(whose, Account):
        return rows.filter(account=whose)
    if isinstance(whose, Group):
        return rows.filter(account=whose.account_id, user__memberships__group=whose)
    return rows.filter(user=whose)
