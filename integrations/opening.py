"""The one way to somebody's calendar for the floors above: a connection, opened."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.cascade.read import held
from accounts.models import User
from accounts.nudging import nudge
from integrations import access, fitting, states, tokens
from integrations.contracts import CalendarError, CalendarProvider
from integrations.exchange import server_checks
from integrations.failures import Outcome, Reason
from integrations.models import Connection, State, Trouble
from integrations.organization import link_checks
from integrations.preferences import Integrations
from integrations.tasks import check_link, check_one, refresh_one

BRAND_NEW = timedelta(seconds=10)  # an access token this young cannot have expired
USED_EVERY = timedelta(hours=1)  # how exactly it is written down that somebody looked


class NotNow(Exception):
    """Microsoft asked us to wait, or does not answer; a worker tries again by itself."""


class TokenPending(Exception):
    """A worker has been asked for a fresh token; look again in a moment."""


def connection_of(person: User, *, now: datetime) -> Connection | None:
    """As the settings allow it now; look at `state`. None: never connected."""
    return fitting.settled(person, held(Integrations, person), now=now)


def open_calendar(connection: Connection, *, now: datetime) -> CalendarProvider:
    """For pages: never waits for Microsoft. `connection` must be alive.

    Raises TokenPending after asking a worker, NotNow while it would be rude or useless to ask.
    """
    waits = access.is_waiting(connection, now=now)
    if waits and connection.reason in states.ASKED_TO_WAIT and connection.trouble != Trouble.SIGN_IN:
        raise NotNow
    if access.is_for_its_server(connection):
        raise NotNow
    if connection.is_by_organization and connection.state == State.PAUSED:
        raise NotNow  # all of the organization is; its own check ends it
    if connection.last_used_at is None or now - connection.last_used_at > USED_EVERY:
        Connection.objects.filter(pk=connection.pk).update(last_used_at=now)
    token = access.held(connection, now=now)
    if token is None and waits:
        raise NotNow
    if token is None:
        ask_for_token(connection, now=now)
        raise TokenPending
    return access.calendar_of(connection, token)


def ask_for_token(connection: Connection, *, now: datetime) -> None:
    """Nudge a worker; should the nudge be lost, the sweep finds the connection, or its organization, due."""
    if connection.is_by_organization:
        if connection.link_id and link_checks.want(connection.link_id, now=now):
            nudge(check_link, link_id=connection.link_id)
    elif tokens.want_refresh(connection, now=now):
        nudge(refresh_one, connection_id=connection.pk)


def report(connection: Connection, problem: CalendarError, *, now: datetime) -> None:
    """File what went wrong while reading, so that the profile tells the truth.

    Raises TokenPending where only the access token was refused: the next one tells whether it is the grant that is
    gone. Where this one was fresh a worker finds out, and files it: a page that forgot each new one would go round in
    circles.
    """
    if problem.failure.reason == Reason.TOKEN_REFUSED and not states.is_waiting(connection, now=now):
        taken_at = access.taken_at(connection)
        if taken_at is not None and now - taken_at < BRAND_NEW:
            nudge(check_one, connection_id=connection.pk)
        else:
            access.forget(connection)
            ask_for_token(connection, now=now)
        raise TokenPending from problem
    failure = access.what_it_means(connection, problem.failure)
    if access.has_no_tokens(connection) and server_checks.settle(connection, failure, now=now):
        return
    is_known = failure.outcome is not Outcome.AUTHORIZATION_LOST and states.is_waiting(connection, now=now)
    if is_known and not failure.retry_after:
        return  # somebody who looks again and again must not put the next attempt off
    states.went_wrong(connection, failure, now=now, of=Trouble.MAILBOX)
    if connection.is_by_organization and states.kept_out_by(failure):
        nudge(check_one, connection_id=connection.pk)  # is it this mailbox, or the whole consent?


def report_success(connection: Connection, *, now: datetime) -> None:
    states.went_well(connection, now=now, of=Trouble.MAILBOX)
