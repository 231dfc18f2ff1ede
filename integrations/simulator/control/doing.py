"""Doing an action, for the JSON API and the console alike, and writing it into the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.simulator.control import faults, seen
from integrations.simulator.control.acts import index
from integrations.simulator.control.acts.declaring import Action, Unfit
from integrations.simulator.control.subjects import Appointment, Enrolment
from integrations.simulator.models import Application, Person, Subscription, Tenant
from integrations.simulator.seeds.loader import BadSeed


def find(on: str, name: str) -> Action:
    known = index.BY_SUBJECT[on]
    if name not in known:
        raise Unfit(f"Unknown action. There are: {', '.join(known)}.", 404)
    return known[name]


def do(action: Action, subject: Any, values: Mapping[str, Any], *, now: datetime) -> str:
    """The sentence that tells what has happened."""
    label = label_of(subject)
    try:
        said = action.do(subject, now=now, **values)
    except BadSeed as problem:
        raise Unfit(str(problem), 409) from None
    # A rule may have gone with what it was for.
    faults.forget()
    seen.acted(at=now, what=said, **label)
    return said


def label_of(subject: Any) -> dict[str, str]:
    """Whom an entry of the log is about."""
    match subject:
        case Person():
            return {"who": subject.sign_in_name, "tenant": str(subject.tenant.tid)}
        case Appointment():
            return {"who": subject.owner.sign_in_name, "tenant": str(subject.owner.tenant.tid)}
        case Tenant():
            return {"tenant": str(subject.tid)}
        case Application():
            return {"app": str(subject.client_id)}
        case Enrolment():
            return {"app": str(subject.application.client_id), "tenant": str(subject.tenant.tid)}
        case Subscription():
            return {"app": str(subject.application.client_id), "who": subject.person.sign_in_name}
    return {}
