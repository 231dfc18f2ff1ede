"""What can be done with many people of the console at once, as jobs: *Check now*, *Remind*, *Disconnect*.

Whoever was chosen is written down with the job. The rest is found out when a row's turn comes: whether there still is
a connection, and whether whoever pressed the button still may.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import count, starmap
from typing import Any, NamedTuple

from django.db.models import QuerySet

from accounts import claims, jobs, listed
from accounts.doors import LONGEST_NUMBER
from accounts.job_kinds import PEOPLE
from accounts.jobs import Line, Result
from accounts.models import Account, Job, JobRow, Role, RowState, User
from integrations import checking, disconnecting, telling
from integrations.console import listing
from integrations.console.people import SHOWN
from integrations.console.tiles import LOOKS
from integrations.diagnosis import asked
from integrations.models import Connection, State
from integrations.preferences import Method

READ_AT_ONCE = 2000
SHOWN_IN_REPORT = {"email": "E-mail"}

STRANGER = Result(RowState.FAILED, "Nobody of your account.")
NOT_CONNECTED = Result(RowState.UNCHANGED, "Not connected.")
NOT_ALLOWED = Result(RowState.FAILED, "Whoever began this may no longer manage the people of the account.")
NOT_AN_OWNER = Result(RowState.FAILED, "Only owners may disconnect an owner.")
DISCONNECTED = Result(RowState.DONE, "Disconnected.")
REMINDED = Result(RowState.DONE, "A letter is on its way.")
NOT_AGAIN = Result(RowState.UNCHANGED, "Reminded within the last day, or no longer active.")
MUST_WAIT = Result(RowState.UNCHANGED, asked.MUST_WAIT)
NOTHING_TO_MEND = Result(RowState.UNCHANGED, "There is nothing to reconnect.")
NOTHING_OF_THEIRS = Result(RowState.UNCHANGED, "Connected by the organization: the person has nothing to do.")
# It would be connected again at the next look: what ends it is the settings, or the end of the authorization.
BY_ORGANIZATION = Result(
    RowState.UNCHANGED,
    "Connected by the organization: turn the integration off in the settings of the person, of a group or of the "
    "account, or end the organization’s authorization.",
)


class Someone(NamedTuple):
    person: int
    email: str
    state: str | None
    method: str | None
    role: str

    @property
    def is_by_organization(self) -> bool:
        return self.method == Method.APPLICATION_PERMISSIONS


Foresight = Callable[[Someone], Result | None]


class Selection:
    """People of an account; and how many were named besides who are not of it."""

    def __init__(self, people: QuerySet[User], *, strangers: int = 0) -> None:
        self._people, self._strangers = people, strangers

    def __bool__(self) -> bool:
        return bool(self._strangers) or self._people.exists()

    def lines(self, foresee: Foresight) -> Iterator[Line]:
        """Numbered from one; of some it is known beforehand what becomes of them."""
        numbers = count(1)
        columns = self._people.values_list("pk", "email", "connection__state", "connection__method", "role")
        for one in starmap(Someone, columns.iterator(chunk_size=READ_AT_ONCE)):
            yield _line(next(numbers), {"person": one.person, "email": one.email.lower()}, foresee(one))
        for _ in range(self._strangers):
            yield _line(next(numbers), {"email": ""}, STRANGER)


def named(account: Account, chosen: Iterable[str]) -> Selection:
    """Those whom a form named by their keys."""
    asked = set(chosen)
    ids = {int(one) for one in asked if one.isdecimal() and len(one) < LONGEST_NUMBER}
    people = User.objects.filter(account=account, pk__in=listed.ids(ids))
    return Selection(people.order_by("pk"), strangers=len(asked) - people.count())


def check(chosen: Selection, *, by: User, back: str, now: datetime) -> Job:
    """Ask Microsoft now whether each of them works."""
    return _start(CHECK, "Check connections now", chosen, _unconnected, by=by, back=back, now=now)


def remind(chosen: Selection, *, by: User, back: str, now: datetime) -> Job:
    """Write to those who have to do something themselves; nobody twice within a day."""
    return _start(REMIND, "Remind people to reconnect", chosen, _nothing_to_mend, by=by, back=back, now=now)


def prepare_to_disconnect(chosen: Selection, *, by: User, back: str, now: datetime) -> Job:
    """Nothing is ended before `jobs.confirm`."""
    return jobs.prepare(
        by.account,
        kind=DISCONNECT,
        title="Disconnect people",
        rows=chosen.lines(partial(_not_to_be_ended, by=by)),
        by=by,
        back=back,
        now=now,
    )


def to_disconnect(job: Job) -> QuerySet[JobRow]:
    """Whom a prepared job would disconnect."""
    return job.rows.filter(state=RowState.WAITING).order_by("number")


def _start(kind: str, title: str, chosen: Selection, foresee: Foresight, *, by: User, back: str, now: datetime) -> Job:
    rows = chosen.lines(foresee)
    return jobs.start(by.account, kind=kind, title=title, rows=rows, by=by, back=back, now=now)


def _line(number: int, given: dict[str, Any], foreseen: Result | None) -> Line:
    return Line(number, given, foreseen.state, foreseen.outcome) if foreseen else Line(number, given)


def _unconnected(one: Someone) -> Result | None:
    return None if one.state in SHOWN else NOT_CONNECTED


def _nothing_to_mend(one: Someone) -> Result | None:
    if one.state not in telling.REMINDABLE:
        return NOTHING_TO_MEND
    return NOTHING_OF_THEIRS if one.is_by_organization else None


def _not_to_be_ended(one: Someone, *, by: User) -> Result | None:
    if one.state not in SHOWN:
        return NOT_CONNECTED
    if one.is_by_organization:
        return BY_ORGANIZATION
    return NOT_AN_OWNER if one.role == Role.OWNER and by.role != Role.OWNER else None


def _check(job: Job, row: JobRow, *, now: datetime) -> Result:
    connection = _connection(job, row)
    if connection is None:
        return NOT_CONNECTED
    if job.by is None or not claims.may(job.by, job.account):
        return NOT_ALLOWED
    if not asked.can_check(connection):
        return Result(RowState.UNCHANGED, _standing(connection))
    if asked.must_wait(connection, now=now):
        return MUST_WAIT
    checking.check(connection.pk, now=now)
    found = _connection(job, row)
    return Result(RowState.DONE, _standing(found)) if found else NOT_CONNECTED


def _remind(job: Job, rows: Sequence[JobRow], *, now: datetime) -> Sequence[Result]:
    if job.by is None or not claims.may(job.by, job.account):
        return [NOT_ALLOWED for _ in rows]
    people = [row.given["person"] for row in rows]
    of_people = Connection.objects.filter(account=job.account, user__in=people, state__in=telling.REMINDABLE)
    known = dict(of_people.values_list("user_id", "pk"))
    told = telling.remind(Connection.objects.filter(pk__in=known.values()), by=job.by, now=now)
    return [_reminded(known.get(person), told) for person in people]


def _reminded(connection: int | None, told: Container[int | None]) -> Result:
    if connection is None:
        return NOTHING_TO_MEND
    return REMINDED if connection in told else NOT_AGAIN


def _disconnect(job: Job, row: JobRow, *, now: datetime) -> Result:
    person = User.objects.select_related("account").filter(account=job.account, pk=row.given["person"]).first()
    if person is None:
        return NOT_CONNECTED
    if job.by is None or not claims.may(job.by, person):
        return NOT_ALLOWED
    found = _connection(job, row)
    if found and found.is_by_organization:
        return BY_ORGANIZATION  # moved meanwhile
    ended = disconnecting.disconnect(person, actor=job.by, now=now, reason=job.arguments.get("reason", ""))
    return DISCONNECTED if ended or _was_ended(job, row) else NOT_CONNECTED


def _was_ended(job: Job, row: JobRow) -> bool:
    """By a worker that died before it could say so."""
    connection = Connection.objects.filter(user=row.given["person"], state=State.DISCONNECTED).first()
    return connection is not None and connection.since_at >= job.created_at


def _connection(job: Job, row: JobRow) -> Connection | None:
    found = Connection.objects.filter(account=job.account, user=row.given["person"], state__in=SHOWN)
    return found.defer("refresh_token", "access_token").first()


def _standing(connection: Connection) -> str:
    """How it stands, in a sentence."""
    label = LOOKS[connection.state].label
    return f"{label}: {listing.reason(connection)}." if connection.reason else f"{label}."


CHECK = jobs.declare("check-connections", errand=_check, shown=SHOWN_IN_REPORT, rows=PEOPLE)
REMIND = jobs.declare("remind-people", work=_remind, shown=SHOWN_IN_REPORT, rows=PEOPLE)
DISCONNECT = jobs.declare("disconnect-people", errand=_disconnect, shown=SHOWN_IN_REPORT, rows=PEOPLE)
