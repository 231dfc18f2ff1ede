"""What a worker asks of Microsoft during a test: the sign-in of the person's organisation and our credential there;
once the person is connected, whether the access is renewed and the mailbox answers."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts import outbound
from integrations import checking, tokens
from integrations.contracts import AppGone, CalendarError
from integrations.domains import domain_of
from integrations.failures import Failure
from integrations.microsoft import identity, tenants
from integrations.models import ALIVE, Connection, State, Trial
from integrations.trials import course
from integrations.trials.model import Mark, Name
from integrations.trials.steps import way_of
from integrations.trials.trip import trip_of

CLAIM = timedelta(seconds=60)
TOGETHER = timedelta(seconds=50)  # every request of one look; shorter than the claim
AGAIN = timedelta(seconds=5)  # between two looks

Found = dict[str, Any]


def look(trial_id: uuid.UUID, *, now: datetime) -> None:
    """Ask what has not been asked, and end what is complete. Runs any number of times; one at a time."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    if not course.under_way(now=now).filter(free, pk=trial_id).update(claimed_until=now + CLAIM):
        return
    trial = Trial.objects.select_related("person__account").get(pk=trial_id)
    with outbound.deadline(TOGETHER):
        found = _ask(trial)
    trial.found |= found
    mine = Trial.objects.filter(pk=trial.pk, claimed_until=now + CLAIM, ended_at=None)
    if mine.update(claimed_until=None, checked_at=now, found=trial.found) and course.is_complete(trial, now=now):
        course.end(trial, now=timezone.now())


def to_look_at(*, now: datetime) -> list[str]:
    """Those under way in which there may be something to ask: a look that finds nothing costs three queries."""
    course.end_forgotten(now=now)
    rested = Q(checked_at=None) | Q(checked_at__lte=now - AGAIN)
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    found = course.under_way(now=now).filter(rested, free).order_by("began_at")
    return [str(pk) for pk in found.values_list("pk", flat=True)]


def _ask(trial: Trial) -> Found:
    found: Found = {}
    if not (_is_answered(trial, Name.SIGN_IN) and _is_answered(trial, Name.CREDENTIAL)):
        found |= _ask_the_tenant(trial)
    connection = Connection.objects.filter(user=trial.person_id).select_related("user__account").first()
    if connection and connection.state in ALIVE and connection.state != State.CONNECTING:
        found |= _ask_the_connection(trial, connection)
    return found


def _is_answered(trial: Trial, name: Name, way: str = "") -> bool:
    found = trial.found.get(name.value, {})
    return found.get("mark") in (Mark.DONE, Mark.SKIPPED) and found.get("way", "") == way


def _ask_the_tenant(trial: Trial) -> Found:
    domain, began = domain_of(trial.person.email), time.monotonic()
    try:
        tenant = tenants.tenant_of(domain)
    except CalendarError as problem:
        return {Name.SIGN_IN.value: _answer(Mark.FAILED, began, failure=problem.failure)}
    if not tenant:
        says = f"It knows no organisation of {domain}. That is right where {trial.person} has another address there."
        unasked = _answer(Mark.SKIPPED, began, says="Not asked: the organisation is known only after the sign-in.")
        return {Name.SIGN_IN.value: _answer(Mark.DONE, began, says=says), Name.CREDENTIAL.value: unasked}
    answer = _answer(Mark.DONE, began, says=f"It knows {domain}.")
    return {Name.SIGN_IN.value: answer, Name.CREDENTIAL.value: _ask_for_the_credential(tenant)}


def _ask_for_the_credential(tenant: str) -> Found:
    began = time.monotonic()
    try:
        identity.prove_credential(tenant)
    except AppGone:
        says = "Not known there yet: the first consent of the organisation makes Meridian known."
        return _answer(Mark.SKIPPED, began, says=says)
    except CalendarError as problem:
        return _answer(Mark.FAILED, began, failure=problem.failure)
    return _answer(Mark.DONE, began)


def _ask_the_connection(trial: Trial, connection: Connection) -> Found:
    """Once for each way that was gone: what answered well is not asked again."""
    way = way_of(trip_of(trial))
    found: Found = {}
    if not _is_answered(trial, Name.RENEWED, way):
        found[Name.RENEWED.value] = _renew(connection) | {"way": way}
    if not _is_answered(trial, Name.ANSWERS, way):
        began = time.monotonic()
        failure = checking.check(connection.pk, now=timezone.now()).failure
        mark = Mark.FAILED if failure else Mark.DONE
        found[Name.ANSWERS.value] = _answer(mark, began, failure=failure) | {"way": way}
    return found


def _renew(connection: Connection) -> Found:
    """The renewal says nothing itself: how it went stands with the connection."""
    began, now = time.monotonic(), timezone.now()
    tokens.refresh(connection, now=now)
    connection.refresh_from_db()
    if connection.refreshed_at is not None and connection.refreshed_at >= now:
        return _answer(Mark.DONE, began)
    kept = {"reason": connection.reason, "code": connection.code, "trace_id": connection.trace_id}
    return _answer(Mark.FAILED, began) | kept


def _answer(mark: Mark, began: float, *, says: str = "", failure: Failure | None = None) -> Found:
    return {
        "mark": mark.value,
        "says": says,
        "reason": failure.reason.value if failure else "",
        "code": failure.code if failure else "",
        "trace_id": failure.trace_id if failure else "",
        "took": round((time.monotonic() - began) * 1000),
    }
