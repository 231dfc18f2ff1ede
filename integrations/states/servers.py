"""What becomes of a server of the organization's own, and of all connections that live by it: set-based.

Two things can be in trouble. What concerns the server (no answer, its certificate, its address) concerns everybody who
is connected there; what concerns its impersonation account concerns those alone whom that account connects. Nobody is
written to but the account's admins: whoever is connected comes back with the server.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from accounts import audit
from integrations import alarms, reasons
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, ExchangeServer, ServerState, State, Trouble
from integrations.preferences import Method
from integrations.states.columns import CALM, WELL
from integrations.states.schedule import wait_before

log = structlog.get_logger(__name__)

SERVER_LOST = audit.declare(
    "exchange.server_lost",
    "The Exchange server {target} cannot be used; whoever is connected there is paused.",
    say={"reason": reasons.in_words},
)
SERVER_FOUND = audit.declare(
    "exchange.server_found", "The Exchange server {target} can be used again; its connections have come back."
)
ACCOUNT_LOST = audit.declare(
    "exchange.account_lost",
    "The impersonation account at the Exchange server {target} cannot be used; whoever it connects is paused.",
    say={"reason": reasons.in_words},
)
SHUT_OUT = audit.declare(
    "calendar.impersonation_refused",
    "The impersonation account may not open {target}.",
    personal_target=True,
)
OPENED = audit.declare(
    "calendar.impersonation_allowed",
    "The impersonation account may open {target} now; it is connected.",
    personal_target=True,
)

# These concern everybody who is connected there; all else what is heard by the impersonation account alone.
OF_THE_SERVER = (
    Reason.SERVER_UNREACHABLE,
    Reason.CERTIFICATE_UNTRUSTED,
    Reason.ADDRESS_NOT_ALLOWED,
    Reason.NOT_EXCHANGE,
)
LONGEST_WAIT = timedelta(minutes=10)  # one request for a whole server; unless it asks for more
SPREAD = timedelta(minutes=5)  # those who come back are not all asked at once
_EVERY = timedelta(days=1)  # how often one mailbox is asked while its server is well
_PASSING = (Outcome.THROTTLED, Outcome.UNREACHABLE)
_UNDER_WAY = (State.CONNECTED, State.DEGRADED, State.PAUSED)


def server_troubled(server: ExchangeServer, failure: Failure, *, now: datetime, spread: float | None = None) -> bool:
    """It does not answer, or refuses its impersonation account. False: another account was set meanwhile."""
    if failure.outcome is Outcome.CREDENTIAL_REFUSED:
        alarms.alarm(failure)
    is_passing = failure.outcome in _PASSING
    later = _later(server, failure, random.random() if spread is None else spread, now=now)  # noqa: S311
    with transaction.atomic():
        found = _as_read(server).select_for_update(of=("self",)).select_related("account").first()
        if found is None:
            return False
        if is_passing and found.state == ServerState.PAUSED:
            # The greater trouble stays in sight until it is known to be over.
            ExchangeServer.objects.filter(pk=server.pk).update(failed_at=now, **later)
            return True
        state = ServerState.DEGRADED if is_passing else ServerState.PAUSED
        is_other = found.state != state or (state == ServerState.PAUSED and found.reason != failure.reason)
        why = _why(failure, now=now)
        entered = {"state": state, "since_at": now} if is_other else {}
        ExchangeServer.objects.filter(pk=server.pk).update(**entered, **why, **later)
        _follow(server, State.DEGRADED if is_passing else State.PAUSED, why, now=now)
        if is_other and state == ServerState.PAUSED:
            after = {"reason": failure.reason.value, "code": failure.code}
            action = SERVER_LOST if failure.reason in OF_THE_SERVER else ACCOUNT_LOST
            audit.record(action, account=found.account, actor=None, on=found, now=now, after=after)
    log.info("server.troubled", server=server.pk, to=state.value, reason=failure.reason.value, error_code=failure.code)
    return True


def server_works(server: ExchangeServer, *, now: datetime, build: str = "") -> int:
    """It answers, and has let its impersonation account in, where it has one: all that waited comes back. Answers how
    many. May be said again and again."""
    with transaction.atomic():
        found = _as_read(server).select_for_update(of=("self",)).select_related("account").first()
        if found is None:
            return 0
        calm: dict[str, Any] = {"reason": "", "code": "", "trace_id": "", "attempts": 0}
        entered: dict[str, Any] = {}
        if found.state != ServerState.WORKING:
            entered = {"state": ServerState.WORKING, "since_at": now, **calm}
        named = {"build": build[:40]} if build else {}
        ExchangeServer.objects.filter(pk=server.pk).update(last_good_at=now, **entered, **named)
        if found.state == ServerState.PAUSED:
            audit.record(SERVER_FOUND, account=found.account, actor=None, on=found, now=now)
        by_account = _come_back(_impersonated(server), now=now) if found.password else 0
        return by_account + _come_back(_kept_by_it(server), now=now)


def server_reached(server: ExchangeServer, *, now: datetime, build: str = "") -> int:
    """It answers, and what it said of its impersonation account still holds: whoever has a password comes back."""
    named = {"build": build[:40]} if build else {}
    with transaction.atomic():
        ExchangeServer.objects.filter(pk=server.pk).update(last_good_at=now, **named)
        return _come_back(_kept_by_it(server), now=now)


def account_changed(server: ExchangeServer, *, now: datetime) -> None:
    """Another impersonation account was set: what was said of the one before says nothing of it."""
    fresh = {"state": ServerState.UNKNOWN, "since_at": now, "reason": "", "code": "", "trace_id": "", "attempts": 0}
    ExchangeServer.objects.filter(pk=server.pk).update(**fresh)


def account_gone(server: ExchangeServer, *, now: datetime) -> int:
    """Nothing is opened by impersonation there any more, until another account is set. Answers how many were."""
    ended = {"reason": Reason.IMPERSONATION_ENDED.value, "code": "", "trace_id": "", "failed_at": now}
    concerned = _impersonated(server).filter(state__in=_UNDER_WAY)
    count = concerned.count()
    _paused(concerned, ended, now=now)
    return count


@transaction.atomic
def as_its_server(connections: Collection[int], *, now: datetime) -> None:
    """What the settings allow again, or a probe has just connected, is as well as its server is, and no better."""
    mine = Q(connections__in=connections)
    for server in ExchangeServer.objects.filter(mine, state=ServerState.PAUSED).distinct():
        why = {"reason": server.reason, "code": server.code, "trace_id": server.trace_id, "failed_at": now}
        _paused(_concerned(server, server.reason).filter(pk__in=connections), why, now=now)
    without = ExchangeServer.objects.filter(mine, password="").distinct()
    for server in without:
        why = {"reason": Reason.IMPERSONATION_ENDED.value, "code": "", "trace_id": "", "failed_at": now}
        _paused(_impersonated(server).filter(pk__in=connections), why, now=now)


def impersonation_refused(connections: Collection[int], *, now: datetime, code: str = "") -> int:
    """The impersonation account may open other mailboxes, and not these: at once, for the server's admin decided so.
    They come back by `impersonation_allowed`. Audited; to be called for some hundreds at a time."""
    why = {"reason": Reason.IMPERSONATION_REFUSED.value, "code": code[:80], "trace_id": "", "failed_at": now}
    rest = {"trouble": Trouble.MAILBOX, "refused_since": None, "attempts": 0, "refresh_due_at": now + _EVERY}
    was_out = Q(state=State.NOT_ELIGIBLE) & ~Q(reason=Reason.IMPERSONATION_REFUSED.value)
    with transaction.atomic():
        out = list(_locked(connections).filter(Q(state__in=_UNDER_WAY) | was_out))
        gone = Connection.objects.filter(pk__in=[one.pk for one in out])
        gone.update(state=State.NOT_ELIGIBLE, since_at=now, **why, **rest)
        _record_each(SHUT_OUT, [one for one in out if one.state != State.NOT_ELIGIBLE], now=now)
    return len(out)


def impersonation_allowed(connections: Collection[int], *, now: datetime) -> int:
    """Their mailboxes answered by impersonation: whoever was out, or in trouble, is connected again."""
    well = WELL | {"state": State.CONNECTED, "since_at": now}
    with transaction.atomic():
        waited = Q(state__in=(State.DEGRADED, State.PAUSED, State.NOT_ELIGIBLE))
        back = list(_locked(connections).filter(waited))
        Connection.objects.filter(pk__in=[one.pk for one in back]).update(refresh_due_at=_spread(now, _EVERY), **well)
        well_now = _by_impersonation().filter(pk__in=connections, state=State.CONNECTED)
        well_now.update(last_good_at=now, connected_at=Coalesce("connected_at", Value(now)))
        _record_each(OPENED, [one for one in back if one.state == State.NOT_ELIGIBLE], now=now)
    return len(back)


def _follow(server: ExchangeServer, state: State, why: dict[str, Any], *, now: datetime) -> None:
    concerned = _concerned(server, why["reason"])
    if state == State.PAUSED:
        _paused(concerned, why, now=now)
        return
    # A mailbox in trouble of its own goes on in it.
    well = concerned.filter(state=State.CONNECTED)
    _in_one_order(well)
    well.update(state=State.DEGRADED, since_at=now, trouble=Trouble.SIGN_IN, refresh_due_at=None, **why)
    concerned.filter(state=State.DEGRADED, trouble=Trouble.SIGN_IN).update(refresh_due_at=None, **why)


def _paused(connections: QuerySet[Connection], why: dict[str, Any], *, now: datetime) -> None:
    troubled = {"trouble": Trouble.SIGN_IN, "refresh_due_at": None, "attempts": 0}
    alive = connections.filter(state__in=_UNDER_WAY)
    _in_one_order(alive.exclude(state=State.PAUSED))
    alive.exclude(state=State.PAUSED).update(state=State.PAUSED, since_at=now, **troubled, **why)
    # For another reason than before; written only where it changes.
    same = Q(reason=why["reason"], code=why["code"])
    alive.filter(state=State.PAUSED).exclude(same).update(**troubled, **why)


def _come_back(connections: QuerySet[Connection], *, now: datetime) -> int:
    waiting = connections.filter(Q(state=State.PAUSED) | Q(state=State.DEGRADED, trouble=Trouble.SIGN_IN))
    _in_one_order(waiting)
    # Those whose mailbox was in trouble before are asked at once how it stands.
    refused = waiting.filter(refused_since__isnull=False)
    unwell = {"state": State.DEGRADED, "trouble": Trouble.MAILBOX, "reason": Reason.NO_MAILBOX.value}
    calm: dict[str, Any] = {"code": "", "trace_id": "", "attempts": 0}
    count = refused.update(since_at=F("refused_since"), refresh_due_at=now, **unwell, **calm)
    due = _spread(now, SPREAD)
    # Those that met the same on their own are asked again, before they count as well.
    alone = connections.filter(state=State.DEGRADED, trouble=Trouble.MAILBOX, reason__in=_values(OF_THE_SERVER))
    alone.filter(refresh_due_at__gt=now + SPREAD).update(refresh_due_at=due)
    return count + waiting.update(state=State.CONNECTED, since_at=now, refresh_due_at=due, reason="", **CALM)


def _spread(now: datetime, over: timedelta) -> CombinedExpression:
    share = F("pk") % int(over.total_seconds()) * timedelta(seconds=1)
    step = ExpressionWrapper(share, output_field=DurationField())
    return Value(now) + step


def _in_one_order(connections: QuerySet[Connection]) -> None:
    """Lock what is about to change as everybody does, so that two cannot block each other."""
    list(connections.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))


def _locked(connections: Collection[int]) -> QuerySet[Connection]:
    """In one order, so that two who do this at once cannot block each other."""
    found = _by_impersonation().select_for_update(of=("self",)).select_related("account")
    return found.filter(pk__in=connections).defer("refresh_token", "access_token", "claims").order_by("pk")


def _concerned(server: ExchangeServer, reason: str) -> QuerySet[Connection]:
    return _of(server) if reason in _values(OF_THE_SERVER) else _impersonated(server)


def _of(server: ExchangeServer) -> QuerySet[Connection]:
    return Connection.objects.filter(server=server.pk)


def _kept_by_it(server: ExchangeServer) -> QuerySet[Connection]:
    """With a password of their own, and what keeps them is the server's."""
    return _of(server).filter(method=Method.PASSWORD.value, reason__in=_values(OF_THE_SERVER))


def _impersonated(server: ExchangeServer) -> QuerySet[Connection]:
    return _by_impersonation().filter(server=server.pk)


def _by_impersonation() -> QuerySet[Connection]:
    return Connection.objects.filter(method=Method.IMPERSONATION.value)


def _as_read(server: ExchangeServer) -> QuerySet[ExchangeServer]:
    return ExchangeServer.objects.filter(pk=server.pk, version=server.version)


def _values(some: Collection[Reason]) -> list[str]:
    return [one.value for one in some]


def _why(failure: Failure, *, now: datetime) -> dict[str, Any]:
    code, trace_id = failure.code[:80], failure.trace_id[:80]
    return {"reason": failure.reason.value, "code": code, "trace_id": trace_id, "failed_at": now}


def _later(server: ExchangeServer, failure: Failure, jitter: float, *, now: datetime) -> dict[str, Any]:
    wait = wait_before(server.attempts, retry_after=None, spread=jitter)
    wait = max(min(wait, LONGEST_WAIT), failure.retry_after or timedelta())
    return {"check_due_at": now + wait, "attempts": min(server.attempts + 1, 1000)}


def _record_each(action: str, connections: Collection[Connection], *, now: datetime) -> None:
    by_account = defaultdict[int, list[Connection]](list)
    for one in connections:
        by_account[one.account_id].append(one)
    for some in by_account.values():
        subjects = (audit.Subject(one, about=one.user_id) for one in some)
        audit.record_many(action, subjects, account=some[0].account, actor=None, now=now)
