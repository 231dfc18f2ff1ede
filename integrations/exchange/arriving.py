"""What a worker makes of a way to a server of the organization's own: allowed, opened, connected.

A password that the server refuses is not tried again. Nothing is kept of a way that leads nowhere, and a connection
there is stays as it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from accounts import audit, vault
from accounts.cascade.read import held
from integrations import approvals, linking, states
from integrations.connecting import opened
from integrations.consent_steps import Ended, advance
from integrations.contracts import AuthorizationLost, CalendarError, NotEligible, Opened, Throttled, Unreachable
from integrations.exchange import identity, mailboxes, server_checks, servers
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.id_tokens import Identity
from integrations.models import Connection, ConsentRequest, Ending, ExchangeServer, ServerState, Step
from integrations.preferences import Integrations, Method

_BEING_TRIED = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code="the account is being tried")


def go_on(request: ConsentRequest, *, now: datetime) -> None:
    """Raises Ended, Overtaken, `CalendarError`."""
    if request.server is None:
        raise Ended(Ending.NOT_ALLOWED)  # an admin removed it meanwhile
    if request.step == Step.ANSWERED:
        _allow(request)
    if request.step == Step.STORED:
        found = _opened(request, request.server, now=now)
        connection = _link(request, request.server, found, now=now)
        _as_well_as_its_server(connection, request.server, found.build, now=now)


def why_no_mailbox(server_address: str, address: str, failure: Failure) -> Failure:
    """`failure` with the likeliest reason: the server itself tells everybody who has moved to Exchange Online."""
    if failure.reason is Reason.NO_MAILBOX and mailboxes.is_in_cloud(server_address, address):
        return replace(failure, reason=Reason.MOVED_TO_CLOUD)
    return failure


def _allow(request: ConsentRequest) -> None:
    """Nothing of a mailbox is asked before. Whose it is, is told by what the server calls it, and only to whoever has
    opened it."""
    address = opened(request, "answer")["address"]
    linking.check_policy(request, held(Integrations, request.user), address)
    advance(request, Step.STORED, not_before=None)


def _opened(request: ConsentRequest, server: ExchangeServer, *, now: datetime) -> Opened:
    typed = opened(request, "answer")
    try:
        if request.method == Method.IMPERSONATION.value:
            return mailboxes.probe_impersonating(_ready(server, now=now), typed["address"])
        return mailboxes.probe_password(
            server.address, user_name=typed["user_name"], password=typed["password"], address=typed["address"]
        )
    except NotEligible as problem:
        failure = why_no_mailbox(server.address, typed["address"], problem.failure)
        raise Ended(failure.reason, failure) from problem
    except CalendarError as problem:
        _look_at_the_server(request, server, problem, now=now)
        is_locked = isinstance(problem, Throttled) and problem.failure.reason is Reason.ACCOUNT_LOCKED
        if is_locked or isinstance(problem, AuthorizationLost):
            raise Ended(problem.failure.reason, problem.failure) from problem
        raise


def _ready(server: ExchangeServer, *, now: datetime) -> ExchangeServer:
    """As it is now. An account that nobody has tried yet is tried by one: everybody's attempts together would lock it.
    Raises Ended, Unreachable."""
    server.refresh_from_db()
    if server.state == ServerState.UNKNOWN and server.password:
        server_checks.check(server.pk, now=now)
        server.refresh_from_db()
    if not server_checks.is_ready(server):
        raise Ended(Reason.IMPERSONATION_ENDED)
    if server.state == ServerState.UNKNOWN:
        raise Unreachable(_BEING_TRIED)
    return server


def _as_well_as_its_server(connection: Connection, server: ExchangeServer, build: str, *, now: datetime) -> None:
    """A mailbox has just opened, so whatever kept people from the server itself is over. What is said of its
    impersonation account may have been said in this moment."""
    server.refresh_from_db()
    if server.build != build:
        servers.named(server, build)
    if server.state == ServerState.PAUSED and server.reason in states.OF_THE_SERVER:
        states.server_reached(server, now=now)
        server_checks.at_once(server.pk, now=now)
    else:
        states.as_its_server([connection.pk], now=now)


def _look_at_the_server(
    request: ConsentRequest, server: ExchangeServer, problem: CalendarError, *, now: datetime
) -> None:
    """What was said to the impersonation account is not the person's."""
    failure = problem.failure
    if request.method == Method.IMPERSONATION.value and failure.reason in server_checks.OF_THE_ACCOUNT:
        states.server_troubled(server, failure, now=now)
        raise Ended(Reason.IMPERSONATION_ENDED, replace(failure, claims="")) from problem
    if failure.reason in states.OF_THE_SERVER:
        server_checks.want(server.pk, now=now)


def _link(request: ConsentRequest, server: ExchangeServer, found: Opened, *, now: datetime) -> Connection:
    typed, person = opened(request, "answer"), request.user
    address = found.address or typed["address"]
    with linking.taking_the_row(request):
        linking.check_policy(request, held(Integrations, person), address)
        advance(request, Step.DONE, ended_at=now, claimed_until=None, not_before=None, answer="")
        connection = linking.row_for(request, _who(server, address), address, now=now)
        _keep(connection, typed)
        states.on_the_way(connection, now=now)
        connection.save()
        states.mailbox_opened(connection, now=now)
        approvals.settled(person)
        after = {"service": request.service, "method": request.method}
        audit.record(
            linking.CONNECTED, account=person.account, actor=person, on=connection, now=now, after=after, about=person
        )
    return connection


def _keep(connection: Connection, typed: dict[str, str]) -> None:
    """What opens it from now on, and nothing of what opened another mailbox before. A late answer about that one finds
    another `token_version`."""
    for name, value in states.NO_TOKENS.items():
        setattr(connection, name, value)
    connection.token_version += 1
    connection.lease_until = connection.lease_holder = connection.interrupted_at = None
    connection.calendar_write = connection.contacts_write = False
    connection.granted, connection.withheld = [], []
    connection.user_name = typed.get("user_name", "")
    is_own = connection.method == Method.PASSWORD.value
    connection.opened_for = "" if is_own else typed["address"]
    if password := typed.get("password"):
        connection.password = vault.seal(password, bound_to=vault.place_of(connection, "password"))


def _who(server: ExchangeServer, address: str) -> Identity:
    return Identity(identity.server_id(server.address), identity.mailbox_id(server.address, address), address)
