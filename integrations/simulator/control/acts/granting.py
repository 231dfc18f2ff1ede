"""What an organization and its people allow an application, and take back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit
from integrations.simulator.control.subjects import Enrolment
from integrations.simulator.entra import approvals, grants
from integrations.simulator.entra.scopes import PERMISSIONS, ROLES
from integrations.simulator.models import Grant, Person

GRANTS = "What it may"


def grant(enrolment: Enrolment, *, scopes: list[str], person: Person | None, now: datetime) -> str:
    """Delegated permissions, for one person or for everybody."""
    _known(scopes, PERMISSIONS, "delegated permission")
    if person is None:
        grants.allow_for_all(enrolment.application, enrolment.tenant, scopes, (), now=now)
        approvals.settle(str(enrolment.tenant.tid), str(enrolment.application.client_id))
    else:
        grants.allow(enrolment.application, enrolment.own([person])[0], scopes, now=now)
    return f"{person.name if person else 'Everybody'} has allowed {enrolment.application.name}: {', '.join(scopes)}."


def narrow(enrolment: Enrolment, *, scopes: list[str], person: Person | None, now: datetime) -> str:
    with transaction.atomic():
        for one in _grants(enrolment, person):
            one.scopes = [scope for scope in one.scopes if scope in scopes]
            if one.scopes:
                one.save(update_fields=["scopes"])
            else:
                one.delete()
    return f"Of {_whose(person)} grants {', '.join(scopes)} are left. The next token carries no more."


def delete_grant(enrolment: Enrolment, *, person: Person | None, now: datetime) -> str:
    for one in _grants(enrolment, person):
        one.delete()
    return (
        f"{_whose(person, at_start=True)} grants to {enrolment.application.name} are deleted: AADSTS65001 at "
        f"the next refresh."
    )


def grant_roles(enrolment: Enrolment, *, roles: list[str], now: datetime) -> str:
    _known(roles, ROLES, "application permission")
    grants.allow_for_all(enrolment.application, enrolment.tenant, (), roles, now=now)
    return f"{enrolment.application.name} may on its own: {', '.join(roles)}."


def remove_roles(enrolment: Enrolment, *, roles: list[str], now: datetime) -> str:
    mine = enrolment.there.roles.all()
    if roles:
        mine = mine.filter(name__in=[role.rpartition("/")[2] for role in roles])
    if not mine.delete()[0]:
        raise Unfit(f"{enrolment.application.name} has no such role.", 404)
    return f"{enrolment.application.name} has lost {', '.join(roles) or 'all its roles'}. Its next token lacks them."


def _known(names: Sequence[str], known: object, what: str) -> None:
    if not names:
        raise Unfit(f"Name at least one {what}.")
    for name in names:
        if name not in known:  # type: ignore[operator]
            raise Unfit(f"“{name[:100]}” is no {what} that is simulated.")


def _grants(enrolment: Enrolment, person: Person | None) -> Sequence[Grant]:
    found = list(enrolment.there.grants.filter(person=person))
    if not found:
        raise Unfit(f"{enrolment.application.name} has no such grant.", 404)
    return found


def _whose(person: Person | None, *, at_start: bool = False) -> str:
    if person is not None:
        return f"{person.name}’s"
    return "The organization’s" if at_start else "the organization’s"


def _is_there(enrolment: Enrolment) -> bool:
    return enrolment.principal is not None


_PERSON = Parameter(
    name="person",
    label="Person",
    kind=Kind.PERSON,
    is_required=False,
    hint="Empty: the grant for the whole organization.",
)
_SCOPES = Parameter(name="scopes", label="Delegated permissions", kind=Kind.WORDS)
_ROLES = Parameter(name="roles", label="Application permissions", kind=Kind.WORDS)


ACTIONS = (
    Action(
        on="principals",
        name="grant",
        label="Grant delegated permissions",
        group=GRANTS,
        effect="As a consent: they add to what is granted, and count from the next token on.",
        do=grant,
        parameters=(_SCOPES, _PERSON),
    ),
    Action(
        on="principals",
        name="narrow-grant",
        label="Narrow a grant",
        group=GRANTS,
        effect="Of one grant only these permissions are left. Refreshing with a scope that is gone gets AADSTS65001; "
        "Graph answers 403 where the next token lacks it.",
        do=narrow,
        parameters=(_SCOPES, _PERSON),
        is_harmful=True,
        fits=_is_there,
    ),
    Action(
        on="principals",
        name="delete-grant",
        label="Delete a grant",
        group=GRANTS,
        effect="As an administrator deletes a consent: AADSTS65001 at the next refresh. Access tokens live to "
        "their end.",
        do=delete_grant,
        parameters=(_PERSON,),
        is_harmful=True,
        fits=_is_there,
    ),
    Action(
        on="principals",
        name="grant-roles",
        label="Grant application permissions",
        group=GRANTS,
        effect="As an administrator’s consent: the application may do this on its own, in all mailboxes, from its next "
        "token on.",
        do=grant_roles,
        parameters=(_ROLES,),
    ),
    Action(
        on="principals",
        name="remove-roles",
        label="Remove application permissions",
        group=GRANTS,
        effect="The next app-only token lacks them, and Graph answers 403. Tokens from before keep them to their end.",
        do=remove_roles,
        parameters=(
            Parameter(
                name="roles",
                label="Application permissions",
                kind=Kind.WORDS,
                is_required=False,
                default=[],
                hint="Empty: all.",
            ),
        ),
        is_harmful=True,
        fits=lambda enrolment: enrolment.principal is not None and enrolment.principal.roles.exists(),
    ),
)
