"""For which mailboxes an application's permissions count: Exchange's roles, and the older access policy."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit, choice
from integrations.simulator.control.subjects import Enrolment
from integrations.simulator.entra.roles import SCOPABLE
from integrations.simulator.models import AccessPolicy, Person, ScopedRole

GROUP = "Which mailboxes"
PREFIX = "Application "


def scope(enrolment: Enrolment, *, role: str, people: list[Person], now: datetime) -> str:
    """RBAC for Applications: `New-ManagementRoleAssignment -App … -CustomResourceScope …`."""
    name = role.removeprefix(PREFIX)
    if name not in SCOPABLE:
        raise Unfit(f"“{role[:100]}” is no application permission that is simulated.")
    with transaction.atomic():
        scoped, _ = ScopedRole.objects.get_or_create(service_principal=enrolment.there, name=name)
        scoped.people.set(enrolment.own(people))
    return f"{enrolment.application.name} may {name} in the mailboxes of {_names(people)}."


def remove_scope(enrolment: Enrolment, *, role: str, now: datetime) -> str:
    name = role.removeprefix(PREFIX)
    if not enrolment.there.scoped_roles.filter(name__in=(name, PREFIX + name)).delete()[0]:
        raise Unfit(f"{enrolment.application.name} has no such scoped role.", 404)
    return f"{enrolment.application.name} has lost its scoped role {name}."


def restrict(enrolment: Enrolment, *, kind: str, people: list[Person], now: datetime) -> str:
    with transaction.atomic():
        policy, _ = AccessPolicy.objects.update_or_create(service_principal=enrolment.there, defaults={"kind": kind})
        policy.people.set(enrolment.own(people))
    return f"{AccessPolicy.Kind(kind).label}: {_names(people)}."


def unrestrict(enrolment: Enrolment, *, now: datetime) -> str:
    AccessPolicy.objects.filter(service_principal=enrolment.there).delete()
    return f"{enrolment.application.name} has no access policy any more."


def _names(people: list[Person]) -> str:
    return ", ".join(person.name for person in people) or "nobody"


_PEOPLE = Parameter(name="people", label="Sign-in names", kind=Kind.PEOPLE, is_required=False, default=[])
_ROLE = Parameter(name="role", label="Permission", hint="Such as Calendars.ReadWrite.")


def _is_there(enrolment: Enrolment) -> bool:
    return enrolment.principal is not None


ACTIONS = (
    Action(
        on="principals",
        name="scope",
        label="Scope to mailboxes",
        group=GROUP,
        effect="RBAC for Applications: the permission counts in these mailboxes. It adds to what Entra grants: "
        "take the "
        "tenant-wide role away as well. The token carries no role for it; a client has to try a mailbox.",
        do=scope,
        parameters=(_ROLE, _PEOPLE),
        fits=_is_there,
    ),
    Action(
        on="principals",
        name="remove-scope",
        label="Remove a scoped role",
        group=GROUP,
        effect="Graph answers 403 where nothing else allows it.",
        do=remove_scope,
        parameters=(_ROLE,),
        is_harmful=True,
        fits=lambda enrolment: enrolment.principal is not None and enrolment.principal.scoped_roles.exists(),
    ),
    Action(
        on="principals",
        name="access-policy",
        label="Set an access policy",
        group=GROUP,
        effect="The older way: takes mailboxes away from what Entra grants. Graph answers 403 with [RAOP] there.",
        do=restrict,
        parameters=(
            choice("kind", "Which", {str(value): str(label) for value, label in AccessPolicy.Kind.choices}),
            _PEOPLE,
        ),
        is_harmful=True,
        fits=_is_there,
    ),
    Action(
        on="principals",
        name="remove-access-policy",
        label="Remove the access policy",
        group=GROUP,
        effect="What Entra grants counts in all mailboxes again.",
        do=unrestrict,
        fits=lambda enrolment: (
            AccessPolicy.objects.filter(service_principal=enrolment.principal).exists()
            if enrolment.principal
            else False
        ),
    ),
)
