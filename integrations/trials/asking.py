"""What a worker asks of Microsoft during a test: the sign-in of the person's organization and our credential there;
once the person is connected, whether the access is renewed and the mailbox answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import outbound
from accounts.domain_names import domain_of
from integrations import access, checking, states, tokens
from integrations.contracts import AppGone, CalendarError
from integrations.failures import Failure
from integrations.microsoft import identity, tenants
from integrations.models import ALIVE, Connection, State, Trial
from integrations.trials import at_server, by_organization, course
from integrations.trials.model import Mark, Name
from integrations.trials.steps import way_of
from integrations.trials.trip import trip_of

CLAIM = timedelta(seconds=60)
TOGETHER = timedelta(seconds=50)  # every request of one look; shorter than the claim
AGAIN = timedelta(seconds=5)  # between two looks
REST = timedelta(seconds=30)  # before what failed is asked again

Found = dict[str, Any]
Ask = Callable[[Connection], Found | None]


def look(trial_id: uuid.UUID, *, now: datetime) -> None:
    """Ask what has not been asked, and end what is complete. Runs any number of times; one at a time."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    if not course.under_way(now=now).filter(free, pk=trial_id).update(claimed_until=now + CLAIM):
        return
    trial = Trial.objects.select_related("person__account").get(pk=trial_id)
    with outbound.deadline(TOGETHER):
        found = _ask(trial, now=now)
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


def _ask(trial: Trial, *, now: datetime) -> Found:
    found: Found = {}
    policy = at_server.policy_of(trial.person)
    of_tenant = (Name.SIGN_IN, Name.CREDENTIAL)
    if policy is not None:
        if not _is_answered(trial, Name.SERVER) and not _rests(trial, Name.SERVER, now):
            found[Name.SERVER.value] = at_server.ask(trial.person, policy, now=now)
    elif not all(_is_answered(trial, one) for one in of_tenant) and not any(
        _rests(trial, one, now) for one in of_tenant
    ):
        found |= _ask_the_tenant(trial)
    connection = Connection.objects.filter(user=trial.person_id).select_related("user__account", "server").first()
    if connection and by_organization.is_connected(connection):
        found |= _ask_in_turn(trial, connection, by_organization.WAY, [(Name.ANSWERS, _look_into)], now=now)
    elif connection and connection.state in ALIVE and connection.state != State.CONNECTING:
        found |= _ask_the_connection(trial, connection, now=now)
    return {name: answer | _again(answer, now=now) for name, answer in found.items()}


def _is_answered(trial: Trial, name: Name, way: str = "") -> bool:
    found = trial.found.get(name.value, {})
    return found.get("mark") in (Mark.DONE, Mark.SKIPPED) and found.get("way", "") == way


def _rests(trial: Trial, name: Name, now: datetime, way: str = "") -> bool:
    """It has only just failed."""
    found = trial.found.get(name.value, {})
    again_at = parse_datetime(found.get("again_at", ""))
    return found.get("way", "") == way and again_at is not None and again_at > now


def _again(answer: Found, *, now: datetime) -> Found:
    """When what failed is asked again: not before Microsoft says."""
    wait = timedelta(seconds=answer.pop("wait", 0))
    return {"again_at": (now + max(wait, REST)).isoformat()} if answer["mark"] == Mark.FAILED else {}


def _ask_the_tenant(trial: Trial) -> Found:
    domain, began = domain_of(trial.person.email), time.monotonic()
    try:
        tenant = tenants.tenant_of(domain)
    except CalendarError as problem:
        return {Name.SIGN_IN.value: _answer(Mark.FAILED, began, failure=problem.failure)}
    if not tenant:
        says = f"It knows no organization of {domain}. That is right where {trial.person} has another address there."
        unasked = _answer(Mark.SKIPPED, began, says="Not asked: the organization is known only after the sign-in.")
        return {Name.SIGN_IN.value: _answer(Mark.DONE, began, says=says), Name.CREDENTIAL.value: unasked}
    answer = _answer(Mark.DONE, began, says=f"It knows {domain}.")
    return {Name.SIGN_IN.value: answer, Name.CREDENTIAL.value: _ask_for_the_credential(tenant)}


def _ask_for_the_credential(tenant: str) -> Found:
    began = time.monotonic()
    try:
        identity.prove_credential(tenant)
    except AppGone:
        says = "Not known there yet: the first consent of the organization makes Meridian known."
        return _answer(Mark.SKIPPED, began, says=says)
    except CalendarError as problem:
        return _answer(Mark.FAILED, began, failure=problem.failure)
    return _answer(Mark.DONE, began)


def _ask_the_connection(trial: Trial, connection: Connection, *, now: datetime) -> Found:
    """Once for each way that was gone: what answered well is not asked again, and nothing while trouble is waited
    out, as Microsoft may have asked."""
    renewal = [] if access.has_no_tokens(connection) else [(Name.RENEWED, _renew)]
    questions = [*renewal, (Name.ANSWERS, _look_into)]
    return _ask_in_turn(trial, connection, way_of(trip_of(trial)), questions, now=now)


def _ask_in_turn(
    trial: Trial, connection: Connection, way: str, questions: Sequence[tuple[Name, Ask]], *, now: datetime
) -> Found:
    found: Found = {}
    for name, ask in questions:
        if _is_answered(trial, name, way) or _rests(trial, name, now, way):
            continue
        is_waiting = states.is_waiting(connection, now=timezone.now())
        answer = _as_it_stands(connection) if is_waiting else ask(connection)
        if answer is None:
            break
        found[name.value] = answer | {"way": way}
    return found


def _renew(connection: Connection) -> Found | None:
    """The renewal says nothing itself: how it went stands with the connection. None: nobody asked, because another
    does it at this moment, or the settings have ended it."""
    began, now = time.monotonic(), timezone.now()
    tokens.refresh(connection, now=now)
    connection.refresh_from_db()
    if connection.refreshed_at is not None and connection.refreshed_at >= now:
        return _answer(Mark.DONE, began)
    if connection.failed_at is None or connection.failed_at < now:
        return None
    return _as_it_stands(connection) | {"took": _since(began)}


def _look_into(connection: Connection) -> Found | None:
    """The mailbox. None: it was not asked."""
    began = time.monotonic()
    if connection.state not in ALIVE:
        return None
    finding = checking.check(connection.pk, now=timezone.now())
    if not finding.is_asked:
        return None
    return _answer(Mark.FAILED if finding.failure else Mark.DONE, began, failure=finding.failure)


def _as_it_stands(connection: Connection) -> Found:
    """The trouble that is known."""
    kept = {"reason": connection.reason, "code": connection.code, "trace_id": connection.trace_id}
    return _answer(Mark.FAILED, time.monotonic()) | kept


def _answer(mark: Mark, began: float, *, says: str = "", failure: Failure | None = None) -> Found:
    return {
        "mark": mark.value,
        "says": says,
        "reason": failure.reason.value if failure else "",
        "code": failure.code if failure else "",
        "trace_id": failure.trace_id if failure else "",
        "took": _since(began),
        "wait": failure.retry_after.total_seconds() if failure and failure.retry_after else 0,
    }


def _since(began: float) -> int:
    """Milliseconds."""
    return round((time.monotonic() - began) * 1000)
