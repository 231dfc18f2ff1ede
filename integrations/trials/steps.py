"""All steps of a test as they stand: what the settings say, what a worker found, how far the person has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.utils.html import strip_tags

from accounts.models import User
from integrations.diagnosis import organization_remedies
from integrations.models import Connection, ConsentRequest, Trial
from integrations.trials import advice, at_server, by_organization, settings_steps, trip
from integrations.trials.model import Mark, Name, Step
from integrations.trials.trip import Going, traced_by, trip_of

# In `Trial.found`: the steps as they stood when it ended. What a worker found has the names of steps.
REPORT = "report"
_OF_SETTINGS = (Name.SWITCH, Name.SERVICE, Name.METHOD, Name.DOMAIN)
_ASKED = {
    Name.SIGN_IN: "Microsoft’s sign-in answers",
    Name.CREDENTIAL: "Meridian’s own credential is accepted there",
    Name.RENEWED: "Microsoft renews the access",
    Name.ANSWERS: "The mailbox answers",
}


def steps(trial: Trial, *, reader: User | None, now: datetime) -> list[Step]:
    """For whoever reads; of one that has ended, as it stood then. A constant number of queries."""
    if trial.ended_at:
        return ended(trial)
    person = trial.person
    connection = Connection.objects.filter(user=person).first()
    address = connection.address if connection and connection.is_alive else ""
    before, policy = settings_steps.of(person, address=address or person.email, reader=reader or person)
    if at_server.is_the_way(policy):
        before.append(at_server.server_step(trial.found.get(Name.SERVER.value)))
        going = _going(trial, connection, before, now=now)
        return [*before, *at_server.way(going), _live(trial, Name.ANSWERS, going)]
    before += [_asked(trial, name, is_time=True) for name in (Name.SIGN_IN, Name.CREDENTIAL)]
    if by_organization.is_the_way(policy.who_can_set_up, connection):
        way = by_organization.of(person, by_organization.link_of(person, connection), connection)
        return [*before, *way, _answers(trial, connection)]
    going = _going(trial, connection, before, now=now)
    return [*before, *trip.of(going), *_live_steps(trial, going)]


def ended(trial: Trial) -> list[Step]:
    """As it stood when it ended. No query."""
    return [_restored(one) for one in trial.found.get(REPORT, [])]


def report(found: Iterable[Step]) -> list[dict[str, Any]]:
    """To keep: words alone, and of the settings only whether they allowed it: who chose them may be gone by then."""
    return [
        asdict(step)
        | {
            "explains": "" if step.name in _OF_SETTINGS else strip_tags(step.explains),
            "advice": strip_tags(step.advice),
        }
        for step in found
    ]


def way_of(gone: ConsentRequest | None) -> str:
    """Names the way that was gone, or that there was none: what is asked live is asked anew after another one."""
    return str(gone.pk) if gone and gone.ended_at else ""


def _going(trial: Trial, connection: Connection | None, before: Iterable[Step], *, now: datetime) -> Going:
    return Going(
        trip=trip_of(trial),
        connection=connection,
        name=str(trial.person),
        now=now,
        is_clear=not any(step.mark is Mark.FAILED for step in before if step.name is not Name.DOMAIN),
    )


def _restored(kept: dict[str, Any]) -> Step:
    return Step(**kept | {"name": Name(kept["name"]), "mark": Mark(kept["mark"])})


def _live_steps(trial: Trial, going: Going) -> list[Step]:
    renewed, answers = (_live(trial, name, going) for name in (Name.RENEWED, Name.ANSWERS))
    if renewed.mark is Mark.FAILED and answers.mark is Mark.NOW:
        answers = replace(answers, mark=Mark.NEXT)
    return [renewed, answers]


def _live(trial: Trial, name: Name, going: Going) -> Step:
    """Once the person is connected, by the way that was gone last."""
    found = trial.found.get(name.value)
    if found and found.get("way") == way_of(going.trip):
        return _asked(trial, name, is_time=going.is_connected)
    return Step(name, Mark.NOW if going.is_connected else Mark.NEXT, _ASKED[name])


def _answers(trial: Trial, connection: Connection | None) -> Step:
    """The mailbox of a connection by the organization: it has no access of its own that would be renewed."""
    found, is_connected = trial.found.get(Name.ANSWERS.value), by_organization.is_connected(connection)
    if found and found.get("way") == by_organization.WAY:
        step = _asked(trial, Name.ANSWERS, is_time=is_connected)
        todo = organization_remedies.of_mailbox(found["reason"]).says(str(trial.person))
        return replace(step, advice=todo) if step.mark is Mark.FAILED else step
    return Step(Name.ANSWERS, Mark.NOW if is_connected else Mark.NEXT, _ASKED[Name.ANSWERS])


def _asked(trial: Trial, name: Name, *, is_time: bool) -> Step:
    found = trial.found.get(name.value)
    if found is None:
        return Step(name, Mark.NOW if is_time else Mark.NEXT, _ASKED[name])
    reason = found["reason"]
    says = found["says"] or (advice.why(reason) if reason else "")
    traced = traced_by(says, found["code"], found["trace_id"])
    mark = Mark(found["mark"])
    todo = advice.on(reason, str(trial.person)) if mark is Mark.FAILED else ""
    return Step(name, mark, _ASKED[name], traced, todo, took=found["took"])
