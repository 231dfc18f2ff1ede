"""What an answered authorization is worth: a worker asks Microsoft itself, then the organization is linked.

    who          the id_token, by its signature: somebody of this very organization, no guest, and one who may consent
    whose        the domain is still the account's, and at Microsoft still this organization's
    the consent  a token of the application itself in this organization, and what it says of itself

What Microsoft has just been told it may not know everywhere at once: *not known yet* is asked again for a while, with
progress on the page. Then the link is made, and after that the settings are saved: if they cannot be any more, the
link holds all the same. Each step is written down before the next begins, so a worker may die anywhere.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import claims, domains, outbound, vault
from integrations import alarms, consent_proof, failures, states
from integrations.contracts import AppGone, CalendarError, CredentialRefused, Passing
from integrations.failures import Failure, Reason
from integrations.microsoft import admin_claims, app_claims, id_tokens, identity, tenants
from integrations.microsoft.graph import directory_person
from integrations.models import LinkRequest, LinkStep
from integrations.organization import checklist, links, needs, resources, saving, trips, wanted, whose
from integrations.organization.endings import Ending
from integrations.organization.trips import Overtaken
from integrations.preferences import Api

log = structlog.get_logger(__name__)

CLAIM = timedelta(seconds=60)
ATTEMPT = timedelta(seconds=50)  # every request of one attempt together; shorter than the claim
SPREADS_FOR = consent_proof.SPREADS_FOR
GIVE_UP = timedelta(minutes=30)  # what passes, and does not
SAVED_WITHIN = 5  # attempts, about a minute apart
FIRST_WAIT = timedelta(seconds=3)
LONGEST_WAIT = timedelta(seconds=30)
# So long a permission is waited for that is needed besides; the application may not be registered with it at all.
AWAITED_FOR = timedelta(minutes=3)
# The code is no good any more: mostly because an attempt had spent it whose answer was lost.
_SPENT = frozenset({Reason.CODE_SPENT, Reason.CODE_REFUSED, Reason.GRANT_EXPIRED, Reason.GRANT_UNKNOWN})


class Refused(Exception):
    """Nothing comes of it; the reason says why."""

    def __init__(self, reason: str, failure: Failure | None = None) -> None:
        super().__init__(reason)
        self.reason, self.failure = str(reason), failure


class NotYet(Exception):
    """Microsoft does not know everywhere yet what it was told."""

    def __init__(self, reason: str, code: str = "", trace_id: str = "") -> None:
        super().__init__(reason)
        self.reason, self.code, self.trace_id = str(reason), code, trace_id


def prove(request_id: uuid.UUID, *, now: datetime) -> None:
    """Take a request as far as it goes. Runs any number of times; one at a time."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    open_ones = LinkRequest.objects.filter(free, pk=request_id, answered_at__isnull=False, ended_at=None)
    if not open_ones.update(claimed_until=now + CLAIM):
        return
    request = LinkRequest.objects.select_related("account", "by", "change", "link").filter(pk=request_id).first()
    if request is None:
        return
    try:
        with outbound.deadline(ATTEMPT):
            _go_on(request, now=now)
    except Overtaken:
        log.info("authorization.overtaken", request=str(request.pk))
    except Refused as refused:
        _end(request, refused.reason, refused.failure, now=now)
    except vault.CannotOpen:
        log.exception("authorization.cannot_open", request=str(request.pk))
        _end(request, Ending.INTERRUPTED, None, now=now)
    except NotYet as problem:
        _not_yet(request, problem, now=now)
    except (Passing, CredentialRefused) as problem:
        _later(request, problem, now=now)
    except CalendarError as problem:
        _end(request, problem.failure.reason, problem.failure, now=now)


def _go_on(request: LinkRequest, *, now: datetime) -> None:
    assert request.answered_at is not None, "only answered ones are claimed"  # noqa: S101
    if request.link is None:
        if now - request.answered_at > trips.FORSAKE:
            raise Refused(Ending.INTERRUPTED)
        if not claims.may(request.by, request.account):
            raise Refused(Ending.NO_LONGER_ADMIN)
    if request.step == LinkStep.ANSWERED:
        _identify(request)
    if request.step == LinkStep.IDENTIFIED:
        _link(request, now=now)
    if request.step == LinkStep.PROVED:
        _save(request, now=now)


def _identify(request: LinkRequest) -> None:
    """Whoever signed in: of this organization, no guest, and somebody who may consent, as far as Microsoft tells."""
    answer, flow = trips.opened(request, "answer"), trips.opened(request, "flow")["flow"]
    if failure := failures.of_redirect(answer):
        raise Refused(failure.reason, failure)
    try:
        tokens = identity.redeem_sign_in(request.tenant_id, flow, answer)
    except (Passing, CredentialRefused):
        raise
    except CalendarError as problem:
        is_spent = problem.failure.reason in _SPENT
        raise Refused(Ending.INTERRUPTED if is_spent else problem.failure.reason, problem.failure) from problem
    try:
        who = id_tokens.identify(tokens.id_token, nonce=flow["nonce"])
    except id_tokens.Untrusted as problem:
        raise Refused(Ending.UNTRUSTED) from problem
    if who.tenant_id != request.tenant_id.lower():
        raise Refused(Ending.ANOTHER_TENANT)
    standing = admin_claims.read(tokens.access_token, tenant_id=who.tenant_id, object_id=who.object_id)
    if who.is_guest or standing.is_guest:
        raise Refused(Reason.GUEST)
    if standing.may_consent is False:
        raise Refused(Ending.NOT_ADMIN)
    trips.advance(
        request, LinkStep.IDENTIFIED, consented_oid=who.object_id, consented_as=who.username, flow="", answer=""
    )


def _link(request: LinkRequest, *, now: datetime) -> None:
    if request.domain not in domains.verified(request.account):
        raise Refused(Ending.DOMAIN_LOST)
    if tenants.tenant_of(request.domain) != request.tenant_id.lower():
        whose.forget(request.domain)
        raise Refused(Ending.DOMAIN_MOVED)
    roles = _roles(request, now=now)
    with transaction.atomic():
        claims.account(request.account_id)
        # Asked again under the lock: whoever removes a domain, or takes somebody's rights, takes it too.
        if request.domain not in domains.verified(request.account) or not claims.may(request.by, request.account):
            raise Overtaken
        trips.advance(request, LinkStep.PROVED, reason="", code="", trace_id="", not_before=None, attempts=0)
        link = links.establish(request, roles, now=now)
        LinkRequest.objects.filter(pk=request.pk).update(link=link)
    request.link = link


def _save(request: LinkRequest, *, now: datetime) -> None:
    """An attempt is counted before it is made, so that also one counts that ends in nobody knows what."""
    if request.attempts >= SAVED_WITHIN:
        saving.leave(request, now=now)
        return
    trips.advance(request, LinkStep.PROVED, attempts=request.attempts + 1)
    saving.save(request, now=now)


def _roles(request: LinkRequest, *, now: datetime) -> list[str]:
    """What the application's own token in this organization says that was granted. Raises Refused, NotYet."""
    try:
        tokens = identity.app_token(request.tenant_id, resource=resources.of(request.api))
    except (AppGone, CredentialRefused) as problem:
        if problem.failure.code in consent_proof.NOT_THERE_YET:
            raise NotYet(Reason.APP_REMOVED, problem.failure.code, problem.failure.trace_id) from problem
        raise
    said = app_claims.read(tokens.access_token)
    if said.is_readable:
        if said.tenant_id != request.tenant_id.lower() or not _is_ours(said.app_id):
            raise Refused(Ending.UNTRUSTED)
        # A consent gives all that the application is registered with, so at least this one has to arrive.
        if _needed_first(request) not in needs.contained(said.roles):
            raise NotYet(Ending.NO_PERMISSIONS)
        _await_the_rest(request, said.roles, now=now)
    roles = sorted(said.roles)
    if request.api == Api.EWS:  # whose token opens no directory: what the sign-in said of guests has to do
        return roles
    if needs.READ_DIRECTORY in roles and directory_person.is_guest(request.consented_oid, tokens.access_token):
        raise Refused(Reason.GUEST)
    return roles


def _needed_first(request: LinkRequest) -> str:
    return needs.FULL_ACCESS if request.api == Api.EWS else needs.READ_CALENDARS


def _await_the_rest(request: LinkRequest, roles: Collection[str], *, now: datetime) -> None:
    """A permission that was consented to just now arrives after those of before. A link made too early would count it
    as missing as long as its token lives. Raises NotYet."""
    assert request.answered_at is not None  # noqa: S101  as above
    if request.api == Api.EWS:  # which has no other
        return
    policy = checklist.policy_of(request.change) if request.change else None
    needed = wanted.needed_by(request.account, about_to_hold=[policy] if policy else [])
    lacking = needs.REGISTERED.intersection(needed.names) - needs.contained(roles)
    if lacking and now - request.answered_at < AWAITED_FOR:
        raise NotYet(Ending.NO_PERMISSIONS)


def _is_ours(app_id: str) -> bool:
    return app_id == settings.MICROSOFT_CLIENT_ID.lower()


def _end(request: LinkRequest, reason: str, failure: Failure | None, *, now: datetime) -> None:
    log.info("authorization.refused", request=str(request.pk), reason=str(reason))
    code, trace_id = (failure.code, failure.trace_id) if failure else ("", "")
    trips.refuse(request, str(reason), code=code, trace_id=trace_id, attempts=request.attempts + 1, now=now)


def _not_yet(request: LinkRequest, problem: NotYet, *, now: datetime) -> None:
    """Said on the page as progress, until it has had time enough to arrive."""
    assert request.answered_at is not None  # noqa: S101  as above
    if now - request.answered_at > SPREADS_FOR:
        trips.refuse(
            request,
            problem.reason,
            code=problem.code,
            trace_id=problem.trace_id,
            attempts=request.attempts + 1,
            now=now,
        )
        return
    wait = min(FIRST_WAIT * 2 ** min(request.attempts, 10), LONGEST_WAIT)
    _wait(request, problem.reason, problem.code, problem.trace_id, until=now + wait)


def _later(request: LinkRequest, problem: CalendarError, *, now: datetime) -> None:
    """Passing trouble, or our own credential: again after a while, and not for ever."""
    assert request.answered_at is not None  # noqa: S101  as above
    if now - request.answered_at > GIVE_UP:
        _end(request, problem.failure.reason, problem.failure, now=now)
        return
    if isinstance(problem, CredentialRefused):
        alarms.alarm(problem.failure)
    wait = states.wait_before(
        request.attempts,
        retry_after=problem.failure.retry_after,
        spread=random.random(),  # noqa: S311  not a secret
    )
    _wait(request, problem.failure.reason, problem.failure.code, problem.failure.trace_id, until=now + wait)


def _wait(request: LinkRequest, reason: str, code: str, trace_id: str, *, until: datetime) -> None:
    LinkRequest.objects.filter(pk=request.pk, step=request.step, ended_at=None).update(
        claimed_until=None,
        not_before=until,
        attempts=min(request.attempts + 1, 1000),
        reason=str(reason),
        code=code[:80],
        trace_id=trace_id[:80],
    )
