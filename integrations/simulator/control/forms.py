"""An action as a form of the console: its address, its fields with what is there now, and what will happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.urls import reverse

from integrations.simulator.control.acts import index
from integrations.simulator.control.acts.declaring import Action, Kind, Parameter
from integrations.simulator.control.subjects import Appointment, Enrolment
from integrations.simulator.models import Application, Person, Subscription, Tenant

INPUTS = {
    Kind.PASSWORD: "password",
    Kind.NUMBER: "number",
    Kind.MOMENT: "datetime-local",
    Kind.FLAG: "checkbox",
}
TEXT_AREAS = (Kind.WORDS, Kind.PEOPLE, Kind.LONG_TEXT)


@dataclass(frozen=True)
class Field:
    id: str
    name: str
    label: str
    shape: str
    """select, textarea, checkbox, or the type of an input"""
    value: str
    choices: Sequence[tuple[str, str]]
    hint: str
    is_required: bool
    is_ticked: bool
    lists_people: bool


@dataclass(frozen=True)
class Form:
    action: Action
    url: str
    about: str
    """Whom it is done to: a button's name must tell it from its twins on the page."""
    fields: Sequence[Field]


@dataclass(frozen=True)
class Group:
    name: str
    id: str
    forms: Sequence[Form]


def groups(on: str, subject: Any) -> Sequence[Group]:
    """The actions that make sense for this subject as it is, in the order of their declaration."""
    offered = [action for action in index.BY_SUBJECT[on].values() if action.fits(subject)]
    names = list(dict.fromkeys(action.group for action in offered))
    offered.sort(key=lambda action: names.index(action.group))
    return [
        Group(name, f"group-{number}", [form(action, subject) for action in some])
        for number, (name, some) in enumerate(groupby(offered, key=lambda action: action.group))
    ]


def form(action: Action, subject: Any, sent: Mapping[str, str] | None = None) -> Form:
    return Form(action, url_of(action, subject), _about(subject), [*_fields(action, subject, sent)])


def url_of(action: Action, subject: Any) -> str:
    return f"{page_of(subject, action.on).rstrip('/')}/{action.name}"


def page_of(subject: Any, on: str = "") -> str:
    """The page that a subject is shown on."""
    match subject:
        case Person():
            return reverse("person", args=[subject.oid])
        case Appointment():
            return reverse("appointment", args=[subject.owner.oid, _id_of(subject)])
        case Tenant():
            return reverse("tenant", args=[subject.tid])
        case Application():
            return reverse("application", args=[subject.client_id])
        case Enrolment():
            return reverse("enrolment", args=[subject.application.client_id, subject.tenant.tid])
        case Subscription():
            return f"/console/subscriptions/{subject.graph_id}"
    return f"/console/{on}"


def _id_of(appointment: Appointment) -> str:
    from integrations.simulator.graph import recurrence

    if appointment.day is None:
        return appointment.event.graph_id
    return recurrence.occurrence_id(appointment.event.graph_id, appointment.day)


def _about(subject: Any) -> str:
    match subject:
        case Person() | Tenant() | Application():
            return subject.name
        case Appointment():
            return f"“{subject.subject}”"
        case Enrolment():
            return f"{subject.application.name} in {subject.tenant.name}"
        case Subscription():
            return f"{subject.person.name}, {subject.expires_at:%d %B %H:%M:%S}"
    return ""


def _fields(action: Action, subject: Any, sent: Mapping[str, str] | None) -> Iterator[Field]:
    for parameter in action.parameters:
        value = _value(parameter, subject) if sent is None else sent.get(parameter.name, "")
        if parameter.kind == Kind.PASSWORD:
            value = ""
        choices = _choices(parameter)
        yield Field(
            id=f"{action.on}-{action.name}-{parameter.name}",
            name=parameter.name,
            label=parameter.label,
            shape=_shape(parameter, choices),
            value=_text(value),
            choices=choices,
            hint=_hint(parameter),
            is_required=parameter.is_required,
            is_ticked=value in (True, "on", "true"),
            lists_people=parameter.kind == Kind.PERSON,
        )


def _value(parameter: Parameter, subject: Any) -> Any:
    return parameter.default if parameter.current is None else parameter.current(subject)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    return "" if value is None else str(value)


def _choices(parameter: Parameter) -> Sequence[tuple[str, str]]:
    if parameter.kind == Kind.APPLICATION:
        found = [
            (str(guid), name) for guid, name in Application.objects.values_list("client_id", "name").order_by("pk")
        ]
        return found if parameter.is_required else [("", "All"), *found]
    if parameter.kind == Kind.TENANT:
        return [(str(tid), name) for tid, name in Tenant.objects.values_list("tid", "name").order_by("pk")]
    return list((parameter.choices or {}).items())


def _shape(parameter: Parameter, choices: Sequence[tuple[str, str]]) -> str:
    if choices:
        return "select"
    return "textarea" if parameter.kind in TEXT_AREAS else INPUTS.get(parameter.kind, "text")


def _hint(parameter: Parameter) -> str:
    if parameter.hint:
        return parameter.hint
    if parameter.kind == Kind.PEOPLE:
        return "Sign-in names, one per line."
    if parameter.kind == Kind.WORDS:
        return "One per line."
    return "A sign-in name." if parameter.kind == Kind.PERSON else ""
