"""All mailboxes of an organization, asked in turn whether they open: about four times a day, twenty by one request.

What was asked since `TenantLink.probe_due_at` is not asked again, so that a turn goes on where the one before it ended,
whichever worker takes it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.nudging import nudge
from integrations import states
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.graph import batch
from integrations.models import ALIVE, Connection, LinkState, State, TenantLink, Trouble
from integrations.organization import asking, by_address, claims, link_checks, links, patience, tenant_tokens
from integrations.organization.asking import AT_ONCE
from integrations.states.organization import OF_THE_DIRECTORY

log = structlog.get_logger(__name__)

PROBE = "integrations.probe_link"  # the task
EVERY = timedelta(hours=6)
CLAIM = timedelta(minutes=3)
TURN = timedelta(seconds=20)
SILENT_ROUNDS = 3  # in a row; then it is not these mailboxes that do not answer
PERSISTENT = 5  # setbacks; then those that never answer do not keep the others from the next turn

_Pairs = Sequence[tuple[Connection, batch.Answer]]
_ASKED = (*ALIVE, State.NOT_ELIGIBLE)


def again(link: TenantLink, *, now: datetime) -> None:
    """Somebody wants to know now how each of them stands."""
    TenantLink.objects.filter(pk=link.pk, ended_at=None).update(probe_due_at=now)
    transaction.on_commit(lambda: nudge(current_app.signature(PROBE), link_id=link.pk))


def to_probe(*, now: datetime) -> list[int]:
    due = _of_use().filter(claims.free(now), patience.is_over(now), Q(probe_due_at=None) | Q(probe_due_at__lte=now))
    return list(due.order_by("probe_due_at", "pk").values_list("pk", flat=True))


def probe(link_id: int, *, now: datetime, clock: Callable[[], datetime] = timezone.now) -> bool:
    """One turn, if nobody else is at it. True: there is more to do. Raises nothing that belongs to Microsoft."""
    claim = claims.take(_of_use().filter(patience.is_over(now)), link_id, CLAIM, now=now)
    if claim is None:
        return False
    try:
        return _turn(link_id, claim, now=now, clock=clock)
    except claims.Lost:
        return False
    finally:
        claim.release()


def _turn(link_id: int, claim: claims.Claim, *, now: datetime, clock: Callable[[], datetime]) -> bool:
    link = link_checks.check_link(link_id, now=now)
    if not _may_be_asked(link):
        return False
    assert link is not None  # noqa: S101  as just seen
    since, ends = link.probe_due_at or now, time.monotonic() + TURN.total_seconds()
    # In any order: a turn does not begin with those that did not answer the one before.
    ids = list(_waiting(link, since).values_list("pk", flat=True))
    random.shuffle(ids)
    silent, is_heard, failure = 0, False, None
    for at in range(0, len(ids), AT_ONCE):
        if time.monotonic() >= ends or silent >= SILENT_ROUNDS:
            break
        moment = max(now, clock())
        claim.hold(now=moment)
        asked = list(_waiting(link, since).filter(pk__in=ids[at : at + AT_ONCE]).order_by("pk"))
        pairs = _answers(link, asked, now=moment)
        if pairs is None:
            return False
        if link.state == LinkState.PAUSED:
            if _opens_again(link, pairs, now=moment):
                return True
            is_heard = True
        elif _file(link, pairs, now=moment):
            silent, is_heard = 0, True
        else:
            silent, failure = silent + 1, _longest(pairs) or failure
    else:
        if is_heard or not ids or link.setbacks >= PERSISTENT:
            patience.answered(link)
            _done(link, since, now=now)
            return False
    if not is_heard or silent >= SILENT_ROUNDS:
        patience.set_back(link, failure, now=max(now, clock()))
        return False
    return True


def _answers(link: TenantLink, asked: Sequence[Connection], *, now: datetime) -> _Pairs | None:
    """None: not now, and for how long is written down."""
    try:
        return asking.each(link, tenant_tokens.access_token(link, now=now), asked)
    except (tenant_tokens.Busy, tenant_tokens.NotAlive):
        return None
    except CalendarError as problem:
        patience.set_back(link, problem.failure, now=now)
        return None


def _may_be_asked(link: TenantLink | None) -> bool:
    return link is not None and (link.state == LinkState.WORKING or link_checks.is_lost(link))


def _opens_again(link: TenantLink, pairs: _Pairs, *, now: datetime) -> bool:
    """Of a consent that is thought to be gone a mailbox opens: then the next turn asks all. Until then nobody is let in
    or kept out."""
    refused = [one.pk for one, answer in pairs if isinstance(answer, Failure)]
    Connection.objects.filter(pk__in=refused, state__in=(State.PAUSED, State.NOT_ELIGIBLE)).update(failed_at=now)
    opened = [one for one, answer in pairs if not isinstance(answer, Failure)]
    if not opened:
        return False
    prefer = [opened[0].object_id or opened[0].address]
    current = link_checks.check_link(link.pk, now=now, prefer=prefer)
    return current is not None and current.state == LinkState.WORKING


def _longest(pairs: _Pairs) -> Failure | None:
    """Of what did not answer, which Microsoft wants to be left alone the longest."""
    failures = [answer for _, answer in pairs if isinstance(answer, Failure)]
    return max(failures, key=lambda one: one.retry_after or timedelta(), default=None)


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


def _file(link: TenantLink, pairs: _Pairs, *, now: datetime) -> bool:
    opened = [one for one, answer in pairs if not isinstance(answer, Failure)]
    failed = [(one, answer) for one, answer in pairs if isinstance(answer, Failure)]
    if any(answer.reason is Reason.TOKEN_REFUSED for _, answer in failed):
        tenant_tokens.forget(link)
        return False
    found = by_address.settle(link, [(one, answer) for one, answer in pairs if isinstance(answer, dict)], now=now)
    states.let_in([one.pk for one in opened if one.pk not in found], now=now)
    refused = [(one, answer) for one, answer in failed if states.kept_out_by(answer)]
    if refused and (opened or _opens_others(link, now=now)):
        _keep_out(refused, now=now)
    for one, answer in failed:
        if answer.outcome is Outcome.NOT_ELIGIBLE:
            states.went_wrong(one, _as_known(one, answer), now=now, of=Trouble.MAILBOX)
        elif not states.kept_out_by(answer):
            log.info("probe.not_answered", connection=one.pk, reason=answer.reason.value)
    return bool(opened or refused) or any(answer.outcome is Outcome.NOT_ELIGIBLE for _, answer in failed)


def _as_known(connection: Connection, failure: Failure) -> Failure:
    """A batch does not tell why there is no mailbox. What the directory has told of it stays; of one that is new to it,
    `checking` asks."""
    known = connection.reason == Reason.ON_PREMISES
    return replace(failure, reason=Reason.ON_PREMISES) if known else failure


def _keep_out(refused: Iterable[tuple[Connection, Failure]], *, now: datetime) -> None:
    alike: dict[Reason, list[tuple[Connection, Failure]]] = {}
    for one, failure in refused:
        alike.setdefault(states.kept_out_by(failure) or Reason.SCOPED_OUT, []).append((one, failure))
    for reason, some in alike.items():
        ids, code = [one.pk for one, _ in some], some[0][1].code
        states.scoped_out(ids, now=now, code=code, reason=reason)
        out = Connection.objects.filter(pk__in=ids, state=State.NOT_ELIGIBLE)
        out.exclude(reason=reason.value).update(since_at=now)
        out.update(reason=reason.value, code=code[:80], failed_at=now)


def _opens_others(link: TenantLink, *, now: datetime) -> bool:
    current = link_checks.check_link(link.pk, now=now)
    return current is not None and current.state == LinkState.WORKING


def _of_use() -> QuerySet[TenantLink]:
    """Of one in trouble no mailbox can be asked, but to find out whether its consent is gone for all of them."""
    lost = Q(state=LinkState.PAUSED, reason__in=link_checks.OF_THE_CONSENT)
    return TenantLink.objects.filter(lost | Q(state=LinkState.WORKING), ended_at=None)
