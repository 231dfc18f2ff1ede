"""What opens a connection's mailbox: its person's own access, or that which an organization gave for all of its own.

A server of the organization's own gives no tokens: there a token is "", and the password, or the impersonation account,
is opened where it is used.
"""

from __future__ import annotations

from datetime import datetime

from integrations import failures, fitting, states, tokens
from integrations.contracts import CalendarProvider
from integrations.exchange import mailboxes as by_ews
from integrations.exchange import server_checks
from integrations.failures import Failure
from integrations.microsoft.graph import mailboxes
from integrations.microsoft.graph.provider import GraphCalendar
from integrations.models import Connection, State, TenantLink, Trouble
from integrations.organization import sounding, tenant_tokens
from integrations.preferences import Api, Service


def mailbox_of(connection: Connection) -> str:
    """Where in Graph it is."""
    return sounding.path_of(connection) if connection.is_by_organization else mailboxes.OWN


def calendar_of(connection: Connection, token: str) -> CalendarProvider:
    """Raises `CalendarError` where what is kept for it does not open."""
    if connection.api == Api.EWS.value:
        return by_ews.calendar_of(connection, token)
    return GraphCalendar(token, mailbox_of(connection))


def held(connection: Connection, *, now: datetime) -> str | None:
    """A token that lasts, if there is one. Nobody outside is asked."""
    if has_no_tokens(connection):
        return ""
    if not connection.is_by_organization:
        return tokens.held_token(connection, now=now)
    link = connection.link
    return tenant_tokens.held(link, now=now) if link is not None else None


def token(connection: Connection, *, now: datetime) -> str:
    """One that lasts, asked for if need be. Raises `tokens.Busy`, `tokens.NotAlive`, `CalendarError`."""
    if has_no_tokens(connection):
        return _none_of(connection, now=now)
    if not connection.is_by_organization:
        return tokens.access_token(connection, now=now)
    return tenant_tokens.access_token(_link_of(connection, now=now), now=now)


def taken_at(connection: Connection) -> datetime | None:
    """When the token that is held was asked for."""
    if has_no_tokens(connection):
        return None
    if not connection.is_by_organization:
        return connection.refreshed_at
    return connection.link.roles_at if connection.link else None


def forget(connection: Connection) -> None:
    """Microsoft refused the token before its time."""
    if has_no_tokens(connection):
        return
    if not connection.is_by_organization:
        tokens.forget_access(connection)
    elif connection.link:
        tenant_tokens.forget(connection.link)


def what_it_means(connection: Connection, failure: Failure) -> Failure:
    """What an answer means to a token that is as new as can be: a person may be wanted again, an application never."""
    return failure if connection.is_by_organization else failures.of_a_fresh_token(failure)


def is_waiting(connection: Connection, *, now: datetime) -> bool:
    """Passing trouble was met, its own or of its organization, and the time of the next attempt has not come."""
    if states.is_waiting(connection, now=now):
        return True
    link = connection.link if connection.is_by_organization else None
    return link is not None and tenant_tokens.is_waiting(link, now=now)


def has_no_tokens(connection: Connection) -> bool:
    return connection.service == Service.EXCHANGE.value


def is_for_its_server(connection: Connection) -> bool:
    """The trouble is of all who are connected by that server, whose own checks end it."""
    is_in_trouble = connection.state in (State.DEGRADED, State.PAUSED) and connection.trouble == Trouble.SIGN_IN
    return has_no_tokens(connection) and is_in_trouble


def _none_of(connection: Connection, *, now: datetime) -> str:
    """Whether it may be asked at all: the settings as they are now, and its server's impersonation account."""
    allowed = fitting.as_allowed(connection, now=now)
    if allowed.state not in states.RENEWABLE or is_for_its_server(allowed) or not server_checks.may_be_asked(allowed):
        raise tokens.NotAlive
    return ""


def _link_of(connection: Connection, *, now: datetime) -> TenantLink:
    """The settings may have changed since the connection was read, and no worker may have applied them. While all of
    the organization is paused, only its own checks ask."""
    allowed = fitting.as_allowed(connection, now=now)
    if allowed.state not in states.RENEWABLE or allowed.state == State.PAUSED or allowed.link is None:
        raise tokens.NotAlive
    return allowed.link
