"""The steps that the person goes: to Microsoft and back, until the mailbox opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.html import format_html

from accounts.templatetags.ui import local_moment
from integrations.diagnosis.steps import WITHHELD
from integrations.failures import Reason
from integrations.models import ALIVE, Connection, ConsentRequest, Ending, State, Trial
from integrations.models import Step as Stage
from integrations.trials import advice
from integrations.trials.model import Mark, Name, Step

_WAY = (Name.WENT, Name.CAME_BACK, Name.IDENTITY, Name.PERMISSIONS, Name.OPENED)
_WORDS = {
    Name.WENT: "{name} has gone to Microsoft",
    Name.CAME_BACK: "{name} has come back with Microsoft’s agreement",
    Name.IDENTITY: "It is {name}’s account",
    Name.PERMISSIONS: "What was asked for was given",
    Name.OPENED: "The mailbox opens",
}
# How many of the way are done when a consent has come so far.
_DONE = {Stage.SENT: 1, Stage.ANSWERED: 1, Stage.AGREED: 2, Stage.IDENTIFIED: 3, Stage.STORED: 4, Stage.DONE: 5}
# The step at which it ended, by the reason; else it was Microsoft's own answer.
_FAILS_AT: dict[str, Name] = {
    Ending.UNTRUSTED: Name.IDENTITY,
    Ending.TAKEN: Name.IDENTITY,
    Ending.ANOTHER_ACCOUNT: Name.IDENTITY,
    Ending.ANOTHER_DOMAIN: Name.IDENTITY,
    Ending.NOT_ALLOWED: Name.IDENTITY,
    Ending.LESS_GRANTED: Name.PERMISSIONS,
    Ending.NOT_LASTING: Name.PERMISSIONS,
    Reason.PERMISSION_MISSING: Name.PERMISSIONS,
    Reason.GUEST: Name.OPENED,
    Reason.ON_PREMISES: Name.OPENED,
    Reason.NO_MAILBOX: Name.OPENED,
}


@dataclass(frozen=True)
class Going:
    """How somebody's way stands: the newest one since the test began, and what there is."""

    trip: ConsentRequest | None
    connection: Connection | None
    name: str
    now: datetime
    # Nothing before it has failed, so that one may wait for the person.
    is_clear: bool

    @property
    def is_connected(self) -> bool:
        return self.connection is not None and self.connection.state in ALIVE and bool(self.connection.connected_at)


def trip_of(trial: Trial) -> ConsentRequest | None:
    """The newest way since the test began. One query."""
    since = ConsentRequest.objects.filter(user=trial.person_id, created_at__gte=trial.began_at)
    return since.order_by("-created_at").first()


def traced_by(says: str, code: str, trace_id: str) -> str:
    """A sentence, and what to quote to Microsoft."""
    return " ".join(part for part in (says, code, f"Trace ID {trace_id}." if trace_id else "") if part)


def of(going: Going) -> list[Step]:
    if going.trip is None:
        return [*_not_gone(going), connected(going)]
    if going.trip.step == Stage.FAILED or _has_expired(going.trip, now=going.now):
        return [*_ended(going, going.trip), connected(going)]
    return [*_on_the_way(going, going.trip), connected(going)]


def _not_gone(going: Going) -> list[Step]:
    if going.connection is not None and going.is_connected:
        why = format_html("Connected already, {}.", local_moment(going.connection.connected_at))
        return [Step(name, Mark.SKIPPED, _says(name, going), why if name is Name.WENT else "") for name in _WAY]
    marks = [Mark.NOW if going.is_clear else Mark.NEXT] + [Mark.NEXT] * 4
    return [Step(name, mark, _says(name, going)) for name, mark in zip(_WAY, marks, strict=True)]


def _on_the_way(going: Going, trip: ConsentRequest) -> list[Step]:
    done = _DONE[Stage(trip.step)]
    steps = []
    for place, name in enumerate(_WAY):
        mark = Mark.DONE if place < done else Mark.NOW if place == done else Mark.NEXT
        trouble = advice.why(trip.reason) if mark is Mark.NOW and trip.attempts and trip.reason else ""
        took = _took(name, trip) if mark is Mark.DONE else None
        steps.append(Step(name, mark, _says(name, going), trouble, took=took))
    if done == len(_WAY) and going.connection is not None and going.connection.withheld:
        steps[_WAY.index(Name.PERMISSIONS)] = _less(going, going.connection)
    return steps


def _ended(going: Going, trip: ConsentRequest) -> list[Step]:
    reason = trip.reason if trip.step == Stage.FAILED else Ending.EXPIRED
    at = _WAY.index(_FAILS_AT.get(reason, Name.CAME_BACK))
    steps = []
    for place, name in enumerate(_WAY):
        if place == at:
            traced = traced_by(advice.why(reason), trip.code, trip.trace_id)
            steps.append(Step(name, Mark.FAILED, _says(name, going), traced, advice.on(reason, going.name)))
        else:
            steps.append(Step(name, Mark.DONE if place < at else Mark.NEXT, _says(name, going)))
    return steps


def _less(going: Going, connection: Connection) -> Step:
    missing = ", ".join(WITHHELD.get(one, one) for one in connection.withheld)
    why = f"Asked for and not given: {missing}."
    return Step(
        Name.PERMISSIONS,
        Mark.FAILED,
        _says(Name.PERMISSIONS, going),
        why,
        advice.on(Ending.LESS_GRANTED, going.name),
    )


def connected(going: Going) -> Step:
    connection, says = going.connection, f"{going.name} is connected"
    if connection is None:
        return Step(Name.CONNECTED, Mark.NEXT, says)
    why = advice.why(connection.reason) if connection.reason else ""
    if going.is_connected and connection.state == State.CONNECTED:
        return Step(Name.CONNECTED, Mark.DONE, says, connection.address)
    if going.is_connected:
        return Step(Name.CONNECTED, Mark.DONE, says, f"{connection.get_state_display()}: {why}")
    if connection.state == State.NOT_ELIGIBLE and going.trip is not None:
        return Step(Name.CONNECTED, Mark.FAILED, says, why, advice.on(connection.reason, going.name))
    return Step(Name.CONNECTED, Mark.NEXT, says)


def _took(name: Name, trip: ConsentRequest) -> int | None:
    """Of the way at Microsoft, and of what a worker did after it."""
    if name is Name.CAME_BACK and trip.answered_at:
        return _milliseconds(trip.created_at, trip.answered_at)
    if name is Name.OPENED and trip.answered_at and trip.ended_at:
        return _milliseconds(trip.answered_at, trip.ended_at)
    return None


def _milliseconds(since: datetime, until: datetime) -> int:
    return round((until - since).total_seconds() * 1000)


def _has_expired(trip: ConsentRequest, *, now: datetime) -> bool:
    return trip.step == Stage.SENT and trip.expires_at <= now


def _says(name: Name, going: Going) -> str:
    return _WORDS[name].format(name=going.name)
