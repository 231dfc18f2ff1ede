"""Many connections of one account in one tenant in passing trouble at once: one incident, and nobody is mailed.

Counted is what Microsoft does not answer (`degraded`). A refused credential of the portal's own is another matter,
which the operator is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Q

from accounts.models import Account
from integrations import reasons
from integrations.exchange.identity import is_microsofts
from integrations.failures import Reason
from integrations.models import ALIVE, Connection, Incident, State

FEWEST = 5
SHARE = 5  # one in five
LATELY = timedelta(minutes=30)
KEPT = timedelta(days=90)

_WORDS: dict[str, str] = {
    Reason.TOO_MANY_REQUESTS: "Microsoft has been asking Meridian to wait",
    Reason.NO_ANSWER: "Microsoft has not been answering",
    Reason.TOKEN_REFUSED: "Microsoft has been refusing keys that it had just given",
    Reason.PERMISSION_MISSING: "Microsoft has been refusing what the permissions should allow",
    Reason.NO_MAILBOX: "Microsoft has been saying that mailboxes are missing",
    Reason.SERVER_UNREACHABLE: "Microsoft has not been answering",
    Reason.ACCOUNT_LOCKED: "Microsoft has locked accounts after too many attempts to sign in",
}
_TROUBLE = "Microsoft has had trouble answering"


@dataclass(frozen=True)
class Report:
    """An incident to show: of one that goes on `says` begins a sentence that goes on with the time."""

    says: str
    tenant_id: str
    # The most that were in trouble at once, and how many were connected then.
    affected: int
    connected: int
    began_at: datetime
    ended_at: datetime | None


class Place(NamedTuple):
    """Whose connections, in which tenant."""

    account: int
    tenant: str


class Number(NamedTuple):
    """How many live in a place, and of how many anything is known lately: most are renewed every few hours only, so
    that a share of all would notice an outage hours later."""

    alive: int
    asked: int


_NONE = Number(0, 0)


def is_beginning(troubled: int, asked: int) -> bool:
    """Five at least, and one in five of those that were asked lately."""
    return troubled >= FEWEST and troubled * SHARE >= asked


def is_over(troubled: int, asked: int) -> bool:
    """Below half of what would begin one: a share that goes up and down a little is one incident, not many."""
    return not is_beginning(troubled * 2, asked)


def watch(*, now: datetime) -> None:
    """Open what begins, keep count of what goes on, end what is over. At most five queries, whatever the number of
    accounts and connections."""
    troubled = _troubled()
    going_on = {_place(one): one for one in Incident.objects.filter(ended_at=None)}
    asked = {place for place, reasons in troubled.items() if reasons.total() >= FEWEST} | going_on.keys()
    numbers = _numbers(asked, now=now)
    begun = [
        _begun(place, troubled[place], numbers[place].alive, now=now)
        for place in asked - going_on.keys()
        if is_beginning(troubled[place].total(), numbers[place].asked)
    ]
    over = [one.pk for place, one in going_on.items() if is_over(troubled[place].total(), numbers[place].asked)]
    grown = [one for place, one in going_on.items() if _has_grown(one, troubled[place], numbers[place].alive)]
    with transaction.atomic():
        if begun:  # somebody else who watches may have been quicker
            Incident.objects.bulk_create(begun, ignore_conflicts=True)
        if grown:
            Incident.objects.bulk_update(grown, ["reason", "affected", "connected"])
        if over:
            Incident.objects.filter(pk__in=over, ended_at=None).update(ended_at=now)


def open_in(account: Account) -> list[Report]:
    """Those that go on, the oldest first. One query."""
    return [_report(one) for one in account.incidents.filter(ended_at=None).order_by("began_at")]


def past_in(account: Account, *, most: int) -> list[Report]:
    """Those that are over, the newest first. One query."""
    past = account.incidents.filter(ended_at__isnull=False).order_by("-began_at")
    return [_report(one) for one in past[:most]]


def of(connection: Connection) -> Report | None:
    """The incident that this connection's trouble is part of: it is not only this one. At most one query."""
    if connection.state != State.DEGRADED:
        return None
    going_on = Incident.objects.filter(account=connection.account_id, tenant_id=connection.tenant_id, ended_at=None)
    return next((_report(one) for one in going_on), None)


def forget_old(*, now: datetime) -> None:
    Incident.objects.filter(ended_at__lte=now - KEPT).delete()


def _troubled() -> Mapping[Place, Counter[str]]:
    """How many are in passing trouble for which reason. One query, in which only those are."""
    found = Connection.objects.filter(state=State.DEGRADED).exclude(tenant_id="")
    counted = found.values_list("account_id", "tenant_id", "reason").annotate(number=Count("pk")).order_by()
    troubled = defaultdict[Place, Counter[str]](Counter)
    for account, tenant, reason, number in counted:
        troubled[Place(account, tenant)][reason] += number
    return troubled


def _numbers(places: Iterable[Place], *, now: datetime) -> Mapping[Place, Number]:
    """One query, or none where nobody asks."""
    accounts = {place.account for place in places}
    if not accounts:
        return defaultdict(lambda: _NONE)
    found = Connection.objects.filter(account__in=accounts, state__in=ALIVE)
    is_unknown = Q(state=State.CONNECTED, last_good_at__lt=now - LATELY)
    counted = found.values_list("account_id", "tenant_id").annotate(
        alive=Count("pk"), asked=Count("pk", filter=~is_unknown)
    )
    rows = {Place(account, tenant): Number(alive, asked) for account, tenant, alive, asked in counted.order_by()}
    return defaultdict(lambda: _NONE, rows)


def _begun(place: Place, reasons: Counter[str], alive: int, *, now: datetime) -> Incident:
    return Incident(
        account_id=place.account,
        tenant_id=place.tenant,
        reason=_commonest(reasons),
        affected=reasons.total(),
        connected=alive,
        began_at=now,
    )


def _has_grown(incident: Incident, reasons: Counter[str], alive: int) -> bool:
    """More than ever before; `incident` then says so."""
    if reasons.total() <= incident.affected:
        return False
    incident.reason, incident.affected, incident.connected = _commonest(reasons), reasons.total(), alive
    return True


def _commonest(reasons: Counter[str]) -> str:
    """Of two that are equally common always the same, so that a page does not waver."""
    return min(reasons, key=lambda reason: (-reasons[reason], reason))


def _report(incident: Incident) -> Report:
    says = _WORDS.get(incident.reason, _TROUBLE) if incident.ended_at is None else _said(incident.reason)
    return Report(
        says=says if is_microsofts(incident.tenant_id) else says.replace("Microsoft", "An Exchange server", 1),
        tenant_id=incident.tenant_id,
        affected=incident.affected,
        connected=incident.connected,
        began_at=incident.began_at,
        ended_at=incident.ended_at,
    )


def _said(reason: str) -> str:
    """Of what is over."""
    try:
        return reasons.in_words(reason)
    except KeyError:
        return "Microsoft had trouble answering"


def _place(incident: Incident) -> Place:
    return Place(incident.account_id, incident.tenant_id)
