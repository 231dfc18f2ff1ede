"""How a server of the organization's own stands, and its impersonation account there: asked of it, and filed.

A password that was refused is not tried again: the server would lock the account. From then on it is only asked
whether it answers, until another password is set.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q, QuerySet

from accounts import outbound
from integrations import states
from integrations.contracts import CalendarError
from integrations.exchange import mailboxes, servers
from integrations.failures import Failure, Reason
from integrations.models import Connection, ExchangeServer, ServerState, State
from integrations.preferences import Method

log = structlog.get_logger(__name__)

CHECK_EVERY = timedelta(minutes=10)
IDLE = timedelta(hours=1)  # while nobody is connected there
CLAIM = timedelta(minutes=2)  # longer than a check of which everything runs into its deadline
ALL_OF_IT = timedelta(seconds=40)
FEW, MORE = 2, 8
# So many, and all of them: then it is not about single mailboxes.
CONVINCING = 3
# What is said of the account that asked, whichever mailbox was asked for.
OF_THE_ACCOUNT = (
    Reason.PASSWORD_REFUSED,
    Reason.PASSWORD_EXPIRED,
    Reason.ACCOUNT_DISABLED,
    Reason.ACCOUNT_LOCKED,
    Reason.KEY_MISSING,
)
# With a wrong password each attempt counts; with one that has expired it may have become wrong meanwhile.
_NEVER_AGAIN = (Reason.PASSWORD_REFUSED.value, Reason.PASSWORD_EXPIRED.value)
_UNDER_WAY = (State.CONNECTED, State.DEGRADED, State.PAUSED)


@dataclass
class _Heard:
    """What mailboxes answered to the impersonation account."""

    opened: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    refusal: Failure | None = None
    # Of the account itself.
    failure: Failure | None = None


def to_check(*, now: datetime) -> list[int]:
    """The servers whose time has come, each claimed: it is ours if we were the one to move its time."""
    found = ExchangeServer.objects.filter(check_due_at__lte=now).order_by("check_due_at", "pk")
    due = list(found.values_list("pk", "check_due_at"))
    claim = {"check_due_at": now + CLAIM}
    return [pk for pk, at in due if ExchangeServer.objects.filter(pk=pk, check_due_at=at).update(**claim)]


def check_due(*, now: datetime) -> int:
    """All that are due, one after the other; answers how many."""
    ids = to_check(now=now)
    for pk in ids:
        check(pk, now=now, is_due=True)
    return len(ids)


def check(server_id: int, *, now: datetime, is_due: bool = False) -> ExchangeServer | None:
    """Ask, and file the outcome; the server as it then stands, None where it is gone. One at a time: who comes while
    another asks, changes nothing; nor does who comes, not being due, while the server has asked for a wait. Raises
    nothing that belongs to the server."""
    until = now + CLAIM
    free = ExchangeServer.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), pk=server_id)
    if free.update(claimed_until=until):
        server = ExchangeServer.objects.select_related("account").get(pk=server_id)
        try:
            if is_due or not is_waiting(server, now=now):
                with outbound.deadline(ALL_OF_IT):
                    _look(server, now=now)
        finally:
            mine = ExchangeServer.objects.filter(pk=server_id, claimed_until=until)
            mine.update(claimed_until=None, checked_at=now)
    return ExchangeServer.objects.select_related("account").filter(pk=server_id).first()


def is_waiting(server: ExchangeServer, *, now: datetime) -> bool:
    """It has asked for a wait, or has locked its account: an attempt before its time would make that longer."""
    is_asked_to = server.reason in states.ASKED_TO_WAIT and server.attempts > 0
    return is_asked_to and server.check_due_at is not None and server.check_due_at > now


def is_under_way(server: ExchangeServer, *, now: datetime) -> bool:
    """Somebody asks it, and has not filed yet what was heard."""
    return server.claimed_until is not None and server.claimed_until > now


def want(server_id: int, *, now: datetime) -> bool:
    """Make it due now. False: it is already, or it waits out trouble, which must not be cut short."""
    later = ExchangeServer.objects.filter(pk=server_id, attempts=0, check_due_at__gt=now)
    return bool(later.update(check_due_at=now))


def at_once(server_id: int, *, now: datetime) -> None:
    """Make it due now, whatever it waits for: it is known to answer."""
    ExchangeServer.objects.filter(pk=server_id).update(check_due_at=now, attempts=0)


def may_sign_in(server: ExchangeServer) -> bool:
    """Whether its impersonation account may be used: it is set, and was not refused as it is."""
    return bool(server.password) and not (server.state == ServerState.PAUSED and server.reason in _NEVER_AGAIN)


def may_be_asked(connection: Connection) -> bool:
    """Whether its mailbox may be asked at all: by an impersonation account that is refused nobody asks but the
    server's own checks. Of one with a password of its own: always."""
    if connection.method != Method.IMPERSONATION.value:
        return True
    server = connection.server
    return server is not None and is_ready(server)


def is_ready(server: ExchangeServer) -> bool:
    """Whether its impersonation account can open mailboxes, as far as anybody knows. That some were refused to it says
    nothing about others."""
    is_refused = server.reason in [one.value for one in OF_THE_ACCOUNT]
    if not server.password or is_refused:
        return False
    return server.state != ServerState.PAUSED or server.reason == Reason.IMPERSONATION_REFUSED


def settle(connection: Connection, failure: Failure, *, now: datetime) -> bool:
    """A mailbox there did not open. True: it is filed, for it concerns the server or its impersonation account, or is
    the server's own decision about this mailbox. False: file it as any mailbox's."""
    server = connection.server
    if server is None:
        return False
    if failure.reason in states.OF_THE_SERVER:
        want(server.pk, now=now)
        return False
    if connection.method != Method.IMPERSONATION.value:
        return False
    if failure.reason in OF_THE_ACCOUNT:
        return states.server_troubled(server, failure, now=now)
    if failure.reason is Reason.IMPERSONATION_REFUSED:
        states.impersonation_refused([connection.pk], now=now, code=failure.code)
        want(server.pk, now=now)  # whether it is refused for all, is asked of others
        return True
    return False


def look_again(server: ExchangeServer, *, now: datetime) -> None:
    """Somebody has allowed more there: mailboxes that were refused are asked again soon, and not in a day."""
    shut = servers.impersonated_by(server).filter(state=State.NOT_ELIGIBLE, refresh_due_at__gt=now)
    shut.filter(reason=Reason.IMPERSONATION_REFUSED.value).update(refresh_due_at=now)


def _look(server: ExchangeServer, *, now: datetime) -> None:
    if not servers.is_used(server):
        servers.rest(server)
        return
    if server.password and not may_sign_in(server):
        _reach(server, now=now)
        return
    try:
        build = mailboxes.probe_server(server)
    except CalendarError as problem:
        log.info("server.check.failed", server=server.pk, reason=problem.failure.reason.value)
        states.server_troubled(server, problem.failure, now=now)
        return
    _file(server, _sound(server) if server.password else _Heard(), build, now=now)


def _reach(server: ExchangeServer, *, now: datetime) -> None:
    """Whoever has a password comes back if it answers. Its account stays refused, whatever else is wrong."""
    bare = copy.copy(server)
    bare.user_name = bare.password = ""
    try:
        build = mailboxes.probe_server(bare)
    except CalendarError as problem:
        log.info("server.check.failed", server=server.pk, reason=problem.failure.reason.value)
    else:
        states.server_reached(server, now=now, build=build)
    _next(server, now=now)


def _file(server: ExchangeServer, heard: _Heard, build: str, *, now: datetime) -> None:
    if heard.failure:
        states.server_troubled(server, heard.failure, now=now)
        return
    if heard.refusal and not heard.opened and _is_for_all(server, heard):
        states.server_troubled(server, heard.refusal, now=now)
        return
    states.server_works(server, now=now, build=build)
    states.impersonation_allowed(heard.opened, now=now)
    code = heard.refusal.code if heard.refusal else ""
    states.impersonation_refused(heard.refused, now=now, code=code)
    _next(server, now=now)


def _is_for_all(server: ExchangeServer, heard: _Heard) -> bool:
    """What is believed already needs no further proof."""
    is_known = server.state == ServerState.PAUSED and server.reason == Reason.IMPERSONATION_REFUSED
    return is_known or len(heard.refused) >= CONVINCING


def _sound(server: ExchangeServer) -> _Heard:
    """A few mailboxes; more where these refuse."""
    heard = _Heard()
    few = list(_those_to_ask(server)[:FEW])
    _ask(server, few, heard)
    if heard.refused and not heard.opened and not heard.failure:
        _ask(server, _others(server, few), heard)
    return heard


def _ask(server: ExchangeServer, some: Iterable[Connection], heard: _Heard) -> None:
    for one in some:
        try:
            mailboxes.probe_impersonating(server, one.address)
        except CalendarError as problem:
            _hear(one, problem.failure, heard)
        else:
            heard.opened.append(one.pk)
        if heard.failure:
            return


def _hear(one: Connection, failure: Failure, heard: _Heard) -> None:
    """Any other trouble of a mailbox is that mailbox's, which is asked for itself."""
    if failure.reason in OF_THE_ACCOUNT:
        heard.failure = failure
    elif failure.reason is Reason.IMPERSONATION_REFUSED:
        heard.refused.append(one.pk)
        heard.refusal = failure


def _those_to_ask(server: ExchangeServer) -> QuerySet[Connection]:
    """First those that answered last."""
    may = Q(state__in=_UNDER_WAY) | Q(state=State.NOT_ELIGIBLE, reason=Reason.IMPERSONATION_REFUSED.value)
    mine = servers.impersonated_by(server).filter(may).exclude(address="")
    slim = mine.defer("refresh_token", "access_token", "claims", "password")
    return slim.order_by(F("last_good_at").desc(nulls_last=True), "pk")


def _others(server: ExchangeServer, asked: Iterable[Connection]) -> list[Connection]:
    ids = list(_those_to_ask(server).exclude(pk__in=[one.pk for one in asked]).values_list("pk", flat=True))
    chosen = random.sample(ids, min(MORE, len(ids)))
    return list(_those_to_ask(server).filter(pk__in=chosen))


def _next(server: ExchangeServer, *, now: datetime) -> None:
    """Spread, so that no herd forms."""
    is_busy = Connection.objects.filter(server=server.pk, state__in=_UNDER_WAY).exists()
    wait = (CHECK_EVERY if is_busy else IDLE) * (0.75 + 0.25 * random.random())  # noqa: S311  not a secret
    ExchangeServer.objects.filter(pk=server.pk).update(check_due_at=now + wait, attempts=0)
