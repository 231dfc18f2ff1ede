"""Whether a connection works, asked of Microsoft now: its access, and one page of its calendar.

What is found is filed, as whatever Microsoft answers is. Here, too, is looked after those whose mailbox is in trouble,
or is not there yet: their time comes as that of all others does (`refresh_due_at`), but renewing their access would
tell nothing. And after all that go by EWS, which is asked once a day whether it still answers them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from django.db import connections as databases
from django.db import transaction
from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts import audit, outbound
from accounts.cascade.read import held as held_by
from accounts.models import Account
from integrations import access, credentials, fitting, health, states, tokens
from integrations.contracts import CalendarError
from integrations.exchange import arriving, server_checks
from integrations.failures import Failure, Reason
from integrations.microsoft.graph import events, me
from integrations.models import ALIVE, Connection, LinkState, State, Trouble
from integrations.organization import by_address, link_checks, links
from integrations.policy import Obstacle, still_fits
from integrations.preferences import Api, Integrations, Method, Service
from integrations.states.organization import OF_THE_DIRECTORY
from integrations.verdicts import shape_of

log = structlog.get_logger(__name__)

IN_FLIGHT = 4
BATCH = 2 * IN_FLIGHT
CLAIM = timedelta(minutes=3)  # longer than a batch of which everything runs into its deadline
MAILBOX = timedelta(seconds=20)  # all that is asked of one mailbox at a time
TURN = timedelta(seconds=20)  # then the task ends, and the next one goes on

_BY_EWS = Q(api=Api.EWS.value, state__in=ALIVE) & ~Q(method=Method.APPLICATION_PERMISSIONS.value)
_LOOKED_AFTER = Q(state=State.NOT_ELIGIBLE) | Q(state__in=ALIVE, trouble=Trouble.MAILBOX) | _BY_EWS
_FINE = "The mailbox answered."
_GONE = "The connection is no longer there."
_NOTHING = "There is nothing to check."
_BUSY = "Its access is being renewed at this moment. Look again soon."
_LOOKED_UP = "Meridian looks in the directory again, which may take a minute."
_ON_THE_WAY = "It is being connected at this moment."


@dataclass(frozen=True)
class Finding:
    """How a connection stands after the check, in one sentence; `failure` is what Microsoft answered if it was not
    what was wanted. Without one nothing went wrong, or there was nothing to ask with."""

    state: str
    says: str
    failure: Failure | None = None
    # Microsoft was asked, and told one way or the other.
    is_asked: bool = False


def check(connection_id: int, *, now: datetime) -> Finding:
    """Ask, and file the outcome. Raises nothing that belongs to Microsoft, to the settings or to chance."""
    connection = Connection.objects.select_related("user__account", "server").filter(pk=connection_id).first()
    if connection is None:
        return Finding("", _GONE)
    if _is_for_the_directory(connection):
        return _looked_up_again(connection, now=now)
    if access.is_for_its_server(connection):
        return _of_its_server(connection, now=now)
    if not _may_be_asked(connection, now=now):
        return _as_it_stands(connection)
    try:
        failure = _failure(connection, now=now)
        return replace(_as_it_stands(connection, failure), is_asked=True)
    except tokens.Busy:
        return Finding(connection.state, _BUSY)
    except tokens.NotAlive:
        return _as_it_stands(connection)


def check_due(*, now: datetime, clock: Callable[[], datetime] = timezone.now) -> bool:
    """Those whose mailbox is to be asked now, a few at once, for one turn. True: there may be more. No time before
    `now` is believed."""
    ends = time.monotonic() + TURN.total_seconds()
    while time.monotonic() < ends:
        at = max(now, clock())
        if not (claimed := _claim_due(now=at, is_microsoft_asked=not credentials.is_refused(now=at))):
            return False
        waiting = iter(claimed)  # shared: `next` of a list's iterator is atomic, so each is taken once
        with ThreadPoolExecutor(min(IN_FLIGHT, len(claimed))) as pool:
            for _ in range(min(IN_FLIGHT, len(claimed))):
                pool.submit(_check_each, waiting, now, clock)
    return True


def give_up_disallowed(account: Account, *, now: datetime) -> int:
    """What the settings do not allow is not looked for: of those without a mailbox, the sealed access is destroyed."""
    waiting: QuerySet[Connection] = Connection.objects.filter(account=account, state=State.NOT_ELIGIBLE)
    keeping = waiting.exclude(refresh_token="", password="")
    rows = {one.pk: one for one in keeping.select_related("user__account", "server")}
    if not rows:
        return 0
    holding = fitting.holding_in(account, list(rows))
    found = ((one, still_fits(holding[one.user_id], shape_of(one))) for one in rows.values() if one.user_id in holding)
    return sum(_give_up(one, obstacle, now=now) for one, obstacle in found if obstacle)


def _claim_due(*, now: datetime, is_microsoft_asked: bool = True) -> list[int]:
    """The accounts in turn. A row is ours if we were the one to move its time. Servers of organizations' own know
    nothing of Microsoft's refusing us."""
    place = Window(RowNumber(), partition_by="account", order_by="refresh_due_at")
    found_due = Connection.objects.filter(_LOOKED_AFTER, refresh_due_at__lte=now).exclude(state=State.CONNECTING)
    if not is_microsoft_asked:
        found_due = found_due.filter(service=Service.EXCHANGE.value)
    due = found_due.annotate(place=place)
    found = list(due.order_by("place", "refresh_due_at", "pk").values_list("pk", "refresh_due_at")[:BATCH])
    later = now + CLAIM
    return [pk for pk, at in found if Connection.objects.filter(pk=pk, refresh_due_at=at).update(refresh_due_at=later)]


def _check_each(waiting: Iterator[int], now: datetime, clock: Callable[[], datetime]) -> None:
    try:
        for pk in waiting:
            try:
                check(pk, now=max(now, clock()))
            except Exception:  # one bad connection does not spoil the others; the sweep comes back to it
                log.exception("check.crashed", connection=pk)
                databases.close_all()
    finally:
        databases.close_all()


def _may_be_asked(connection: Connection, *, now: datetime) -> bool:
    if _is_its_organizations(connection, now=now):
        return False
    if connection.state != State.NOT_ELIGIBLE:
        return fitting.as_allowed(connection, now=now).is_alive and connection.state != State.CONNECTING
    if obstacle := still_fits(held_by(Integrations, connection.user), shape_of(connection)):
        _give_up(connection, obstacle, now=now)
        return False
    if access.has_no_tokens(connection):
        is_kept = connection.password or connection.method == Method.IMPERSONATION.value
        if is_kept and server_checks.may_be_asked(connection):
            return True
        # It comes back with its server; else it would be claimed again at every turn.
        later = states.next_look(now=now, spread=random.random())  # noqa: S311  not a secret
        Connection.objects.filter(pk=connection.pk, state=State.NOT_ELIGIBLE).update(refresh_due_at=later)
        return False
    return bool(connection.link_id if connection.is_by_organization else connection.refresh_token)


def _is_for_the_directory(connection: Connection) -> bool:
    """Which mailbox is the person's is not for a mailbox to tell."""
    link = connection.link if connection.is_by_organization else None
    if link is None or connection.state != State.NOT_ELIGIBLE:
        return False
    if connection.reason in OF_THE_DIRECTORY:
        return True
    return by_address.is_all_there_is(connection) and not by_address.may_be_asked(link)


def _of_its_server(connection: Connection, *, now: datetime) -> Finding:
    """All who are connected by that server come back with it, and not before."""
    if connection.server_id:
        server_checks.check(connection.server_id, now=now)
    return replace(_as_it_stands(connection), is_asked=True)


def _looked_up_again(connection: Connection, *, now: datetime) -> Finding:
    Connection.objects.filter(pk=connection.pk, state=State.NOT_ELIGIBLE).update(refresh_due_at=None)
    if connection.link:
        links.look_again(connection.link, now=now)
    stands = _as_it_stands(connection)
    return replace(stands, says=f"{stands.says} {_LOOKED_UP}")


def _is_its_organizations(connection: Connection, *, now: datetime) -> bool:
    """The trouble is of all of its organization, whose own checks end it: this mailbox has nothing to tell."""
    link = connection.link if connection.is_by_organization else None
    if link is None or link.state == LinkState.WORKING:
        return False
    if link.state == LinkState.PAUSED and connection.refresh_due_at:
        Connection.objects.filter(pk=connection.pk).update(refresh_due_at=max(link.check_due_at or now, now + CLAIM))
    return link.state == LinkState.PAUSED or (
        connection.trouble == Trouble.SIGN_IN and access.is_waiting(connection, now=now)
    )


def _give_up(connection: Connection, obstacle: Obstacle, *, now: datetime) -> int:
    subject = audit.Subject(connection, after={"reason": obstacle.value}, about=connection.user_id)
    with transaction.atomic():
        moved = states.given_up([connection.pk], obstacle, now=now)
        if moved:
            audit.record_many(fitting.ENDED, [subject], account=connection.account, actor=None, now=now)
    return moved


def _failure(connection: Connection, *, now: datetime) -> Failure | None:
    """What went wrong, filed; None, filed too, where the mailbox answered. Raises `tokens.Busy`, `tokens.NotAlive`."""
    try:
        token = access.token(connection, now=now)
        failure = _ask_mailbox(connection, token, now=now)
        if failure and failure.reason is Reason.TOKEN_REFUSED:
            # Before its time: whether the grant still holds, the next one tells.
            access.forget(connection)
            connection.refresh_from_db()
            token = access.token(connection, now=now)
            failure = _ask_mailbox(connection, token, now=now)
            failure = failure and access.what_it_means(connection, failure)
    except CalendarError as problem:
        return problem.failure  # of the access itself: filed where it happened
    if failure and access.has_no_tokens(connection) and server_checks.settle(connection, failure, now=now):
        return failure
    if failure and states.kept_out_by(failure) and connection.is_by_organization:
        link_checks.settle_refusal(connection, failure, now=now)
    elif failure:
        states.went_wrong(connection, failure, now=now, of=Trouble.MAILBOX)
    elif connection.link and by_address.is_all_there_is(connection):
        by_address.opened(connection.link, [connection], now=now)
    else:
        states.went_well(connection, now=now, of=Trouble.MAILBOX)
    return failure


def _ask_mailbox(connection: Connection, token: str, *, now: datetime) -> Failure | None:
    """By which address it goes now, and one page of its calendar, of which nothing is kept. Of an organization's own
    the addresses are followed in the directory, if it may be read."""
    if connection.api == Api.EWS.value:
        return _ask_by_ews(connection, token)
    mailbox = access.mailbox_of(connection)
    with outbound.deadline(MAILBOX):
        try:
            address = "" if connection.is_by_organization else me.get_address(token)
            next(events.view(token, now, now + timedelta(days=1), mailbox=mailbox, fields="id", top=1), None)
        except CalendarError as problem:
            return me.why_no_mailbox(token, problem.failure, mailbox)
    if address and address != connection.address:
        Connection.objects.filter(pk=connection.pk, object_id=connection.object_id).update(address=address)
    return None


def _ask_by_ews(connection: Connection, token: str) -> Failure | None:
    with outbound.deadline(MAILBOX):
        try:
            access.calendar_of(connection, token).default_calendar()
        except CalendarError as problem:
            server = connection.server
            if server is None or not access.has_no_tokens(connection):
                return problem.failure
            return arriving.why_no_mailbox(server.address, connection.address, problem.failure)
    return None


def _as_it_stands(connection: Connection, failure: Failure | None = None) -> Finding:
    found = Connection.objects.filter(pk=connection.pk).first()
    if found is None:
        return Finding("", _GONE)
    if words := health.of_connection(found):
        return Finding(found.state, words.says, failure)
    says = {State.CONNECTED: _FINE, State.CONNECTING: _ON_THE_WAY}.get(State(found.state), _NOTHING)
    return Finding(found.state, says, failure)
