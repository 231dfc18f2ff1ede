"""*Connect people*: the job that connects more people by their organization's consent than one request can ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts import jobs
from accounts.domain_names import listed
from accounts.job_kinds import PEOPLE
from accounts.jobs import Line, Result
from accounts.models import Job, JobRow, JobState, RowState
from integrations.models import LinkState, TenantLink
from integrations.organization import connecting
from integrations.organization.connecting import Ending, Wish
from integrations.organization.matching import Finding, Match
from integrations.organization.people import People
from integrations.organization.planning import Plan

NOT_AGAIN_BEFORE = timedelta(minutes=30)
LONGEST = timedelta(hours=6)
MOST = 5  # of which it is of interest how they ended

_TOLD = {
    Ending.CONNECTED: Result(RowState.DONE, "Connected."),
    Ending.MOVED: Result(RowState.DONE, "Connected; the person’s own connection was replaced."),
    Ending.KEPT: Result(RowState.UNCHANGED, "Stays connected as before: the organization’s mailbox is another."),
    Ending.NO_MAILBOX: Result(RowState.FAILED, "No mailbox that can be read."),
    Ending.AMBIGUOUS: Result(RowState.FAILED, "Ambiguous: the mailbox cannot be told for certain."),
    Ending.OUTSIDE_DOMAIN: Result(RowState.UNCHANGED, "Outside the allowed domains."),
    Ending.SCOPED_OUT: Result(RowState.FAILED, "Scoped out: the organization does not let Meridian into this mailbox."),
    Ending.NOT_COVERED: Result(RowState.UNCHANGED, "No longer covered by the settings."),
    Ending.LATER: Result(RowState.FAILED, "Microsoft did not answer. Meridian tries again by itself within minutes."),
}
_ENDINGS = {Finding.NO_MAILBOX: Ending.NO_MAILBOX, Finding.AMBIGUOUS: Ending.AMBIGUOUS}
OVER = Result(RowState.UNCHANGED, "The organization’s consent is no longer used.")
PAUSED = Result(RowState.FAILED, "The organization’s consent does not work now. Meridian tries again by itself.")


def is_running(link: TenantLink) -> bool:
    return _newest(link).filter(state=JobState.RUNNING).exists()


def was_stopped(link: TenantLink, *, now: datetime) -> bool:
    """By somebody, and not long ago: it is not begun again under their hands."""
    return _newest(link).filter(state=JobState.CANCELLED, ended_at__gt=now - NOT_AGAIN_BEFORE).exists()


def is_too_soon(link: TenantLink, *, now: datetime) -> bool:
    """The one before, and perhaps others before that, came to nothing: the next is put off, twice as long each time."""
    fruitless, last = 0, None
    for job in _of(link).order_by("-created_at")[:MOST]:
        if job.ended_at is None or not _is_fruitless(job):
            break
        fruitless, last = fruitless + 1, last or job.ended_at
    return last is not None and now < last + min(NOT_AGAIN_BEFORE * 2 ** (fruitless - 1), LONGEST)


def is_fruitless_of_late(link: TenantLink) -> bool:
    """Of its newest, most were left for later: before there is another, a few are asked whether it is worth it."""
    job = _newest(link).first()
    return job is not None and job.ended_at is not None and _is_fruitless(job)


def _is_fruitless(job: Job) -> bool:
    left = job.rows.filter(outcome__in=[_TOLD[Ending.LATER].outcome, PAUSED.outcome]).count()
    return left * 2 > job.total


def start(link: TenantLink, plan: Plan, people: People, *, now: datetime) -> Job:
    """A row for each who is to be connected, and for each of whom the directory has just told that they cannot be."""
    with transaction.atomic():
        job = jobs.start(
            link.account,
            kind=CONNECT,
            title=f"Connect people of {listed(link.domains)}",
            rows=_lines(plan, people),
            by=link.linked_by,
            back=reverse("organization", args=[link.pk]),
            now=now,
            arguments={"link": link.pk},
        )
        TenantLink.objects.filter(pk=link.pk).update(job=job)
    link.job = job
    return job


def _of(link: TenantLink) -> QuerySet[Job]:
    return Job.objects.filter(account=link.account_id, kind=CONNECT, arguments__link=link.pk)


def _newest(link: TenantLink) -> QuerySet[Job]:
    return Job.objects.filter(pk__in=TenantLink.objects.filter(pk=link.pk).values("job"))


def _lines(plan: Plan, people: People) -> Iterator[Line]:
    numbers = count(1)
    for wish in plan.wishes:
        given = {"object_id": wish.object_id, "address": wish.address, "on_premises": wish.is_on_premises}
        given |= {"compared": wish.is_compared, "known_as": wish.known_as}
        yield Line(next(numbers), {"person": wish.person, "email": _email(people, wish.person), **given})
    for person, found in plan.unmatched.items():
        told = _foreseen(found)
        yield Line(next(numbers), {"person": person, "email": _email(people, person)}, told.state, told.outcome)


def _foreseen(found: Match) -> Result:
    return _TOLD[_ENDINGS.get(found.finding, Ending.OUTSIDE_DOMAIN)]


def _email(people: People, person: int) -> str:
    return people.covered[person].address.lower()


def _parcel(job: Job, rows: Sequence[JobRow], *, now: datetime) -> Sequence[Result]:
    link = TenantLink.objects.filter(pk=job.arguments["link"], account=job.account_id, ended_at=None).first()
    if link is None:
        return [OVER for _ in rows]
    if link.state == LinkState.PAUSED:
        return [PAUSED for _ in rows]
    return [_TOLD[ending] for ending in connecting.connect(link, [_wish(row.given) for row in rows], now=now)]


def _wish(given: Mapping[str, object]) -> Wish:
    person, object_id, address = int(str(given["person"])), str(given["object_id"]), str(given["address"])
    compared, known_as = bool(given.get("compared")), str(given.get("known_as", ""))
    return Wish(person, object_id, address, bool(given["on_premises"]), compared, known_as=known_as)


CONNECT = jobs.declare("organization.connect", parcel=_parcel, shown={"email": "E-mail"}, rows=PEOPLE)
