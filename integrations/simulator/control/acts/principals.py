"""What an organization does with an application: let it in, choose who may use it, shut it out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, flag, number
from integrations.simulator.control.subjects import Enrolment
from integrations.simulator.entra import principals
from integrations.simulator.models import Person, ServicePrincipal

PLACE = "In this organization"


def add(enrolment: Enrolment, *, now: datetime) -> str:
    principals.ensure(enrolment.application, enrolment.tenant, now=now)
    return f"{enrolment.application.name} is an enterprise application of {enrolment.tenant.name}."


def remove(enrolment: Enrolment, *, now: datetime) -> str:
    enrolment.there.delete()
    return f"{enrolment.application.name} is gone from {enrolment.tenant.name}, with all that was granted to it."


def disable(enrolment: Enrolment, *, now: datetime) -> str:
    _set(enrolment.there, is_enabled=False)
    return f"{enrolment.application.name} is disabled in {enrolment.tenant.name}."


def enable(enrolment: Enrolment, *, now: datetime) -> str:
    _set(enrolment.there, is_enabled=True)
    return f"{enrolment.application.name} is enabled in {enrolment.tenant.name}."


def require_assignment(enrolment: Enrolment, *, on: bool, now: datetime) -> str:
    _set(enrolment.there, needs_assignment=on)
    who = "Only people who are assigned to it" if on else "Everybody"
    return f"{who} may use {enrolment.application.name} in {enrolment.tenant.name}."


def assign(enrolment: Enrolment, *, people: list[Person], now: datetime) -> str:
    enrolment.there.assigned.set(enrolment.own(people))
    return f"Assigned to {enrolment.application.name}: {_names(people)}."


def delay(enrolment: Enrolment, *, seconds: int, now: datetime) -> str:
    _set(enrolment.there, ready_at=now + timedelta(seconds=seconds))
    return f"For {seconds} s client credentials are refused, as if consent were still on its way."


def _set(principal: ServicePrincipal, **values: object) -> None:
    ServicePrincipal.objects.filter(pk=principal.pk).update(**values)


def _names(people: Sequence[Person]) -> str:
    return ", ".join(person.name for person in people) or "nobody"


def _is_there(enrolment: Enrolment) -> bool:
    return enrolment.principal is not None


ACTIONS = (
    Action(
        on="principals",
        name="add",
        label="Add to the organization",
        group=PLACE,
        effect="As a consent would: it is known here, and has no permission yet.",
        do=add,
        fits=lambda enrolment: enrolment.principal is None,
    ),
    Action(
        on="principals",
        name="remove",
        label="Remove from the organization",
        group=PLACE,
        effect="Its grants and roles go with it. Client credentials and refresh tokens get AADSTS700016; people or an "
        "administrator have to consent anew.",
        do=remove,
        is_harmful=True,
        fits=_is_there,
    ),
    Action(
        on="principals",
        name="disable",
        label="Disable",
        group=PLACE,
        effect="Signing in and every token request for this organization is refused with AADSTS7000112.",
        do=disable,
        is_harmful=True,
        fits=lambda enrolment: enrolment.principal is not None and enrolment.principal.is_enabled,
    ),
    Action(
        on="principals",
        name="enable",
        label="Enable",
        group=PLACE,
        effect="Tokens are given again; consents are as they were.",
        do=enable,
        fits=lambda enrolment: enrolment.principal is not None and not enrolment.principal.is_enabled,
    ),
    Action(
        on="principals",
        name="require-assignment",
        label="Assignment required",
        group=PLACE,
        effect="With it, people who are not assigned are refused with AADSTS50105.",
        do=require_assignment,
        parameters=(
            flag(
                "on",
                "Required",
                current=lambda enrolment: enrolment.principal is not None and enrolment.principal.needs_assignment,
            ),
        ),
        is_harmful=True,
        fits=_is_there,
    ),
    Action(
        on="principals",
        name="assign",
        label="Assign people",
        group=PLACE,
        effect="Exactly these are assigned. It matters where assignment is required.",
        do=assign,
        parameters=(
            Parameter(
                name="people",
                label="Sign-in names",
                kind=Kind.PEOPLE,
                is_required=False,
                default=[],
                current=lambda enrolment: [person.sign_in_name for person in enrolment.there.assigned.all()],
            ),
        ),
        fits=_is_there,
    ),
    Action(
        on="principals",
        name="delay",
        label="Let consent travel",
        group=PLACE,
        effect="A consent takes a while to arrive everywhere: until then client credentials get AADSTS700016.",
        do=delay,
        parameters=(number("seconds", "Seconds", 60, most=86_400),),
        is_harmful=True,
        fits=_is_there,
    ),
)
