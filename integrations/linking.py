"""The account at Microsoft and the person's one connection: whose it is, whether it may be, and the row that takes it.

Identity is (tenant, object id), never an address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.cascade.facts import Held
from accounts.cascade.read import held
from accounts.domain_names import domain_of
from accounts.models import User
from integrations import agreeing, approvals, probing, scopes, states, tokens
from integrations.connecting import is_bound, may_go_to_graph, opened, why_ews_stopped
from integrations.consent_steps import Ended, Overtaken, advance, end
from integrations.failures import Failure
from integrations.leaving_ews import pasts
from integrations.microsoft import id_tokens
from integrations.models import Connection, ConsentRequest, Ending, Move, State, Step, TenantLink
from integrations.policy import Obstacle, may_connect
from integrations.preferences import Api, Integrations, Method, Service
from integrations.ways import Way

log = structlog.get_logger(__name__)

CONNECTED = audit.declare("calendar.connected", "{actor} connected {target}.", personal_target=True)

_ENDINGS = {Obstacle.DOMAIN: Ending.ANOTHER_DOMAIN}


def identify(request: ConsentRequest) -> None:
    """Who signed in, proved by the id_token; from here on nothing else says who it is. Raises Ended, Unreachable."""
    kept = agreeing.kept_by(request)
    try:
        who = id_tokens.identify(kept.tokens.id_token, nonce=opened(request, "flow")["nonce"])
    except id_tokens.Untrusted as problem:
        log.warning("consent.untrusted", consent=str(request.pk), check=str(problem))
        raise Ended(Ending.UNTRUSTED) from problem
    proved = replace(kept, who=who, tokens=replace(kept.tokens, id_token=""))
    agreeing.keep(request, Step.IDENTIFIED, proved, flow="")


def allow(request: ConsentRequest, *, now: datetime) -> None:
    """May this account be this person's connection? Nothing of a mailbox is opened before. Raises Ended,
    `CalendarError`."""
    who = _who(agreeing.kept_by(request))
    holding = held(Integrations, request.user)
    address = who.username
    if holding.values.enabled and holding.values.domains.is_on:
        # The name people sign in with is often of another domain than their mailbox.
        address = probing.address_of(request, now=now) or address
    check_policy(request, holding, address)
    check_whose(request, who)
    advance(request, Step.STORED, not_before=None)


def link(request: ConsentRequest, address: str, *, now: datetime) -> None:
    """The mailbox has opened: the connection, new or as it was, takes the tokens. Raises Ended, Overtaken."""
    with taking_the_row(request):
        kept, person = agreeing.kept_by(request), request.user
        address = address or _who(kept).username
        check_policy(request, held(Integrations, person), address)
        advance(request, Step.DONE, ended_at=now, claimed_until=None, not_before=None, tokens="")
        connection = _stored(request, kept, address, now=now)
        states.mailbox_opened(connection, now=now)
        approvals.settled(person)
        after = {"calendar_write": connection.calendar_write, "contacts_write": connection.contacts_write}
        audit.record(CONNECTED, account=person.account, actor=person, on=connection, now=now, after=after, about=person)


def link_without_mailbox(request: ConsentRequest, failure: Failure, *, now: datetime) -> None:
    """Whoever has no mailbox yet is kept in view, for one may appear; a connection there is stays as it was. Raises
    Ended, Overtaken."""
    with taking_the_row(request):
        if is_bound(_locked(request), way_of(request)):
            raise Ended(failure.reason, failure)
        kept = agreeing.kept_by(request)
        if not end(request, failure.reason, failure, now=now):
            raise Overtaken
        connection = _stored(request, kept, _who(kept).username, now=now)
        states.went_wrong(connection, failure, now=now)


@contextmanager
def taking_the_row(request: ConsentRequest) -> Iterator[None]:
    """One transaction. The person first, as everything does that ends somebody's access: two that lock in one order
    cannot block each other, and two first connections at once would not find each other's row."""
    try:
        with transaction.atomic():
            if User.objects.select_for_update(no_key=True).filter(pk=request.user_id).first() is None:
                raise Overtaken  # deleted meanwhile
            yield
    except IntegrityError as problem:
        # The constraint a_mailbox_is_connected_once: found by the database, so that a race cannot pass it.
        raise Ended(Ending.TAKEN) from problem


def way_of(request: ConsentRequest) -> Way:
    server = request.server.address if request.server else ""
    return Way(Service(request.service), Api(request.api), Method(request.method), server)


def check_whose(request: ConsentRequest, who: id_tokens.Identity) -> None:
    """The account that the person had, where they can only renew, and nobody else's. Raises Ended."""
    check_own(Connection.objects.filter(user=request.user_id).select_related("server").first(), who, way_of(request))
    others = Connection.objects.exclude(user=request.user_id).exclude(state=State.DISCONNECTED)
    if others.filter(tenant_id=who.tenant_id, object_id=who.object_id).exists():
        raise Ended(Ending.TAKEN)


def check_own(connection: Connection | None, who: id_tokens.Identity, way: Way) -> None:
    """Raises Ended."""
    if connection and is_bound(connection, way) and not is_same(connection, who):
        raise Ended(Ending.ANOTHER_ACCOUNT)


def is_same(connection: Connection, who: id_tokens.Identity) -> bool:
    return (connection.tenant_id, connection.object_id) == (who.tenant_id, who.object_id)


def check_policy(request: ConsentRequest, holding: Held[Integrations], address: str) -> None:
    """The settings may have changed since it began. Raises Ended."""
    # An account of which nobody knows a domain is of none that is listed.
    ticks = {"calendar_write": request.calendar_write, "contacts_write": request.contacts_write}
    wish = way_of(request).wish(**ticks, domain=domain_of(address) or "unknown")
    obstacle = may_connect(holding.values, wish)
    if obstacle and not (obstacle is Obstacle.ANOTHER_API and _leaves_ews(request, holding, **ticks)):
        raise Ended(_ENDINGS.get(obstacle, Ending.NOT_ALLOWED))


def _leaves_ews(request: ConsentRequest, holding: Held[Integrations], **ticks: bool) -> bool:
    """By Graph, though the settings say EWS: it has stopped for them."""
    connection = Connection.objects.filter(user=request.user_id).exclude(state=State.DISCONNECTED).first()
    earlier = ConsentRequest.objects.filter(user=request.user_id, created_at__lt=request.created_at)
    reason = why_ews_stopped(connection, earlier.order_by("-created_at", "-id").first())
    return request.api == Api.GRAPH.value and may_go_to_graph(holding, connection, reason, **ticks)


def _locked(request: ConsentRequest) -> Connection | None:
    found = Connection.objects.select_for_update(of=("self",)).select_related("server")
    return found.filter(user=request.user_id).first()


def _stored(request: ConsentRequest, kept: agreeing.Kept, address: str, *, now: datetime) -> Connection:
    who, granted = _who(kept), scopes.bare(kept.tokens.scopes)
    connection = row_for(request, who, address, now=now)
    connection.move = _move(request, who)
    wish = {"calendar_write": request.calendar_write, "contacts_write": request.contacts_write}
    connection.calendar_write = request.calendar_write and scopes.may_write_calendar(granted)
    connection.contacts_write = request.contacts_write and scopes.may_write_contacts(granted)
    connection.withheld = scopes.withheld(granted, **wish) if request.api == Api.GRAPH.value else []
    states.on_the_way(connection, now=now)
    connection.save()
    stored = tokens.store(connection, replace(kept.tokens, scopes=tuple(granted)), asked_at=kept.asked_at)
    assert stored, "the row is locked by this transaction"  # noqa: S101
    return connection


def row_for(request: ConsentRequest, who: id_tokens.Identity, address: str, *, now: datetime) -> Connection:
    """The person's row, locked, as it is to become: another mailbox, another way. Not saved yet. Raises Ended."""
    connection = _locked(request) or Connection.objects.create(user=request.user, since_at=now)
    check_own(connection, who, way_of(request))
    if request.api == Api.GRAPH.value:
        pasts.keep([connection], now=now)  # so that whoever leaves EWS by it can go back
    if not is_same(connection, who):
        connection.connected_at = connection.last_good_at = None
    connection.tenant_id, connection.object_id, connection.address = who.tenant_id, who.object_id, address
    # From here on it is the person's own, also where the organization has carried it until now.
    connection.service, connection.api, connection.method = request.service, request.api, request.method
    connection.server, connection.user_name, connection.password = request.server, "", ""
    connection.link, connection.move = None, Move.UNKNOWN.value
    connection.last_used_at, connection.claims = now, ""
    return connection


def _move(request: ConsentRequest, who: id_tokens.Identity) -> str:
    """Where its organization has consented, it may stay until it is moved, from the first moment on."""
    links = TenantLink.objects.filter(account=request.user.account_id, tenant_id=who.tenant_id, ended_at=None)
    links = links.filter(api=request.api)
    return Move.READY.value if links.exclude(domains=[]).exists() else Move.UNKNOWN.value


def _who(kept: agreeing.Kept) -> id_tokens.Identity:
    assert kept.who is not None, "linked only after the identity was proved"  # noqa: S101
    return kept.who
