"""An organization's people against its directory: who is new, who was renamed, who left, whom the settings name now.

Level-triggered: whatever changes only says that it is time (`links.want_followed`), and a worker compares what is with
what should be. It writes what has changed and nothing else. Whose mailbox has to be opened first is left to
`connecting`: a few at once, many as a job.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from accounts import domains as associated
from integrations.contracts import CalendarError, NotPermitted, Passing
from integrations.failures import Reason
from integrations.microsoft import tenants
from integrations.microsoft.graph import directory
from integrations.models import LinkState, TenantLink
from integrations.organization import (
    claims,
    connecting,
    connecting_job,
    covering,
    keeping_up,
    link_checks,
    links,
    patience,
    people,
    planning,
    tenant_tokens,
)
from integrations.organization.connecting import Ending
from integrations.organization.matching import Entry, Finding, Match, Sought, match, match_by_address
from integrations.organization.people import People
from integrations.organization.planning import Plan

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=30)
SOON = timedelta(minutes=1)  # after trouble, and while a job still connects people
CLAIM = timedelta(minutes=2)  # renewed with every page of the directory
KNOWN_FOR = timedelta(minutes=30)  # so long it is believed whose a domain is at Microsoft

# What only the probe of a mailbox that was matched has told.
_AFTER_ALL = {
    Ending.SCOPED_OUT: Finding.SCOPED_OUT,
    Ending.NO_MAILBOX: Finding.NO_MAILBOX,
    Ending.AMBIGUOUS: Finding.AMBIGUOUS,
}

_Matches = Mapping[int, Match]


def to_follow(*, now: datetime) -> list[int]:
    """Links whose time has come and that no worker has."""
    due = TenantLink.objects.filter(claims.free(now), Q(follow_due_at=None) | Q(follow_due_at__lte=now), ended_at=None)
    return list(due.order_by("follow_due_at", "pk").values_list("pk", flat=True))


def follow(link_id: int, *, now: datetime) -> None:
    """Look once, if nobody else does. Raises nothing that belongs to Microsoft."""
    claim = claims.take(TenantLink.objects.all(), link_id, CLAIM, now=now)
    if claim is None:
        return
    link = TenantLink.objects.select_related("account").get(pk=link_id)
    seen, again = link.follow_due_at, now + SOON
    try:
        again = now + _Following(link, claim, now=now).take()
    except (tenant_tokens.Busy, tenant_tokens.NotAlive):
        log.info("following.waits", link=link_id)
    except claims.Lost:
        log.info("following.overtaken", link=link_id)
    except CalendarError as problem:
        again = patience.set_back(link, problem.failure, now=now)
        log.info("following.not_answered", link=link_id, reason=problem.failure.reason.value)
    finally:
        claim.release()
        # Whatever changed meanwhile is followed at once.
        unchanged = TenantLink.objects.filter(pk=link_id, follow_due_at=seen, ended_at=None)
        unchanged.update(follow_due_at=again)


class _Following:
    def __init__(self, link: TenantLink, claim: claims.Claim, *, now: datetime) -> None:
        self._link, self._claim, self._now = link, claim, now

    def take(self) -> timedelta:
        """After how long to look again. Raises Busy, NotAlive, Lost, `CalendarError`."""
        link, now = self._link, self._now
        links.use_for(link, _domains(link, now=now), now=now)
        found = people.of(link, covering.covered(link.account, api=link.api))
        self._part(planning.leaving(link, found))
        if not link.domains:
            return self._noted(Plan(), how="")
        if link.not_before is not None and link.not_before > now:
            return link.not_before - now
        if link.state == LinkState.PAUSED:
            return self._while_paused(found)
        if connecting_job.is_running(link):
            return SOON  # what it leaves is seen then, with one look at the directory
        links.mark_ready(link)
        matches, how = self._matches(found)
        if not link.is_by_ews:  # nothing has been asked yet
            patience.answered(link)
        plan = planning.plan(link, found, matches, now=now)
        keeping_up.rename(link, plan.renamed)
        keeping_up.refuse(plan.refused)
        self._part((Reason.NOT_COVERED, person) for person in plan.outside)
        self._keep_in_view(plan.unmatched)
        keeping_up.fit_rights(link, found)
        self._claim.hold(now=now)
        return self._noted(plan, how=how, is_more=self._connect(plan, found))

    def _while_paused(self, found: People) -> timedelta:
        """Nothing that is heard now is believed of anybody. Only where the consent is thought to be gone a few more are
        tried, for it may have been narrowed to people who are new here; once it works, all are followed at once."""
        link, now = self._link, self._now
        if link_checks.is_lost(link) and tenant_tokens.held(link, now=now):
            matches, _ = self._matches(found)
            endings = self._try_a_few(planning.plan(link, found, matches, now=now))
            if Ending.CONNECTED in endings or Ending.MOVED in endings:
                link_checks.check_link(link.pk, now=now)
        return EVERY

    def _try_a_few(self, plan: Plan) -> list[Ending]:
        few = random.sample(plan.wishes, min(connecting.AT_A_TIME, len(plan.wishes)))
        return connecting.connect(self._link, few, now=self._now) if few else []

    def _keep_in_view(self, unmatched: Mapping[int, Match]) -> None:
        for some in _batches(sorted(unmatched)):
            self._claim.hold(now=self._now)
            connecting.keep_in_view(self._link, {person: unmatched[person] for person in some}, now=self._now)

    def _part(self, leaving: Iterable[tuple[Reason, int]]) -> None:
        alike = defaultdict[Reason, list[int]](list)
        for reason, person in leaving:
            alike[reason].append(person)
        for reason, gone in alike.items():
            for some in _batches(gone):
                self._claim.hold(now=self._now)
                links.leave(self._link, some, reason, now=self._now)

    def _matches(self, found: People) -> tuple[_Matches, str]:
        """And whether the directory could be read; EWS has none."""
        sought = found.sought(self._link)
        if self._link.is_by_ews:
            return match_by_address(_by_their_address(sought), domains=self._link.domains), "none"
        token = tenant_tokens.access_token(self._link, now=self._now)
        try:
            entries = list(_held(self._claim, directory.everybody(token), now=self._now))
        except NotPermitted:
            return _as_known(match_by_address(sought, domains=self._link.domains), found), "refused"
        except Passing as problem:
            if problem.failure.reason is Reason.TOKEN_REFUSED:
                tenant_tokens.forget(self._link)
                link_checks.check_link(self._link.pk, now=self._now)
            raise
        return match(sought, entries, domains=self._link.domains, taken=found.taken), "read"

    def _connect(self, plan: Plan, found: People) -> bool:
        """True: they are not all connected yet."""
        link, now = self._link, self._now
        if connecting_job.was_stopped(link, now=now):
            return False
        if len(plan.wishes) > connecting.AT_A_TIME:
            if connecting_job.is_fruitless_of_late(link) and not self._is_worth_it(plan):
                return False
            connecting_job.start(link, plan, found, now=now)
            return True
        endings = connecting.connect(link, plan.wishes, now=now) if plan.wishes else []
        for ending in endings:
            if told := _AFTER_ALL.get(ending):
                plan.found[Finding.MATCHED] -= 1
                plan.found[told] += 1
        return Ending.LATER in endings

    def _is_worth_it(self, plan: Plan) -> bool:
        """The job before came to little: is the trouble over?"""
        endings = self._try_a_few(plan)
        is_over = endings.count(Ending.LATER) * 2 <= len(endings)
        return is_over and not connecting_job.is_too_soon(self._link, now=self._now)

    def _noted(self, plan: Plan, *, how: str, is_more: bool = False) -> timedelta:
        """In numbers, for the pages."""
        found = {finding.value: plan.found[finding] for finding in Finding}
        numbers = {**found, "elsewhere": plan.found["elsewhere"], "directory": how}
        TenantLink.objects.filter(pk=self._link.pk).update(found=numbers, followed_at=self._now)
        return SOON if is_more else EVERY


def _domains(link: TenantLink, *, now: datetime) -> list[str]:
    """Of the account's verified domains those that are the organization's. What Microsoft does not tell now is as it
    was."""
    is_known = link.domains_at is not None and now - link.domains_at < KNOWN_FOR
    believed = link.domains if is_known else []
    theirs = [name for name in associated.verified(link.account) if name in believed or _is_theirs(link, name)]
    if not is_known:
        TenantLink.objects.filter(pk=link.pk).update(domains_at=now)
    return theirs


def _is_theirs(link: TenantLink, name: str) -> bool:
    try:
        return tenants.tenant_of(name) == link.tenant_id
    except Passing:
        return name in link.domains


def _held(claim: claims.Claim, entries: Iterator[Entry], *, now: datetime) -> Iterator[Entry]:
    """However many there are, the link stays claimed."""
    for number, entry in enumerate(entries):
        if number % directory.PAGE == 0:
            claim.hold(now=now)
        yield entry


def _batches(people: list[int]) -> Iterable[list[int]]:
    return (people[at : at + links.AT_ONCE] for at in range(0, len(people), links.AT_ONCE))


def _by_their_address(sought: Iterable[Sought]) -> Iterator[Sought]:
    """EWS opens a mailbox by an address alone, and that is always their own of now."""
    return (replace(one, object_id="") for one in sought)


def _as_known(matches: _Matches, found: People) -> _Matches:
    """Whose mailbox is known by its id keeps the address it had."""
    return {
        person: replace(one, address=found.standing[person].address or one.address) if one.object_id else one
        for person, one in matches.items()
    }
