"""The rows of those whom an organization's consent connects: looked at and written many at once, in one transaction.

Whoever has a connection of their own that works keeps it, unless the very same mailbox opened to the organization: then
the row is the organization's from one moment to the next. One mailbox is one person's, here and in every account.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit
from accounts.cascade.across import held_by_each
from accounts.models import User
from integrations import reasons, states
from integrations.models import AwaitedApproval, Connection, Move, State, TenantLink
from integrations.organization.covering import Covered, is_served
from integrations.organization.mailbox_rights import may_write_calendars
from integrations.organization.sameness import is_carried, is_established, is_same, is_taken, taken
from integrations.organization.told import Ending, Verdict, ambiguous, without_twins
from integrations.preferences import Integrations, Method, Service
from integrations.states.joining import COLUMNS

__all__ = ["Ending", "Verdict", "replaced", "without_twins", "write"]

CONNECTED = audit.declare(
    "calendar.connected_by_organization", "{target} is connected by its organization.", personal_target=True
)
MOVED = audit.declare(
    "calendar.moved_to_organization",
    "{target} is connected by its organization now; Meridian forgot the person’s own access.",
    personal_target=True,
)
NOT_MATCHED = audit.declare(
    "calendar.not_connected_by_organization",
    "The organization’s consent does not connect {target}.",
    personal_target=True,
    say={"reason": reasons.in_words},
)

_WRITTEN = (
    "service",
    "api",
    "method",
    "link",
    "move",
    "server",
    "user_name",
    "tenant_id",
    "object_id",
    "address",
    "calendar_write",
    "contacts_write",
    "granted",
    "withheld",
    *COLUMNS,
)
_BY_ORGANIZATION = Method.APPLICATION_PERMISSIONS.value


class Replaced(Protocol):
    """Told, in the transaction, of connections by EWS, as they were, that go by Graph from now on."""

    def __call__(self, connections: Sequence[Connection], *, now: datetime) -> None: ...


# Opening: who keeps what such a connection was, so that it can go back. Filled in `ready()`.
replaced: list[Replaced] = []


class _Done(NamedTuple):
    """What becomes of a row; `action`: what the audit log says of it, "" where nothing changes."""

    ending: Ending
    row: Connection | None = None
    action: str = ""


def write(link: TenantLink, verdicts: Mapping[int, Verdict], *, now: datetime) -> dict[int, Ending]:
    """By person. Each as they are now: who left, who is not covered any more and what was connected meanwhile counts.

    At most ten statements, however many they are."""
    try:
        return _Sheet(link, verdicts, now=now).write()
    except IntegrityError:
        # Somebody else was connected to one of these mailboxes at this moment: one by one, so that the others are not
        # kept from theirs.
        if len(verdicts) == 1:
            return dict.fromkeys(verdicts, Ending.LATER)
        return {person: ending for one in verdicts for person, ending in _alone(link, verdicts[one], now=now).items()}


def _alone(link: TenantLink, verdict: Verdict, *, now: datetime) -> dict[int, Ending]:
    return write(link, {verdict.person: verdict}, now=now)


class _Sheet:
    """Some people, in one transaction."""

    def __init__(self, link: TenantLink, verdicts: Mapping[int, Verdict], *, now: datetime) -> None:
        self._link, self._verdicts, self._now = link, verdicts, now
        # As they were before they went by Graph.
        self._by_ews: list[Connection] = []

    def write(self) -> dict[int, Ending]:
        with transaction.atomic():
            link = TenantLink.objects.select_for_update(of=("self",), no_key=True)
            current = link.select_related("account").filter(pk=self._link.pk, ended_at=None).first()
            if current is None:
                return dict.fromkeys(self._verdicts, Ending.NOT_COVERED)
            self._link = current
            return self._settled()

    def _settled(self) -> dict[int, Ending]:
        # The people first, as everything does that ends or makes a connection.
        self._people = _there(self._link, self._verdicts)
        self._covered = _covered(self._link, self._people)
        self._rows = _rows(self._people)
        self._taken = taken(self._link, self._verdicts.values())
        self._may_write = may_write_calendars(self._link)
        done = {person: self._done(one) for person, one in self._verdicts.items()}
        self._store([one for one in done.values() if one.row is not None and one.action])
        for keep in replaced if self._by_ews else ():
            keep(self._by_ews, now=self._now)
        self._refuse([one.row for one in done.values() if one.ending is Ending.KEPT and one.row is not None])
        return {person: one.ending for person, one in done.items()}

    def _done(self, said: Verdict) -> _Done:
        covered, row = self._covered.get(said.person), self._rows.get(said.person)
        if covered is None:
            return _Done(Ending.NOT_COVERED)
        if said.ending is Ending.LATER and not said.is_open:
            return _Done(Ending.LATER)
        if not covered.allows(said.address or covered.address):
            return _Done(Ending.OUTSIDE_DOMAIN)
        if row is not None and row.is_alive and (not row.is_by_organization or row.api != self._link.api):
            return self._moved(said, covered, row)
        if not said.is_open:
            return self._kept_in_view(said, row)
        if is_taken(said, self._taken):
            return self._kept_in_view(ambiguous(said), row)
        return self._carried(said, covered, row)

    def _moved(self, said: Verdict, covered: Covered, row: Connection) -> _Done:
        """What works is only given up for the same mailbox; and what somebody made by Graph never for EWS."""
        is_backwards = self._link.is_by_ews and row.api != self._link.api and row.method == Method.OAUTH
        if is_backwards:
            return _Done(Ending.KEPT)
        if not (said.is_open and is_same(row, said, self._link)):
            return _Done(Ending.KEPT, row)
        is_other_api = row.api != self._link.api
        if is_other_api and not self._link.is_by_ews:
            self._by_ews.append(copy.copy(row))
        is_own = not row.is_by_organization
        self._carry(row, said, covered)
        # One by EWS may keep what it was for a while.
        return _Done(Ending.MOVED if is_own else Ending.CONNECTED, row, CONNECTED if is_other_api else MOVED)

    def _carried(self, said: Verdict, covered: Covered, row: Connection | None) -> _Done:
        if row is not None and is_carried(row, said, self._link):
            return _Done(Ending.CONNECTED)
        row = row or Connection(user=self._people[said.person], since_at=self._now)
        self._carry(row, said, covered)
        return _Done(Ending.CONNECTED, row, CONNECTED)

    def _carry(self, row: Connection, said: Verdict, covered: Covered) -> None:
        self._name(row, said.object_id, said.address)
        row.calendar_write = self._may_write and covered.may_write
        states.carried(row, now=self._now)

    def _kept_in_view(self, said: Verdict, row: Connection | None) -> _Done:
        if said.reason is None:
            return _Done(said.ending)
        if row is not None and row.state == State.BLOCKED_BY_POLICY:
            return _Done(said.ending)  # the settings are the greater obstacle
        is_new = row is None or row.state != State.NOT_ELIGIBLE or row.reason != said.reason.value
        row = row or Connection(user=self._people[said.person], since_at=self._now)
        self._name(row, *self._in_view_as(said, row))
        row.calendar_write = False
        states.kept_in_view(row, said.reason, now=self._now, code=said.code)
        return _Done(said.ending, row, NOT_MATCHED if is_new else _SEEN)

    def _in_view_as(self, said: Verdict, row: Connection) -> tuple[str, str]:
        """By which identity and address. One that had opened stays known while nobody else is found: should it be seen
        again, it is followed. Without one it is the person's own address, and none that the row ever had."""
        if said.object_id and not is_taken(said, self._taken):
            return said.object_id, said.address
        if not said.object_id and is_established(row, self._link):
            return row.object_id, row.address
        return "", row.user.email

    def _name(self, row: Connection, object_id: str, address: str) -> None:
        if (row.tenant_id, row.object_id) != (self._link.tenant_id, object_id):
            row.connected_at = row.last_good_at = None  # it is another mailbox
        row.service, row.api, row.method = Service.OFFICE_365.value, self._link.api, _BY_ORGANIZATION
        row.link, row.move, row.tenant_id = self._link, Move.UNKNOWN, self._link.tenant_id
        row.object_id, row.address = object_id, address
        row.server, row.user_name = None, ""
        row.contacts_write, row.granted, row.withheld = False, self._link.roles, []

    def _store(self, done: Collection[_Done]) -> None:
        rows = [one.row for one in done if one.row is not None]
        if not rows:
            return
        for row in rows:
            row.pk = None  # found by its person, whether it is new or not
        Connection.objects.bulk_create(rows, update_conflicts=True, unique_fields=["user"], update_fields=_WRITTEN)
        AwaitedApproval.objects.filter(user__in=[row.user_id for row in rows]).delete()
        for action in (CONNECTED, MOVED, NOT_MATCHED):
            subjects = [_subject(one.row) for one in done if one.action == action and one.row is not None]
            if subjects:
                audit.record_many(action, subjects, account=self._link.account, actor=None, now=self._now)

    def _refuse(self, rows: Iterable[Connection]) -> None:
        ids = [row.pk for row in rows]
        if ids:
            theirs = Connection.objects.filter(_of_others(self._link), pk__in=ids)
            theirs.update(move=Move.REFUSED, failed_at=self._now)


def _of_others(link: TenantLink) -> Q:
    """Connections that are not the link's: made by people, or by the other API."""
    return ~Q(method=_BY_ORGANIZATION) | ~Q(api=link.api)


_SEEN = "seen"  # looked at again, and nothing to tell the audit log


def _subject(row: Connection) -> audit.Subject:
    after = {"reason": row.reason} if row.reason else {"calendar_write": row.calendar_write}
    return audit.Subject(row, after=after, about=row.user_id)


def _there(link: TenantLink, people: Iterable[int]) -> dict[int, User]:
    found = User.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=list(people))
    found = found.filter(account=link.account_id, is_active=True, joined_at__isnull=False)
    return {one.pk: one for one in found.only("account", "email", "name").order_by("pk")}


def _covered(link: TenantLink, people: Mapping[int, User]) -> dict[int, Covered]:
    holding = held_by_each(Integrations, people.keys()) if people else {}
    found = (Covered(pk, one.email, holding[pk].values) for pk, one in people.items())
    return {one.person: one for one in found if is_served(one.settings, link.api) and one.domain in link.domains}


def _rows(people: Mapping[int, User]) -> dict[int, Connection]:
    found = Connection.objects.select_for_update(of=("self",)).filter(user__in=list(people)).order_by("pk")
    rows = {one.user_id: one for one in found}
    for person, row in rows.items():
        row.user = people[person]
    return rows
