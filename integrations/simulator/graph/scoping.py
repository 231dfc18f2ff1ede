"""Whether this caller may do this, and whose mailbox or profile it is about: Graph's refusals in Graph's order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from integrations.simulator.entra.tenants import as_guid
from integrations.simulator.graph import directory_errors, errors
from integrations.simulator.graph.asking import Caller
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.paths import Found, Route
from integrations.simulator.graph.permissions import OF_ONESELF
from integrations.simulator.models import AccessPolicy, Person, ScopedRole, ServicePrincipal
from integrations.simulator.prepared import Prepared

_BY_OID = Prepared(
    lambda tenant, oid: Person.objects.filter(tenant_id=tenant, oid=oid, deleted_at=None),
    int,
    UUID,
)
_SCOPED = Prepared(
    lambda principal, person: ScopedRole.objects.filter(service_principal_id=principal, people__pk=person),
    int,
    int,
)
_PRINCIPAL = Prepared(
    lambda tenant, client_id: ServicePrincipal.objects.filter(
        tenant_id=tenant, application__client_id=client_id
    ).select_related("access_policy"),
    int,
    UUID,
)


def somebody(caller: Caller, who: str) -> Person | None:
    """By object id or user principal name; deleted people are not found."""
    mine = caller.person
    if mine and who.lower() in (str(mine.oid), mine.upn.lower()):
        return None if mine.deleted_at else mine
    guid = as_guid(who)
    if guid:
        found = _BY_OID.first(caller.tenant.pk, guid)
    else:
        found = Person.objects.filter(tenant=caller.tenant, deleted_at=None, upn__iexact=who).first()
    if found:
        found.tenant = caller.tenant
    return found


def about(caller: Caller, found: Found) -> Person | None:
    """None where the path speaks of nobody, or of somebody who is not there."""
    if found.who:
        return somebody(caller, found.who)
    if found.who == "" and caller.person is None:
        raise errors.only_delegated().because("An application has no “me”: it must say users/{id}.")
    if caller.person and caller.person.deleted_at:
        return None
    return caller.person


@dataclass(frozen=True)
class Opening:
    why: str
    """What opens the route, in a sentence."""
    granted: frozenset[str]
    """What the caller may here: what the token says, less what a policy takes away, and what Exchange adds."""


def check(route: Route, found: Found, caller: Caller, person: Person | None) -> Opening:
    """Permission first, then whether there is such a person, then whether they have a mailbox."""
    if route.is_open:
        opening = Opening("", caller.granted)
    elif caller.is_app_only and route.is_outlook:
        opening = _check_mailbox(route, caller, person)
    else:
        opening = Opening(_check_permission(route, found, caller, person), caller.granted)
    if person is None and (found.who is not None or caller.person is not None):
        raise _nobody(route, caller, found.who or "")
    if route.is_outlook and person and not person.has_mailbox:
        where = "on a server of the organization’s own" if person.mailbox == Person.Mailbox.ON_PREMISES else "nowhere"
        raise errors.no_mailbox().because(f"{person.name}’s mailbox is {where}.")
    return opening


def _check_permission(route: Route, found: Found, caller: Caller, person: Person | None) -> str:
    if caller.person is None:
        return _check_application(route, caller)
    if found.who and (person is None or person.pk != caller.person.pk):
        why = _check_other(route, caller, person)
    else:
        why = _opened(route, caller, route.delegated)
    _check_standing(route, caller.person, is_own=person is None or person.pk == caller.person.pk)
    return why


def _check_standing(route: Route, person: Person, *, is_own: bool) -> None:
    """What the person may, whatever the application may."""
    if not person.is_admin and (route.for_admins or (route.for_admins_of_others and not is_own)):
        raise errors.directory_denied().because(f"{person.name} is no administrator.")
    if person.is_guest and route.for_members:
        raise errors.directory_denied().because(f"{person.name} is a guest, who may not look round in the directory.")


def _check_other(route: Route, caller: Caller, person: Person | None) -> str:
    """A person asks about another: the directory needs a wider scope, Outlook one for what is shared with them."""
    if not route.is_outlook:
        wider = [name for name in route.delegated if name not in OF_ONESELF]
        return _opened(route, caller, wider, " to read about others")
    shared = {name if name.endswith(".Shared") else f"{name}.Shared" for name in route.delegated}
    why = _opened(route, caller, sorted(shared), " for the mailbox of another person")
    if person is not None:
        raise errors.not_in_store().because(f"{person.name} has shared nothing with {caller.person}.")
    return why


def _check_application(route: Route, caller: Caller) -> str:
    """The directory looks the calling application up, which Outlook does not."""
    principal = principal_of(caller)
    if principal is None or not principal.is_enabled:
        state = "gone from" if principal is None else "disabled in"
        raise directory_errors.no_such_application().because(
            f"The enterprise application is {state} {caller.tenant.name}."
        )
    return _opened(route, caller, route.application)


def _check_mailbox(route: Route, caller: Caller, person: Person | None) -> Opening:
    """The union of two: Entra's roles less the access policy, and Exchange's own roles with their scopes."""
    principal = principal_of(caller)
    is_kept_out = principal is not None and person is not None and is_outside(principal, person)
    of_entra = frozenset[str]() if is_kept_out else caller.granted
    of_exchange = scoped_roles(principal, person) if principal else frozenset[str]()
    both = of_entra | of_exchange
    if of_entra.intersection(route.application):
        return Opening(_opened(route, caller, route.application), both)
    if of_exchange.intersection(route.application):
        why = "A role of Exchange’s own that is scoped to this mailbox opens it; the token need not name it."
        return Opening(why, both)
    if person and caller.granted.intersection(route.application):
        raise errors.blocked_by_policy().because(f"{person.name}’s mailbox is outside the application’s access policy.")
    raise _denied(route).because(_lacks(route.application, ", nor a role that is scoped to this mailbox"))


def principal_of(caller: Caller) -> ServicePrincipal | None:
    return _PRINCIPAL.first(caller.tenant.pk, caller.client_id)


def is_outside(principal: ServicePrincipal, person: Person) -> bool:
    policy: AccessPolicy | None = getattr(principal, "access_policy", None)
    if policy is None:
        return False
    is_named = policy.people.filter(pk=person.pk).exists()
    return is_named == (policy.kind == AccessPolicy.Kind.DENY)


def scoped_roles(principal: ServicePrincipal, person: Person | None) -> frozenset[str]:
    """Exchange's roles are named like `Application Calendars.Read`. Of nobody's mailbox: of any."""
    roles = _SCOPED.all(principal.pk, person.pk) if person else principal.scoped_roles.all()
    return frozenset(role.name.removeprefix("Application ") for role in roles)


def _nobody(route: Route, caller: Caller, who: str) -> Refused:
    name = who or str(caller.person.oid if caller.person else "")
    if route.is_outlook:
        return errors.no_such_mailbox(name).because(f"Nobody in {caller.tenant.name} goes by this id or name.")
    return directory_errors.no_such_resource(name).because(f"Nobody in {caller.tenant.name} goes by this id or name.")


def _denied(route: Route) -> Refused:
    return errors.outlook_denied() if route.is_outlook else errors.directory_denied()


def _opened(route: Route, caller: Caller, permissions: Collection[str], for_what: str = "") -> str:
    for name in permissions:
        if name in caller.granted:
            return f"{name} in the token opens it."
    raise _denied(route).because(_lacks(permissions, for_what))


def _lacks(permissions: Collection[str], for_what: str = "") -> str:
    if not permissions:
        return "No permission of this kind opens this route."
    return f"The token has none of these{for_what}: {', '.join(permissions)}."
