"""Could this mailbox be opened by Graph? Asked of Microsoft, and nothing is changed by it but the refresh token, which
lives on renewed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accounts import outbound
from accounts.domain_names import domain_of
from integrations import scopes, tokens
from integrations.contracts import AppGone, AuthorizationLost, CalendarError, NotEligible, NotPermitted
from integrations.exchange import mailboxes as by_ews
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import identity, tenants
from integrations.microsoft.graph import batch, events, mailboxes, me
from integrations.models import ALIVE, Connection, Prospect, State, TenantLink
from integrations.organization import tenant_tokens
from integrations.preferences import Api, Service

ALL_OF_IT = timedelta(seconds=25)
_ANOTHER = Failure(Outcome.NOT_ELIGIBLE, Reason.AMBIGUOUS, code="another mailbox")
_LEFT_OUT = frozenset({".default"})
_GUESSED = (State.CONNECTED, State.DEGRADED)


@dataclass(frozen=True)
class Opened:
    """By the person's own access: what Graph gave, since when, and the mailbox's address there."""

    tokens: identity.Tokens = field(repr=False)
    asked_at: datetime
    address: str


@dataclass(frozen=True)
class Tried:
    outcome: Prospect
    # Of the mailbox at Microsoft, where it is known.
    tenant_id: str = ""
    failure: Failure | None = None
    opened: Opened | None = None
    # By the consent of the organization.
    link: TenantLink | None = None


def try_graph(connection: Connection, *, by_organization: bool, now: datetime) -> Tried:
    """`by_organization`: by the consent of the organization, else by the person's own. Raises nothing that belongs to
    Microsoft or to a server."""
    try:
        with outbound.deadline(ALL_OF_IT):
            if connection.service == Service.EXCHANGE.value:
                return _from_own_server(connection, by_organization=by_organization, now=now)
            if by_organization:
                return _by_organization(connection, connection.tenant_id, now=now)
            return _by_person(connection, now=now)
    except (tokens.Busy, tokens.NotAlive, tenant_tokens.Busy, tenant_tokens.NotAlive):
        return Tried(Prospect.UNKNOWN, connection.tenant_id)
    except CalendarError as problem:
        return Tried(Prospect.UNKNOWN, connection.tenant_id, problem.failure)


def link_for(connection: Connection, tenant_id: str) -> TenantLink | None:
    """The consent to Graph of the organization that the mailbox is in, if there is one that works."""
    links = TenantLink.objects.filter(account=connection.account_id, api=Api.GRAPH.value, ended_at=None)
    return links.filter(tenant_id=tenant_id).select_related("account").first() if tenant_id else None


def _by_person(connection: Connection, *, now: datetime) -> Tried:
    tenant = connection.tenant_id
    if connection.is_by_organization or not connection.refresh_token or connection.state not in ALIVE:
        return Tried(Prospect.ASKS_PERSON, tenant)
    try:
        got = tokens.redeem_for(connection, [f"{identity.graph_resource()}/.default"], now=now)
    except AuthorizationLost as problem:
        return Tried(_of_refusal(problem.failure), tenant, problem.failure)
    except AppGone as problem:
        return Tried(Prospect.NEEDS_ADMIN, tenant, problem.failure)
    if not scopes.may_read_calendar(granted(got)):
        return Tried(Prospect.ASKS_PERSON, tenant)
    return _opened(connection, got, now=now)


def granted(got: identity.Tokens) -> list[str]:
    """What Microsoft gave in Graph, by the names that another refresh may ask for."""
    return [name for name in scopes.bare(got.scopes) if name not in _LEFT_OUT]


def _of_refusal(failure: Failure) -> Prospect:
    return Prospect.NEEDS_ADMIN if failure.reason is Reason.ADMIN_APPROVAL else Prospect.ASKS_PERSON


def _opened(connection: Connection, got: identity.Tokens, *, now: datetime) -> Tried:
    token, tenant = got.access_token, connection.tenant_id
    try:
        if me.get_object_id(token) != connection.object_id:
            return Tried(Prospect.NOT_ELIGIBLE, tenant, _ANOTHER)
        address = me.get_address(token)
        next(events.view(token, now, now + timedelta(days=1), fields="id", top=1), None)
    except NotEligible as problem:
        return _without_mailbox(me.why_no_mailbox(token, problem.failure), tenant)
    except NotPermitted as problem:
        return Tried(Prospect.NEEDS_ADMIN, tenant, problem.failure)
    return Tried(Prospect.READY, tenant, opened=Opened(got, now, address or connection.address))


def _without_mailbox(failure: Failure, tenant_id: str) -> Tried:
    on_premises = failure.reason is Reason.ON_PREMISES
    return Tried(Prospect.ON_PREMISES if on_premises else Prospect.NOT_ELIGIBLE, tenant_id, failure)


def _by_organization(connection: Connection, tenant_id: str, *, now: datetime) -> Tried:
    link = link_for(connection, tenant_id)
    if link is None:
        return Tried(Prospect.NEEDS_ADMIN, tenant_id)
    token = tenant_tokens.access_token(link, now=now)
    [answer] = batch.get_each(token, [f"{mailboxes.of(_user_of(connection))}/calendar?$select=id"])
    if not isinstance(answer, Failure):
        return Tried(Prospect.READY, tenant_id, link=link)
    if answer.outcome is Outcome.NOT_ELIGIBLE:
        return _without_mailbox(answer, tenant_id)
    is_shut = answer.outcome is Outcome.NOT_PERMITTED
    return Tried(Prospect.NEEDS_ADMIN if is_shut else Prospect.UNKNOWN, tenant_id, answer)


def _user_of(connection: Connection) -> str:
    """In Graph. An own server's identity is none there."""
    is_in_graph = connection.service == Service.OFFICE_365.value
    return (connection.object_id if is_in_graph else "") or connection.address


def _from_own_server(connection: Connection, *, by_organization: bool, now: datetime) -> Tried:
    tenant = tenants.tenant_of(domain_of(connection.address))
    if not tenant:
        return Tried(Prospect.NO_TENANT)
    if not _is_in_cloud(connection):
        is_known = connection.state in _GUESSED  # it answers there
        return Tried(Prospect.ON_PREMISES if is_known else Prospect.UNKNOWN, tenant)
    if by_organization:
        return _by_organization(connection, tenant, now=now)
    return Tried(Prospect.ASKS_PERSON, tenant)


def _is_in_cloud(connection: Connection) -> bool:
    if connection.reason == Reason.MOVED_TO_CLOUD:
        return True
    server = connection.server
    return server is not None and by_ews.is_in_cloud(server.address, connection.address) is True
