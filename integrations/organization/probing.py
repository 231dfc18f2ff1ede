"""All mailboxes of an organization, asked in turn whether they open: about four times a day, twenty by one request.

What was asked since `TenantLink.probe_due_at` is not asked again, so that a turn goes on where the one before it ended,
whichever worker takes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from celery import current_app
from django.db import connections as databases
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.nudging import nudge
from integrations import states
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.graph import batch
from integrations.models import ALIVE, Connection, LinkState, State, TenantLink, Trouble
from integrations.organization import by_address, link_checks, links, sounding, tenant_tokens
from integrations.states.organization import OF_THE_DIRECTORY

log = structlog.get_logger(__name__)

PROBE = "integrations.probe_link"  # the task
EVERY = timedelta(hours=6)
CLAIM = timedelta(minutes=3)
TURN = timedelta(seconds=20)
IN_FLIGHT = 4
AT_ONCE = IN_FLIGHT * batch.MOST

_ASKED = (*ALIVE, State.NOT_ELIGIBLE)


def again(link: TenantLink, *, now: datetime) -> None:
    """Somebody wants to know now how each of them stands."""
    TenantLink.objects.filter(pk=link.pk, ended_at=None).update(probe_due_at=now)
    transaction.on_commit(lambda: nudge(current_app.signature(PROBE), link_id=link.pk))


def to_probe(*, now: datetime) -> list[int]:
    due = _working().filter(_free(now), Q(probe_due_at=None) | Q(probe_due_at__lte=now))
    return list(due.order_by("probe_due_at", "pk").values_list("pk", flat=True))


def probe(link_id: int, *, now: datetime, clock: Callable[[], datetime] = timezone.now) -> bool:
    """One turn, if nobody else is at it. True: there is more to do. Raises nothing that belongs to Microsoft."""
    claimed = _working().filter(_free(now), pk=link_id)
    if not claimed.update(claimed_until=now + CLAIM):
        return False
    try:
        return _turn(link_id, now=now, clock=clock)
    finally:
        TenantLink.objects.filter(pk=link_id).update(claimed_until=None)


def _turn(link_id: int, *, now: datetime, clock: Callable[[], datetime]) -> bool:
    link = link_checks.check_link(link_id, now=now)
    if link is None or link.state != LinkState.WORKING:
        return False
    since, last, ends = link.probe_due_at or now, 0, time.monotonic() + TURN.total_seconds()
    while time.monotonic() < ends:
        asked = list(_waiting(link, since).filter(pk__gt=last).order_by("pk")[:AT_ONCE])
        if not asked:
            _done(link, since, now=now)
            return False
        if not _ask(link, asked, now=max(now, clock())):
            return False
        last = asked[-1].pk
    return True


def _done(link: TenantLink, since: datetime, *, now: datetime) -> None:
    mine = TenantLink.objects.filter(Q(probe_due_at=since) | Q(probe_due_at=None), pk=link.pk, ended_at=None)
    mine.update(probe_due_at=now + EVERY)


def _waiting(link: TenantLink, since: datetime) -> QuerySet[Connection]:
    unasked = (Q(last_good_at=None) | Q(last_good_at__lt=since)) & (Q(failed_at=None) | Q(failed_at__lt=since))
    return (
        links.carried_by(link)
        .filter(unasked, state__in=_ASKED)
        .exclude(object_id="", address="")
        .exclude(state=State.NOT_ELIGIBLE, reason__in=OF_THE_DIRECTORY)
        .exclude(_by_address_alone(link))
        .select_related("user__account")
        .defer("refresh_token", "access_token")
    )


def _by_address_alone(link: TenantLink) -> Q:
    is_told_elsewhere = not by_address.may_be_asked(link)
    return Q(object_id="", state=State.NOT_ELIGIBLE) if is_told_elsewhere else Q(pk__in=[])


def _ask(link: TenantLink, connections: Sequence[Connection], *, now: datetime) -> bool:
    """Several parcels at once. False: Microsoft answers none of them."""
    try:
        token = tenant_tokens.access_token(link, now=now)
        parcels = list(_parcels(connections))
        with ThreadPoolExecutor(len(parcels)) as pool:
            answers = list(pool.map(lambda some: _answers(token, some), parcels))
    except (tenant_tokens.Busy, tenant_tokens.NotAlive, CalendarError):
        return False
    pairs = [pair for some, said in zip(parcels, answers, strict=True) for pair in zip(some, said, strict=True)]
    return _file(link, pairs, now=now)


def _answers(token: str, connections: Sequence[Connection]) -> list[batch.Answer]:
    try:
        return batch.get_each(token, [f"{sounding.path_of(one)}/calendar?$select=id" for one in connections])
    finally:
        databases.close_all()


def _file(link: TenantLink, pairs: Sequence[tuple[Connection, batch.Answer]], *, now: datetime) -> bool:
    opened = [one for one, answer in pairs if not isinstance(answer, Failure)]
    failed = [(one, answer) for one, answer in pairs if isinstance(answer, Failure)]
    if any(answer.reason is Reason.TOKEN_REFUSED for _, answer in failed):
        tenant_tokens.forget(link)
        return False
    found = [one for one in opened if by_address.is_all_there_is(one)]
    by_address.opened(link, found, now=now)
    states.let_in([one.pk for one in opened if one not in found], now=now)
    refused = [(one, answer) for one, answer in failed if answer.outcome is Outcome.NOT_PERMITTED]
    if refused and (opened or _opens_others(link, now=now)):
        _keep_out([one for one, _ in refused], refused[0][1], now=now)
    for one, answer in failed:
        if answer.outcome is Outcome.NOT_ELIGIBLE:
            states.went_wrong(one, _as_known(one, answer), now=now, of=Trouble.MAILBOX)
        elif answer.outcome is not Outcome.NOT_PERMITTED:
            log.info("probe.not_answered", connection=one.pk, reason=answer.reason.value)
    return bool(opened or refused) or any(answer.outcome is Outcome.NOT_ELIGIBLE for _, answer in failed)


def _as_known(connection: Connection, failure: Failure) -> Failure:
    """A batch does not tell why there is no mailbox. What the directory has told of it stays; of one that is new to it,
    `checking` asks."""
    known = connection.reason == Reason.ON_PREMISES
    return replace(failure, reason=Reason.ON_PREMISES) if known else failure


def _keep_out(connections: Iterable[Connection], failure: Failure, *, now: datetime) -> None:
    ids = [one.pk for one in connections]
    states.scoped_out(ids, now=now, code=failure.code)
    out = Connection.objects.filter(pk__in=ids, state=State.NOT_ELIGIBLE)
    out.exclude(reason=Reason.SCOPED_OUT.value).update(since_at=now)
    out.update(reason=Reason.SCOPED_OUT.value, code=failure.code[:80], failed_at=now)


def _opens_others(link: TenantLink, *, now: datetime) -> bool:
    current = link_checks.check_link(link.pk, now=now)
    return current is not None and current.state == LinkState.WORKING


def _parcels(connections: Sequence[Connection]) -> Iterator[Sequence[Connection]]:
    return (connections[at : at + batch.MOST] for at in range(0, len(connections), batch.MOST))


def _working() -> QuerySet[TenantLink]:
    """Of one in trouble no mailbox can be asked."""
    return TenantLink.objects.filter(state=LinkState.WORKING, ended_at=None)


def _free(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=now)
