"""A test begins, is under way for two hours at most, and ends; what it had shown by then is kept for ninety days."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.claims import Refused
from accounts.models import Account, Role, User
from integrations.models import Trial
from integrations.organization import hearing
from integrations.trials.model import Mark, Name
from integrations.trials.steps import REPORT, report, steps

BEGUN = audit.declare("calendar.test_begun", "{actor} began a test of the integration with {target}.")

LASTS = timedelta(hours=2)
KEPT = timedelta(days=90)


class NotSuitable(Refused):
    """Testing with this person would show nothing, and the text says why."""

    sentence = "This person cannot test the integration."


class IsAdmin(NotSuitable):
    sentence = (
        "Choose somebody who is no admin: Microsoft asks admins for their consent in another way, so a test with one "
        "shows nothing about the others."
    )


class CannotSignIn(NotSuitable):
    sentence = "Choose somebody who can sign in: this person is deactivated or has not accepted the invitation yet."


def require_suitable(person: User) -> None:
    """Raises NotSuitable."""
    if person.role != Role.MEMBER:
        raise IsAdmin
    if not person.is_active or person.joined_at is None:
        raise CannotSignIn


def begin(person: User, *, by: User, now: datetime) -> Trial:
    """Instead of what was under way with the same person. Raises NotSuitable."""
    require_suitable(person)
    for earlier in under_way(now=now).filter(person=person).select_related("person__account"):
        end(earlier, now=now)
    with transaction.atomic():
        trial = Trial.objects.create(id=uuid.uuid4(), account=person.account, person=person, by=by, began_at=now)
        audit.record(BEGUN, account=person.account, actor=by, on=person, now=now)
        hearing.changed(account=person.account)  # whom an organization is to connect is looked for now
    return trial


def end(trial: Trial, *, now: datetime) -> bool:
    """As it stands now, which is kept: what is read later would be another day's. False: it had ended."""
    kept = {REPORT: report(steps(trial, reader=None, now=now))}
    with transaction.atomic():
        mine = Trial.objects.select_for_update().filter(pk=trial.pk, ended_at=None).first()
        if mine is None:
            return False
        Trial.objects.filter(pk=mine.pk).update(ended_at=now, claimed_until=None, found=mine.found | kept)
    return True


def is_complete(trial: Trial, *, now: datetime) -> bool:
    """The person has gone the way, if there is one, and every step has passed."""
    found = {step.name: step.mark for step in steps(trial, reader=None, now=now)}
    has_passed = all(mark in (Mark.DONE, Mark.SKIPPED) for mark in found.values())
    # Where nobody signs in there is no way that might still be gone.
    return has_passed and found.get(Name.OPENED, Mark.DONE) is Mark.DONE


def under_way(*, now: datetime) -> QuerySet[Trial]:
    return Trial.objects.filter(ended_at=None, began_at__gt=now - LASTS)


def end_forgotten(*, now: datetime) -> None:
    """Those that nobody ended."""
    for trial in Trial.objects.filter(ended_at=None, began_at__lte=now - LASTS).select_related("person__account"):
        end(trial, now=now)


def latest(account: Account, *, most: int) -> list[Trial]:
    """The newest first. One query."""
    return list(account.trials.select_related("person", "by").order_by("-began_at")[:most])


def forget_old(*, now: datetime) -> None:
    Trial.objects.filter(began_at__lte=now - KEPT).delete()
