"""What becomes of the consent of an organization, and of all connections that live by it: set-based, so that twenty
thousand people are one UPDATE.

Trouble of a link is never a person's: nobody is written to, and whoever is connected comes back with it. Trouble of one
mailbox is filed in `answers`, as for everybody.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts import audit
from integrations import alarms, reasons
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, LinkState, State, TenantLink, Trouble
from integrations.preferences import Method
from integrations.states.columns import CALM, GONE, WELL
from integrations.states.schedule import wait_before

log = structlog.get_logger(__name__)

CONSENT_LOST = audit.declare(
    "organization.consent_lost",
    "Microsoft no longer lets Meridian into {target}; its connections are paused.",
    say={"reason": reasons.in_words},
)
CONSENT_FOUND = audit.declare(
    "organization.consent_found", "Microsoft lets Meridian into {target} again; its connections have come back."
)

SCOPED_OUT = audit.declare(
    "calendar.scoped_out", "The organization does not let Meridian into {target}.", personal_target=True
)
LET_IN = audit.declare(
    "calendar.let_in", "The organization lets Meridian into {target} now; it is connected.", personal_target=True
)

LONGEST_WAIT = timedelta(minutes=10)  # one request for a whole organization; unless Microsoft asks for more
_PASSING = (Outcome.THROTTLED, Outcome.UNREACHABLE)
# The operator's to mend; everything else that pauses a link is for the organization's own admin.
OF_OURS = (Reason.CREDENTIAL_EXPIRED, Reason.CREDENTIAL_WRONG, Reason.REQUEST_REJECTED, Reason.KEY_MISSING)
_UNDER_WAY = (State.CONNECTED, State.DEGRADED, State.PAUSED)
# Why the organization keeps us out of a mailbox while it lets us into others. EWS may be off for single ones.
KEPT_OUT = (Reason.SCOPED_OUT, Reason.EWS_DISABLED, Reason.EWS_NOT_ALLOWED)
# Only the directory tells these, so no mailbox's answer begins or ends them.
OF_THE_DIRECTORY = (Reason.AMBIGUOUS.value, Reason.GUEST.value, Reason.ACCOUNT_DISABLED.value)


def link_troubled(
    link: TenantLink, failure: Failure, *, now: datetime, is_usable: bool = False, spread: float | None = None
) -> bool:
    """Microsoft refuses all of it, or does not answer. False: a newer token was stored meanwhile, or it has ended.

    `is_usable`: what is passing trouble leaves the connections as they are, because the token that is held still lasts.
    """
    if failure.reason in OF_OURS:
        alarms.alarm(failure)
    is_passing = failure.outcome in _PASSING
    later = _later(link, failure, random.random() if spread is None else spread, now=now)  # noqa: S311
    with transaction.atomic():
        found = _as_read(link).select_for_update(of=("self",)).first()
        if found is None:
            return False
        if is_passing and found.state == LinkState.PAUSED:
            # The greater trouble stays in sight until it is known to be over.
            TenantLink.objects.filter(pk=link.pk).update(failed_at=now, **later)
            return True
        state = LinkState.DEGRADED if is_passing else LinkState.PAUSED
        why = _why(failure, now=now)
        entered = {"state": state, "since_at": now} if found.state != state else {}
        TenantLink.objects.filter(pk=link.pk).update(**entered, **why, **later)
        if not (is_passing and is_usable):
            _follow(link, State.DEGRADED if is_passing else State.PAUSED, why, now=now)
        if entered and state == LinkState.PAUSED and failure.reason not in OF_OURS:
            _record(CONSENT_LOST, link, now=now, after={"reason": failure.reason.value, "code": failure.code})
    log.info("link.troubled", link=link.pk, to=state.value, reason=failure.reason.value, error_code=failure.code)
    return True


def link_works(link: TenantLink, *, now: datetime) -> int:
    """It opens mailboxes: all that waited for it comes back. Answers how many. May be said again and again."""
    with transaction.atomic():
        found = TenantLink.objects.select_for_update(of=("self",)).filter(pk=link.pk, ended_at=None).first()
        if found is None:
            return 0
        if found.state != LinkState.WORKING:
            was_lost = found.state == LinkState.PAUSED and found.reason not in OF_OURS
            calm: dict[str, Any] = {"reason": "", "code": "", "trace_id": "", "attempts": 0}
            # What was left until it works is done now.
            soon = {"follow_due_at": now} if found.state == LinkState.PAUSED else {}
            TenantLink.objects.filter(pk=link.pk).update(state=LinkState.WORKING, since_at=now, **calm, **soon)
            if was_lost:
                _record(CONSENT_FOUND, link, now=now)
            log.info("link.works", link=link.pk)
        return _come_back(link, now=now)


def as_its_link(connections: Collection[int], *, now: datetime) -> None:
    """What the settings allow again, or a probe has just connected, is as well as its link is, and no better."""
    waiting = TenantLink.objects.filter(connections__in=connections, state=LinkState.PAUSED, ended_at=None).distinct()
    for link in waiting:
        why = {"reason": link.reason, "code": link.code, "trace_id": link.trace_id, "failed_at": now}
        _paused(_of(link).filter(pk__in=connections), why, now=now)


def kept_out_by(failure: Failure) -> Reason | None:
    """Why, of a mailbox whose organization opens others; None: it is something else that stands in the way."""
    if failure.outcome is Outcome.NOT_PERMITTED:
        return Reason.SCOPED_OUT
    return failure.reason if failure.reason in KEPT_OUT else None


def scoped_out(
    connections: Collection[int], *, now: datetime, code: str = "", reason: Reason = Reason.SCOPED_OUT
) -> int:
    """The organization lets us into other mailboxes, and not into these: at once, for it decided so. They come back by
    `let_in`, when a probe finds them open. Audited; to be called for some hundreds at a time."""
    if not connections:
        return 0
    why = {"reason": reason.value, "code": code[:80], "trace_id": "", "failed_at": now}
    rest = {"trouble": Trouble.MAILBOX, "refused_since": None, "attempts": 0, "refresh_due_at": None}
    was_out = Q(state=State.NOT_ELIGIBLE) & ~Q(reason__in=[reason.value, *OF_THE_DIRECTORY])
    with transaction.atomic():
        out = list(_locked(connections).filter(Q(state__in=_UNDER_WAY) | was_out))
        gone = Connection.objects.filter(pk__in=[one.pk for one in out])
        gone.update(state=State.NOT_ELIGIBLE, since_at=now, **why, **rest)
        _record_each(SCOPED_OUT, [one for one in out if one.state != State.NOT_ELIGIBLE], now=now)
    return len(out)


def let_in(connections: Collection[int], *, now: datetime) -> int:
    """Their mailboxes answered: whoever was out, or in trouble, is connected again. Audited where they were out; to be
    called for some hundreds at a time."""
    if not connections:
        return 0
    well = WELL | {"state": State.CONNECTED, "since_at": now, "refresh_due_at": None}
    with transaction.atomic():
        waited = Q(state__in=(State.DEGRADED, State.PAUSED))
        waited |= Q(state=State.NOT_ELIGIBLE) & ~Q(reason__in=OF_THE_DIRECTORY)
        back = list(_locked(connections).filter(waited))
        Connection.objects.filter(pk__in=[one.pk for one in back]).update(**well)
        well_now = Connection.objects.filter(pk__in=connections, state=State.CONNECTED)
        well_now.update(last_good_at=now, connected_at=Coalesce("connected_at", Value(now)))
        _record_each(LET_IN, [one for one in back if one.state == State.NOT_ELIGIBLE], now=now)
    return len(back)


def credential_accepted_for_links(*, now: datetime) -> int:
    """Microsoft accepts our credential: the organizations that waited for it are looked at again, at once."""
    waiting = TenantLink.objects.filter(
        state=LinkState.PAUSED, ended_at=None, reason__in=[one.value for one in OF_OURS]
    )
    return waiting.filter(check_due_at__gt=now).update(attempts=0, check_due_at=now)


def no_longer_covered(connections: Collection[int], reason: str, *, now: datetime) -> int:
    """The organization's consent is not used for them any more: ended, with its reason. Audit is the caller's."""
    found = Connection.objects.filter(pk__in=connections, method=Method.APPLICATION_PERMISSIONS.value)
    ended = {"state": State.DISCONNECTED, "since_at": now, "reason": Reason(reason).value}
    return found.exclude(state=State.DISCONNECTED).update(**GONE | {"link": None} | ended)


def _follow(link: TenantLink, state: State, why: dict[str, Any], *, now: datetime) -> None:
    if state == State.PAUSED:
        _paused(_of(link), why, now=now)
        return
    # A mailbox in trouble of its own goes on in it.
    well = _of(link).filter(state=State.CONNECTED)
    _in_one_order(well)
    well.update(state=State.DEGRADED, since_at=now, trouble=Trouble.SIGN_IN, refresh_due_at=None, **why)
    _of(link).filter(state=State.DEGRADED, trouble=Trouble.SIGN_IN).update(**why)


def _paused(connections: QuerySet[Connection], why: dict[str, Any], *, now: datetime) -> None:
    troubled = {"trouble": Trouble.SIGN_IN, "refresh_due_at": None, "attempts": 0}
    alive = connections.filter(state__in=_UNDER_WAY)
    _in_one_order(alive.exclude(state=State.PAUSED))
    alive.exclude(state=State.PAUSED).update(state=State.PAUSED, since_at=now, **troubled, **why)
    # For another reason than before; written only where it changes.
    same = Q(reason=why["reason"], code=why["code"])
    alive.filter(state=State.PAUSED).exclude(same).update(**troubled, **why)


def _come_back(link: TenantLink, *, now: datetime) -> int:
    waiting = _of(link).filter(Q(state=State.PAUSED) | Q(state=State.DEGRADED, trouble=Trouble.SIGN_IN))
    _in_one_order(waiting)
    # Those whose mailbox was in trouble before are asked at once how it stands.
    refused = waiting.filter(refused_since__isnull=False)
    unwell = {"state": State.DEGRADED, "trouble": Trouble.MAILBOX, "reason": Reason.NO_MAILBOX.value}
    calm: dict[str, Any] = {"code": "", "trace_id": "", "attempts": 0}
    count = refused.update(since_at=F("refused_since"), refresh_due_at=now, **unwell, **calm)
    return count + waiting.update(state=State.CONNECTED, since_at=now, refresh_due_at=None, reason="", **CALM)


def _in_one_order(connections: QuerySet[Connection]) -> None:
    """Lock what is about to change as everybody does, so that two cannot block each other."""
    list(connections.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))


def _locked(connections: Collection[int]) -> QuerySet[Connection]:
    """In one order, so that two who do this at once cannot block each other."""
    found = Connection.objects.select_for_update(of=("self",)).select_related("account")
    mine = found.filter(pk__in=connections, method=Method.APPLICATION_PERMISSIONS.value)
    return mine.defer("refresh_token", "access_token", "claims").order_by("pk")


def _of(link: TenantLink) -> QuerySet[Connection]:
    return Connection.objects.filter(link=link.pk, method=Method.APPLICATION_PERMISSIONS.value)


def _as_read(link: TenantLink) -> QuerySet[TenantLink]:
    return TenantLink.objects.filter(pk=link.pk, token_version=link.token_version, ended_at=None)


def _why(failure: Failure, *, now: datetime) -> dict[str, Any]:
    code, trace_id = failure.code[:80], failure.trace_id[:80]
    return {"reason": failure.reason.value, "code": code, "trace_id": trace_id, "failed_at": now}


def _later(link: TenantLink, failure: Failure, jitter: float, *, now: datetime) -> dict[str, Any]:
    wait = wait_before(link.attempts, retry_after=None, spread=jitter)
    wait = max(min(wait, LONGEST_WAIT), failure.retry_after or timedelta())
    return {"check_due_at": now + wait, "attempts": min(link.attempts + 1, 1000)}


def _record_each(action: str, connections: Collection[Connection], *, now: datetime) -> None:
    by_account = defaultdict[int, list[Connection]](list)
    for one in connections:
        by_account[one.account_id].append(one)
    for some in by_account.values():
        subjects = (audit.Subject(one, about=one.user_id) for one in some)
        audit.record_many(action, subjects, account=some[0].account, actor=None, now=now)


def _record(action: str, link: TenantLink, *, now: datetime, after: object = None) -> None:
    audit.record(action, account=link.account, actor=None, on=link, now=now, after=after)
