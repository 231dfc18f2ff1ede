"""What waits for a worker: how much, since when, and whether that is too long. Counts over all accounts, no names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import cast

from django.core.cache import cache
from django.db.models import Count, Exists, Min, OuterRef, Q, Sum
from redis.exceptions import RedisError

from accounts.models import AssociatedDomain, Job, JobState, Letter
from integrations.failures import Reason
from integrations.models import (
    ALIVE,
    Connection,
    ConsentRequest,
    ExchangeServer,
    Incident,
    LinkRequest,
    LinkState,
    ServerState,
    State,
    TenantConsent,
    TenantLink,
    Trouble,
)
from integrations.preferences import Api

HOUR = timedelta(hours=1)
FRESH = timedelta(minutes=1)
_FLEET = "operations:fleet"


@dataclass(frozen=True)
class Waiting:
    """`due_at`: since when the longest-waiting one could have been done."""

    what: str
    count: int
    due_at: datetime | None
    patience: timedelta
    note: str = ""

    def is_late(self, *, now: datetime) -> bool:
        return self.due_at is not None and now - self.due_at > self.patience


@dataclass(frozen=True)
class Fleet:
    """All connections."""

    alive: int
    refreshed: int  # within the last hour
    in_flight: int
    # Leases past their time: whoever held them died, or was cut off.
    overdue_leases: int
    lost_in_flight: int
    # By a fault of our own: a credential that is refused, a request that is wrong, a key that is gone.
    paused: int


@dataclass(frozen=True)
class Incidents:
    count: int
    affected: int
    began_at: datetime | None


@dataclass(frozen=True)
class Organizations:
    """At Microsoft, those that consented to Application Permissions."""

    count: int
    # All of their mailboxes are, therefore.
    in_trouble: int
    troubled_since: datetime | None


@dataclass(frozen=True)
class Servers:
    """Exchange servers of organizations' own, by which somebody is connected."""

    count: int
    in_trouble: int
    troubled_since: datetime | None


def waiting(*, now: datetime) -> list[Waiting]:
    """The longest-waiting first are those of people who look at a page meanwhile. A query for each table."""
    return [
        _consents(now),
        *_refreshes(now),
        _approvals(),
        _authorizations(now),
        _organizations(now),
        _servers(now),
        _domains(now),
        _jobs(),
        _letters(),
    ]


def fleet(*, now: datetime) -> Fleet:
    """One pass over all of them."""
    ours = (Reason.CREDENTIAL_EXPIRED, Reason.CREDENTIAL_WRONG, Reason.REQUEST_REJECTED, Reason.KEY_MISSING)
    found = Connection.objects.aggregate(
        alive=_count(state__in=ALIVE),
        refreshed=_count(refreshed_at__gt=now - HOUR),
        in_flight=_count(lease_until__gt=now),
        overdue_leases=_count(lease_until__lte=now),
        lost_in_flight=_count(reason=Reason.LOST_IN_FLIGHT),
        paused=_count(state=State.PAUSED, reason__in=ours),
    )
    return Fleet(**found)


def fleet_lately(*, now: datetime) -> Fleet:
    """As counted within the last minute: an open page asks every few seconds, and each count reads every row."""
    try:
        counted = cache.get(_FLEET)
        if counted is None:
            counted = fleet(now=now)
            cache.set(_FLEET, counted, FRESH.total_seconds())
    except RedisError:
        return fleet(now=now)
    return cast(Fleet, counted)


def incidents() -> Incidents:
    found = Incident.objects.filter(ended_at=None).aggregate(
        count=Count("pk"), affected=Sum("affected"), began_at=Min("began_at")
    )
    return Incidents(found["count"], found["affected"] or 0, found["began_at"])


def organizations() -> Organizations:
    links = TenantLink.objects.filter(ended_at=None)
    in_trouble = ~Q(state=LinkState.WORKING)
    found = links.aggregate(
        count=Count("pk"),
        in_trouble=Count("pk", filter=in_trouble),
        troubled_since=Min("since_at", filter=in_trouble),
    )
    return Organizations(**found)


def servers() -> Servers:
    troubled = Q(state__in=(ServerState.DEGRADED, ServerState.PAUSED))
    living = Connection.objects.filter(server=OuterRef("pk")).exclude(state=State.DISCONNECTED)
    found = ExchangeServer.objects.filter(Exists(living)).aggregate(
        count=Count("pk"), in_trouble=Count("pk", filter=troubled), troubled_since=Min("since_at", filter=troubled)
    )
    return Servers(**found)


def _consents(now: datetime) -> Waiting:
    """Those that wait for Microsoft, as it asked, are not late."""
    ripe = Q(not_before=None) | Q(not_before__lte=now)
    found = ConsentRequest.objects.filter(answered_at__isnull=False, ended_at=None).aggregate(
        count=Count("pk"), due_at=Min("answered_at", filter=ripe), later=Count("pk", filter=~ripe)
    )
    note = f"{found['later']:,} wait for Microsoft" if found["later"] else ""
    return Waiting("People on the way to a connection", found["count"], found["due_at"], timedelta(minutes=1), note)


def _refreshes(now: datetime) -> list[Waiting]:
    due = Connection.objects.filter(refresh_due_at__lte=now, state__in=ALIVE).exclude(state=State.CONNECTING)
    # By EWS nothing is refreshed ahead of time: its turn is to be asked whether it still answers.
    of_mailbox = Q(trouble=Trouble.MAILBOX) | Q(api=Api.EWS.value)
    found = due.aggregate(
        tokens=Count("pk", filter=~of_mailbox),
        tokens_due=Min("refresh_due_at", filter=~of_mailbox),
        mailboxes=Count("pk", filter=of_mailbox),
        mailboxes_due=Min("refresh_due_at", filter=of_mailbox),
    )
    return [
        Waiting("Refreshes of access", found["tokens"], found["tokens_due"], timedelta(minutes=5)),
        Waiting("Mailboxes to look at again", found["mailboxes"], found["mailboxes_due"], timedelta(minutes=10)),
    ]


def _approvals() -> Waiting:
    """Microsoft itself may take minutes until a consent holds everywhere."""
    found = TenantConsent.objects.filter(answered_at__isnull=False, granted_at=None, reason="").aggregate(
        count=Count("pk"), due_at=Min("answered_at")
    )
    return Waiting("Consents of administrators to prove", found["count"], found["due_at"], timedelta(minutes=15))


def _authorizations(now: datetime) -> Waiting:
    """Application Permissions; Microsoft itself may take minutes here, too."""
    ripe = Q(not_before=None) | Q(not_before__lte=now)
    found = LinkRequest.objects.filter(answered_at__isnull=False, ended_at=None).aggregate(
        count=Count("pk"), due_at=Min("answered_at", filter=ripe)
    )
    return Waiting("Authorizations of organizations to prove", found["count"], found["due_at"], timedelta(minutes=20))


def _organizations(now: datetime) -> Waiting:
    """Its consent, its directory, its mailboxes: whichever should have been looked at first."""
    sweeps = ("check_due_at", "follow_due_at", "probe_due_at")
    is_due = {name: Q(**{f"{name}__lte": now}) for name in sweeps}
    found = TenantLink.objects.filter(ended_at=None).aggregate(
        count=Count("pk", filter=reduce(or_, is_due.values())),
        **{name: Min(name, filter=due) for name, due in is_due.items()},
    )
    due_at = min((found[name] for name in sweeps if found[name]), default=None)
    return Waiting("Organizations to look at again", found["count"], due_at, timedelta(minutes=10))


def _servers(now: datetime) -> Waiting:
    found = ExchangeServer.objects.filter(check_due_at__lte=now).aggregate(
        count=Count("pk"), due_at=Min("check_due_at")
    )
    return Waiting("Exchange servers to look at again", found["count"], found["due_at"], timedelta(minutes=10))


def _domains(now: datetime) -> Waiting:
    found = AssociatedDomain.objects.filter(check_due_at__lte=now).aggregate(
        count=Count("pk"), due_at=Min("check_due_at")
    )
    return Waiting("Associated domains to verify", found["count"], found["due_at"], timedelta(minutes=10))


def _jobs() -> Waiting:
    """Late is one at which nothing happens, however long it takes as a whole."""
    found = Job.objects.filter(state=JobState.RUNNING).aggregate(count=Count("pk"), due_at=Min("moved_at"))
    return Waiting("Long jobs", found["count"], found["due_at"], timedelta(minutes=2))


def _letters() -> Waiting:
    found = Letter.objects.filter(sent_at=None, dropped_at=None).aggregate(
        count=Count("pk"), due_at=Min("created_at"), failed=Count("pk", filter=Q(attempts__gt=0))
    )
    note = f"{found['failed']:,} no mail server took yet" if found["failed"] else ""
    return Waiting("Letters to people", found["count"], found["due_at"], timedelta(minutes=5), note)


def _count(**which: object) -> Count:
    return Count("pk", filter=Q(**which))
