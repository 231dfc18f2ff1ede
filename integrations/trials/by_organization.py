"""The steps where an Office 365 admin sets the integration up for everybody: nobody signs in, so nobody is waited for
but our own workers."""

from __future__ import annotations

from django.utils.html import format_html

from accounts.domain_names import domain_of
from accounts.models import User
from accounts.templatetags.ui import local_moment
from integrations.diagnosis import organization_remedies
from integrations.health import REMOVED
from integrations.models import ALIVE, Connection, LinkState, Move, State, TenantLink
from integrations.preferences import Method
from integrations.trials import advice
from integrations.trials.model import Mark, Name, Step

# Names the way, as the id of a consent does where people sign in.
WAY = "organization"

_NOT_YET = (State.DISCONNECTED, State.AWAITING_ADMIN, State.NEEDS_REAUTH)
_SAYS = {
    Name.AUTHORIZED: "An Office 365 admin has authorized Meridian for {domain}",
    Name.MATCHED: "A mailbox of the organization is {name}’s",
    Name.CONNECTED: "{name} is connected",
}
_WAITED = "A worker looks through the directory and asks the mailbox; a new person is found within some minutes."
_BEGIN = "An owner or an admin of this account begins it with Authorize and Save, in the settings."
_DOMAIN = (
    "An admin of this account verifies {domain} as an associated domain, or corrects the address; then an Office 365 "
    "admin authorizes Meridian."
)
_MOVED = "Connected by themselves; that goes on until the organization’s authorization opens the same mailbox."
_REFUSED = "Connected by themselves, which stays: the organization’s authorization does not open the same mailbox."
_MATCHES = "The Microsoft 365 admin can tell whether Meridian may into that mailbox. Meridian looks again by itself."


def link_of(person: User, connection: Connection | None = None) -> TenantLink | None:
    """The authorization that is used for addresses of the person's domain: of several that by which they are connected,
    or that for Graph. One query."""
    domain, theirs = domain_of(person.email), connection.link_id if connection else None
    open_ones = TenantLink.objects.filter(account=person.account_id, ended_at=None).order_by("linked_at", "pk")
    links = sorted(open_ones, key=lambda link: (link.pk != theirs, link.is_by_ews))
    return next((link for link in links if domain in link.domains), None)


def is_connected(connection: Connection | None) -> bool:
    return (
        connection is not None
        and connection.is_by_organization
        and connection.state in ALIVE
        and connection.state != State.CONNECTING
    )


def is_the_way(method: Method, connection: Connection | None) -> bool:
    """Also where people have set it up themselves since, while the organization still connects this one."""
    return method is Method.APPLICATION_PERMISSIONS or is_connected(connection)


def of(person: User, link: TenantLink | None, connection: Connection | None) -> list[Step]:
    authorized = _authorized(person, link)
    if authorized.mark is not Mark.DONE:
        return [authorized, *(_next(name, person) for name in (Name.MATCHED, Name.CONNECTED))]
    if connection is not None and connection.state in ALIVE and not connection.is_by_organization:
        return [authorized, _of_their_own(person, connection), _next(Name.CONNECTED, person)]
    if connection is None or not connection.is_by_organization or connection.state in _NOT_YET:
        return [authorized, _step(Name.MATCHED, Mark.NOW, person, _WAITED), _next(Name.CONNECTED, person)]
    return [authorized, *_found(person, connection)]


def _authorized(person: User, link: TenantLink | None) -> Step:
    if link is None:
        todo = f"{_DOMAIN.format(domain=domain_of(person.email))} {_BEGIN}"
        return _step(Name.AUTHORIZED, Mark.FAILED, person, "No authorization is used for that domain.", todo)
    if link.state == LinkState.PAUSED:
        todo = organization_remedies.of(State.PAUSED, link.reason, is_removed=link.code in REMOVED).says(str(person))
        return _step(Name.AUTHORIZED, Mark.FAILED, person, advice.why(link.reason), todo)
    if link.state == LinkState.DEGRADED:
        return _step(Name.AUTHORIZED, Mark.NOW, person, advice.why(link.reason))
    return _step(Name.AUTHORIZED, Mark.DONE, person, format_html("Since {}.", local_moment(link.linked_at)))


def _found(person: User, connection: Connection) -> list[Step]:
    why = advice.why(connection.reason) if connection.reason else ""
    todo = organization_remedies.of(State(connection.state), connection.reason).says(str(person))
    if connection.state == State.NOT_ELIGIBLE:
        return [_step(Name.MATCHED, Mark.FAILED, person, why, todo), _next(Name.CONNECTED, person)]
    matched = _step(Name.MATCHED, Mark.DONE, person, connection.address)
    if connection.state == State.BLOCKED_BY_POLICY:
        return [matched, _step(Name.CONNECTED, Mark.FAILED, person, why, todo)]
    if not is_connected(connection):
        return [matched, _step(Name.CONNECTED, Mark.NOW, person, why)]
    says = "" if connection.state == State.CONNECTED else f"{connection.get_state_display()}: {why}"
    return [matched, _step(Name.CONNECTED, Mark.DONE, person, says)]


def _of_their_own(person: User, connection: Connection) -> Step:
    """They had connected it themselves before."""
    if connection.move == Move.REFUSED:
        return _step(Name.MATCHED, Mark.FAILED, person, _REFUSED, _MATCHES)
    return _step(Name.MATCHED, Mark.NOW, person, _MOVED)


def _next(name: Name, person: User) -> Step:
    return _step(name, Mark.NEXT, person)


def _step(name: Name, mark: Mark, person: User, explains: str = "", todo: str = "") -> Step:
    says = _SAYS[name].format(name=person, domain=domain_of(person.email))
    return Step(name, mark, says, explains, todo)
