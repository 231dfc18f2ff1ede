"""The jobs of leaving EWS: *Look whether people could use Graph*, *Move to Graph*, and *Bring back to EWS*; a row for
each person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count

from django.db.models import QuerySet
from django.urls import reverse

from accounts import jobs, listed
from accounts.cascade.read import effective
from accounts.job_kinds import PEOPLE
from accounts.jobs import Line, Result
from accounts.models import Account, Job, JobRow, JobState, RowState, User
from integrations import reasons
from integrations.leaving_ews import found, going_back, moving, wanted
from integrations.leaving_ews.going_back import Returned
from integrations.leaving_ews.moving import Ending
from integrations.leaving_ews.trying import try_graph
from integrations.models import Connection, Prospect
from integrations.preferences import Integrations, Method

READ_AT_ONCE = 2000
NOT_AGAIN_BEFORE = timedelta(minutes=30)
SHOWN = {"email": "E-mail"}

_LOOKED = {
    Prospect.READY: Result(RowState.DONE, "Can be moved without them."),
    Prospect.ASKS_PERSON: Result(RowState.DONE, "Must agree at Microsoft once."),
    Prospect.NEEDS_ADMIN: Result(RowState.DONE, "Needs consent of the Microsoft 365 admin."),
    Prospect.ON_PREMISES: Result(RowState.UNCHANGED, "The mailbox is not in Exchange Online: not affected."),
    Prospect.NO_TENANT: Result(RowState.UNCHANGED, "No Microsoft 365 organization is known for this address."),
    Prospect.NOT_ELIGIBLE: Result(RowState.FAILED, "No mailbox that Graph can read."),
    Prospect.UNKNOWN: Result(RowState.FAILED, "Could not be found out."),
}
_MOVED = {
    Ending.MOVED: Result(RowState.DONE, "Moved to Graph."),
    Ending.ASKED: Result(RowState.UNCHANGED, "Must agree at Microsoft once; asked by e-mail. EWS goes on until then."),
    Ending.NEEDS_ADMIN: Result(RowState.FAILED, "Needs consent of the Microsoft 365 admin. EWS goes on until then."),
    Ending.ON_PREMISES: Result(RowState.UNCHANGED, "The mailbox is not in Exchange Online."),
    Ending.NO_TENANT: Result(RowState.UNCHANGED, "No Microsoft 365 organization is known for this address."),
    Ending.NOT_ELIGIBLE: Result(RowState.FAILED, "Graph does not open the same mailbox. EWS goes on."),
    Ending.LATER: Result(RowState.FAILED, "Microsoft did not answer. Meridian tries again by itself within minutes."),
    Ending.NOT_BY_EWS: Result(RowState.UNCHANGED, "Not connected by EWS any more."),
    Ending.NOT_WANTED: Result(RowState.UNCHANGED, "The settings say EWS for this person."),
}
_RETURNED = {
    Returned.BACK: Result(RowState.DONE, "Goes by EWS again."),
    Returned.NOT_KEPT: Result(RowState.UNCHANGED, "The time in which this could be undone is over."),
    Returned.NOT_ALLOWED: Result(RowState.UNCHANGED, "The settings say Graph. Put EWS back in the settings first."),
    Returned.NO_ANSWER: Result(RowState.FAILED, "EWS does not open the mailbox any more. Graph goes on."),
    Returned.OVERTAKEN: Result(RowState.FAILED, "Something else happened to it in this moment. Try again."),
}


def look(account: Account, *, by: User, now: datetime) -> Job:
    """Whether each who goes by EWS could go by Graph. Nothing is moved by it."""
    return _start(LOOK, "Look whether people could use Graph", account, wanted.by_ews(account), by=by, now=now)


def move(account: Account, connections: Iterable[int], *, by: User | None, now: datetime) -> Job:
    """Of these, whoever the settings say Graph for when their turn comes."""
    chosen = wanted.by_ews(account).filter(pk__in=listed.ids(connections))
    return _start(MOVE, "Move to Graph", account, chosen, by=by, now=now)


def bring_back(account: Account, connections: Iterable[int], *, by: User | None, now: datetime) -> Job:
    chosen = Connection.objects.filter(account=account, pk__in=listed.ids(connections))
    return _start(BACK, "Bring back to EWS", account, chosen, by=by, now=now)


def is_moving(account: Account) -> bool:
    return Job.objects.filter(account=account, kind=MOVE, state=JobState.RUNNING).exists()


def was_stopped(account: Account, *, now: datetime) -> bool:
    """By somebody, and not long ago: it is not begun again under their hands."""
    last = Job.objects.filter(account=account, kind=MOVE).order_by("-created_at").first()
    if last is None or last.state != JobState.CANCELLED or last.ended_at is None:
        return False
    return last.ended_at > now - NOT_AGAIN_BEFORE


def newest(account: Account) -> dict[str, Job]:
    """By kind, each with whoever began it. One query."""
    mine = Job.objects.filter(account=account, kind__in=[LOOK, MOVE, BACK]).select_related("by")
    return {job.kind: job for job in mine.order_by("created_at")}


def _start(
    kind: str, title: str, account: Account, chosen: QuerySet[Connection], *, by: User | None, now: datetime
) -> Job:
    return jobs.start(account, kind=kind, title=title, rows=_lines(chosen), by=by, back=reverse("ews"), now=now)


def _lines(chosen: QuerySet[Connection]) -> Iterator[Line]:
    numbers = count(1)
    columns = chosen.order_by("user__email", "pk").values_list("pk", "user__email")
    for pk, email in columns.iterator(chunk_size=READ_AT_ONCE):
        yield Line(next(numbers), {"connection": pk, "email": email.lower()})


def _look(job: Job, row: JobRow, *, now: datetime) -> Result:
    connection = moving.by_ews_or_none(row.given["connection"])
    if connection is None:
        return _MOVED[Ending.NOT_BY_EWS]
    values = effective(Integrations, connection.user)
    by_organization = connection.method in (Method.APPLICATION_PERMISSIONS.value, Method.IMPERSONATION.value)
    if wanted.wants_graph(values):
        by_organization = wanted.wants_organization(values)
    tried = try_graph(connection, by_organization=by_organization, now=now)
    found.note(connection, tried, now=now)
    told = _LOOKED[tried.outcome]
    return _because(told, tried.failure.reason.value) if tried.failure else told


def _move(job: Job, row: JobRow, *, now: datetime) -> Result:
    moved = moving.move(row.given["connection"], now=now)
    return _because(_MOVED[moved.ending], moved.reason)


def _bring_back(job: Job, row: JobRow, *, now: datetime) -> Result:
    returned, reason = going_back.go_back(row.given["connection"], actor=job.by, now=now)
    return _because(_RETURNED[returned], reason)


def _because(told: Result, reason: str) -> Result:
    if not reason:
        return told
    try:
        return Result(told.state, f"{told.outcome} {reasons.in_words(reason)}.")
    except KeyError:
        return told


LOOK = jobs.declare("leaving_ews.look", errand=_look, shown=SHOWN, rows=PEOPLE)
MOVE = jobs.declare("leaving_ews.move", errand=_move, shown=SHOWN, rows=PEOPLE)
BACK = jobs.declare("leaving_ews.back", errand=_bring_back, shown=SHOWN, rows=PEOPLE)
