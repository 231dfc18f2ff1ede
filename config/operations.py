"""*Operations*: what those who run the installation must see, over all accounts, and without the names of people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from redis.exceptions import RedisError

from accounts import doors
from accounts.doors import SignedInRequest
from accounts.nudging import nudge
from config import backlog, credential_lines, heartbeats, release
from config.backlog import Fleet, Incidents, Organizations, Servers, Waiting
from config.credential_lines import Line
from config.heartbeats import SILENT_AFTER, Pulse
from integrations import credential_checks, resealing, tasks, token_keys
from integrations.microsoft import app_credentials
from integrations.models import AppCredential

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Trouble:
    title: str
    text: str
    kind: str = "bad"


@dataclass(frozen=True)
class Work:
    waiting: Waiting
    is_late: bool
    since: str


@dataclass(frozen=True)
class Process:
    name: str
    is_silent: bool
    seen: str
    says: str


@dataclass(frozen=True)
class Standing:
    """Everything that changes while one looks."""

    at: datetime
    troubles: Sequence[Trouble]
    credentials: Sequence[Line]
    is_being_checked: bool
    work: Sequence[Work]
    late: int
    fleet: Fleet
    organizations: Organizations
    servers: Servers
    incidents: Incidents
    # None: Redis, which knows them, does not answer.
    pulse: Pulse | None
    processes: Sequence[Process]


@require_safe
@vary_on_headers("HX-Request")
@doors.operator
def operations(request: SignedInRequest) -> HttpResponse:
    """The page; asked for by itself every few seconds, what changes alone."""
    is_poll = bool(getattr(request, "htmx", False))
    standing = _standing(now=timezone.now(), is_poll=is_poll)
    if is_poll:
        return render(request, "config/_operations.html", {"standing": standing})
    context = {
        "standing": standing,
        "keys": token_keys.known(),
        "uses": resealing.in_use() if "count" in request.GET else None,
        "version": release.version(),
        "pending": release.pending_migrations(),
    }
    return render(request, "config/operations.html", context)


@require_POST
@doors.operator
def operations_check(request: SignedInRequest) -> HttpResponse:
    credential_checks.want(now=timezone.now())
    nudge(tasks.check_credentials)
    messages.success(request, "A worker tries the credentials now.")
    return redirect("operations")


def for_how_long(span: timedelta) -> str:
    """The largest unit that fits: “40 seconds”, “3 minutes”, “2 hours”, “5 days”."""
    seconds = max(int(span.total_seconds()), 0)
    sizes = ((86400, "day"), (3600, "hour"), (60, "minute"))
    size, unit = next(((size, unit) for size, unit in sizes if seconds >= 2 * size), (1, "second"))
    number = seconds // size
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def _standing(*, now: datetime, is_poll: bool = False) -> Standing:
    used = app_credentials.of_environment()
    here = [credential.fingerprint for credential in used]
    lately = Q(pk__in=here) | Q(seen_at__gt=now - credential_lines.STILL_IN_USE)
    rows = list(AppCredential.objects.filter(lately).order_by("name"))
    pulse, fleet = _pulse(now=now), backlog.fleet_lately(now=now) if is_poll else backlog.fleet(now=now)
    work = [_work(waiting, now=now) for waiting in backlog.waiting(now=now)]
    mine = [row for row in rows if row.pk in here]
    are_refused = len([row for row in mine if row.is_refused]) == len(here)
    lines, late = credential_lines.lines(used, rows, now=now), len([one for one in work if one.is_late])
    of_us = _of_credentials(fleet) if are_refused else _of_our_own(lines, fleet)
    return Standing(
        at=now,
        troubles=[*of_us, *_of_processes(pulse, now=now), *_of_work(late)],
        credentials=lines,
        is_being_checked=any(row.is_check_wanted for row in mine),
        work=work,
        late=late,
        fleet=fleet,
        organizations=backlog.organizations(),
        servers=backlog.servers(),
        incidents=backlog.incidents(),
        pulse=pulse,
        processes=list(_processes(pulse, now=now)) if pulse else (),
    )


def _pulse(*, now: datetime) -> Pulse | None:
    try:
        return heartbeats.pulse(now=now)
    except RedisError:
        log.warning("operations.redis")
        return None


def _work(waiting: Waiting, *, now: datetime) -> Work:
    since = for_how_long(now - waiting.due_at) if waiting.due_at else ""
    return Work(waiting, waiting.is_late(now=now), since)


def _of_credentials(fleet: Fleet) -> Iterator[Trouble]:
    yield Trouble(
        "Microsoft accepts none of the portal’s own credentials.",
        f"{_paused(fleet)} paused, and nobody has been told to reconnect. Nothing is refreshed; a worker asks "
        "Microsoft again every minute, and once one is accepted they come back by themselves, within minutes.",
    )


def _of_our_own(lines: Iterable[Line], fleet: Fleet) -> Iterator[Trouble]:
    if fleet.paused:
        yield Trouble(
            f"{_paused(fleet)} paused by a fault of our own.",
            "Either Microsoft rejects the way the portal asks (its registration there does not fit), or a key is "
            "missing from TOKEN_KEYS. Nobody has been told to reconnect. The mail to the operators says which; each "
            "comes back by itself within an hour of the mend.",
        )
    for line in lines:
        if line.badge in (credential_lines.REFUSED, credential_lines.EXPIRED):
            text = "The other one is used, if Microsoft accepts it. Replace this one before that is gone, too."
            yield Trouble(f"{line.name}: {line.badge.label.lower()}.", text, "warn")


def _of_work(late: int) -> Iterator[Trouble]:
    if late:
        yield Trouble("Some work is late.", "The table below says which, and since when.", "warn")


def _paused(fleet: Fleet) -> str:
    return "1 connection is" if fleet.paused == 1 else f"{fleet.paused:,} connections are"


def _of_processes(pulse: Pulse | None, *, now: datetime) -> Iterator[Trouble]:
    if pulse is None:
        yield Trouble(
            "Redis does not answer.",
            "Workers get no tasks without it, and who lives is not known. Look at REDIS_URL, and whether Redis runs. "
            "What waits is kept in the database, and goes on by itself.",
        )
        return
    if all(now - worker.seen_at > SILENT_AFTER for worker in pulse.workers):
        yield Trouble(
            "No worker for 30 seconds.",
            "No Celery worker has given a sign of life. Start one: “celery -A config worker -P threads”. What waits "
            "is kept, and goes on by itself.",
        )
    if pulse.beat_at is None or now - pulse.beat_at > SILENT_AFTER:
        yield Trouble(
            "Beat is silent.",
            "Celery’s beat, which starts every sweep, has handed over nothing for 30 seconds. Start one, and only "
            "one: “celery -A config beat”.",
        )


def _processes(pulse: Pulse, *, now: datetime) -> Iterator[Process]:
    for worker in pulse.workers:
        says = f"{worker.busy} of {worker.concurrency} tasks at work, {worker.done:,} taken since it started"
        yield _process(worker.name, worker.seen_at, says, now=now)
    if pulse.beat_at:
        yield _process("beat", pulse.beat_at, "Starts every sweep", now=now)


def _process(name: str, seen_at: datetime, says: str, *, now: datetime) -> Process:
    return Process(name, now - seen_at > SILENT_AFTER, f"{for_how_long(now - seen_at)} ago", says)
