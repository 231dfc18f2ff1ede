"""What a worker makes of Microsoft's answer: tokens, an identity, an opened mailbox, a connection.

    agreeing.py   the code becomes tokens
    linking.py    whose account it is, whether it may be; at the end the connection takes the tokens
    probing.py    the mailbox opens

To a server of the organization's own nobody travels: `exchange.arriving`.

Each step is written down before the next begins, and the tokens wait sealed with the request until the last one.
Whatever passes is tried again; whatever does not ends the request with a reason, and a connection there is stays as
it was.
"""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from accounts import outbound, vault
from integrations import agreeing, alarms, linking, probing, states
from integrations.consent_steps import Ended, Overtaken, end
from integrations.contracts import CalendarError, CredentialRefused, NotEligible, Passing
from integrations.exchange import arriving
from integrations.models import ConsentRequest, Ending, Step
from integrations.preferences import Service

log = structlog.get_logger(__name__)

CLAIM = timedelta(seconds=60)
ATTEMPT = timedelta(seconds=50)  # every request of one attempt together; shorter than the claim
GIVE_UP = timedelta(minutes=30)
FORSAKE = timedelta(days=1)  # what fails in ways nobody foresaw is not tried for ever


def redeem(request_id: uuid.UUID, *, now: datetime) -> None:
    """Take a request as far as it goes. Runs any number of times; one at a time."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    open_ones = ConsentRequest.objects.filter(free, pk=request_id, answered_at__isnull=False, ended_at=None)
    if not open_ones.update(claimed_until=now + CLAIM):
        return
    request = ConsentRequest.objects.select_related("user__account", "server").filter(pk=request_id).first()
    if request is None:
        return  # the person was deleted meanwhile
    try:
        with outbound.deadline(ATTEMPT):
            _go_on(request, now=now)
    except Overtaken:
        log.info("consent.overtaken", consent=str(request.pk))
    except Ended as ended:
        _end(request, ended, now=now)
    except vault.CannotOpen:
        log.exception("consent.cannot_open", consent=str(request.pk))
        _end(request, Ended(Ending.INTERRUPTED), now=now)
    except (Passing, CredentialRefused) as problem:
        _later(request, problem, now=now)
    except CalendarError as problem:
        _end(request, Ended(problem.failure.reason, problem.failure), now=now)


def _go_on(request: ConsentRequest, *, now: datetime) -> None:
    if request.answered_at and now - request.answered_at > FORSAKE:
        raise Ended(Ending.INTERRUPTED)
    if request.service == Service.EXCHANGE.value:
        arriving.go_on(request, now=now)
        return
    if request.step == Step.ANSWERED:
        agreeing.agree(request, now=now)
    if request.step == Step.AGREED:
        linking.identify(request)
    if request.step == Step.IDENTIFIED:
        linking.allow(request, now=now)
    if request.step == Step.STORED:
        _open(request, now=now)


def _open(request: ConsentRequest, *, now: datetime) -> None:
    try:
        address = probing.open_mailbox(request, now=now)
    except NotEligible as problem:
        linking.link_without_mailbox(request, problem.failure, now=now)
    else:
        linking.link(request, address, now=now)


def _end(request: ConsentRequest, ended: Ended, *, now: datetime) -> None:
    log.info("consent.ended", consent=str(request.pk), reason=str(ended.reason))
    end(request, ended.reason, ended.failure, now=now)


def _later(request: ConsentRequest, problem: CalendarError, *, now: datetime) -> None:
    """Passing trouble, or our own credential: again after a while, and not for ever."""
    assert request.answered_at is not None, "only answered requests are claimed"  # noqa: S101
    if now - request.answered_at > GIVE_UP:
        _end(request, Ended(problem.failure.reason, problem.failure), now=now)
        return
    if isinstance(problem, CredentialRefused):
        alarms.alarm(problem.failure)
    wait = states.wait_before(
        request.attempts,
        retry_after=problem.failure.retry_after,
        spread=random.random(),  # noqa: S311  not a secret
    )
    # A code dies with the request: nobody waits for longer to be told so.
    has_code = request.step == Step.ANSWERED and request.service == Service.OFFICE_365.value
    not_before = min(now + wait, request.expires_at) if has_code else now + wait
    ConsentRequest.objects.filter(pk=request.pk, ended_at=None).update(
        claimed_until=None,
        not_before=not_before,
        attempts=request.attempts + 1,
        reason=problem.failure.reason,
        code=problem.failure.code[:80],
        trace_id=problem.failure.trace_id[:80],
    )
