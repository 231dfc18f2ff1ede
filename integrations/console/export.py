"""The list as it was filtered, as a table to download."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice

from django.db.models import Prefetch, QuerySet

from accounts import audit
from accounts.affected import names_of_groups
from accounts.models import Account, Membership, User
from integrations.console import filters, listing
from integrations.console.filters import Chosen
from integrations.console.listing import Row
from integrations.console.tiles import LOOKS

EXPORTED = audit.declare(
    "connections.exported",
    "{actor} downloaded the list of connections.",
    say={"state": lambda state: LOOKS[state].label},
)
AT_ONCE = 2000
HEADER = (
    "Person",
    "E-mail",
    "Groups",
    "State",
    "Reason",
    "Since",
    "Account",
    "Service",
    "Permissions",
    "Not granted",
    "Last good answer",
    "Connected first",
)


def export(chosen: Chosen, *, actor: User, now: datetime, zone: tzinfo) -> Iterator[list[object]]:
    """Beneath HEADER; read from the database as it is read here, two or three queries for each two thousand people.
    That it left the portal is an entry in the audit log: without what was searched for, which may be a name."""
    account = actor.account
    after = {"state": chosen.state}
    audit.record(EXPORTED, account=account, actor=actor, on=account, now=now, after=after)
    return _lines(filters.apply(chosen, account), actor, now=now, zone=zone)


def _lines(people: QuerySet[User], reader: User, *, now: datetime, zone: tzinfo) -> Iterator[list[object]]:
    names = _positions(reader.account)
    members = Prefetch("memberships", queryset=Membership.objects.only("user", "group"))
    found = listing.with_connections(people).prefetch_related(members)
    rest = found.iterator(chunk_size=AT_ONCE)
    while some := list(islice(rest, AT_ONCE)):
        for row in listing.rows_of(some, reader, now=now):
            places = sorted(names[one.group_id] for one in row.person.memberships.all() if one.group_id in names)
            yield _line(row, places, zone)


def _line(row: Row, places: list[tuple[int, str]], zone: tzinfo) -> list[object]:
    known = row.connection
    return [
        row.person.name,
        row.person.email,
        ", ".join(f"{name} (P{position})" for position, name in places),
        row.look.label,
        row.reason,
        _moment(known.since_at if known else None, zone),
        known.address if known else "",
        row.way,
        row.permissions,
        row.withheld,
        _moment(known.last_good_at if known else None, zone),
        _moment(known.connected_at if known else None, zone),
    ]


def _positions(account: Account) -> dict[int, tuple[int, str]]:
    return {pk: (position, name) for position, (pk, name) in enumerate(names_of_groups(account).items(), start=1)}


def _moment(moment: datetime | None, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""
