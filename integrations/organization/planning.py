"""What a look at the directory comes to: whose mailbox is probed, whose address is another now, who has none. Pure but
for what it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integrations.failures import Reason
from integrations.models import Move, State, TenantLink
from integrations.organization import by_address
from integrations.organization.connecting import AT_A_TIME, Wish
from integrations.organization.covering import Covered
from integrations.organization.matching import NOBODY, Finding, Match, same
from integrations.organization.people import People, Standing
from integrations.states.organization import KEPT_OUT

# What a mailbox refused is not asked by each following: probing comes back to it.
NOT_AGAIN_BEFORE = timedelta(hours=6)
_BY_A_PROBE = (*KEPT_OUT, Reason.NO_MAILBOX, Reason.ON_PREMISES)


@dataclass
class Plan:
    wishes: list[Wish] = field(default_factory=list)
    # By person, of whom the directory itself tells that nobody is to be connected.
    unmatched: dict[int, Match] = field(default_factory=dict)
    # By connection: object id and address of now.
    renamed: dict[int, tuple[str, str]] = field(default_factory=dict)
    # Connections of people's own that the organization's consent cannot carry.
    refused: list[int] = field(default_factory=list)
    # People whom the restriction by domain keeps out.
    outside: list[int] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)


def plan(link: TenantLink, people: People, matches: Mapping[int, Match], *, now: datetime) -> Plan:
    made = _Planner(link, now)
    for person, found in matches.items():
        made.place(person, found, people.covered[person], people.standing.get(person))
    made.settle_missing(sum(one.is_alive for one in people.of(link)))
    return made.plan


def leaving(link: TenantLink, people: People) -> Iterable[tuple[Reason, int]]:
    """Whom it is not used for any more. Whether the settings still allow a connection that works is for `fitting`,
    which gives it its grace."""
    for one in people.of(link):
        if one.domain not in link.domains:
            yield Reason.OUTSIDE_DOMAIN, one.person
        elif one.person not in people.covered and one.state == State.NOT_ELIGIBLE:
            yield Reason.NOT_COVERED, one.person


class _Planner:
    def __init__(self, link: TenantLink, now: datetime) -> None:
        self._link, self._now, self.plan = link, now, Plan()
        self._missing: list[Standing] = []

    def place(self, person: int, found: Match, covered: Covered, row: Standing | None) -> None:
        if found.finding is Finding.OUTSIDE_DOMAIN:
            self.plan.found[Finding.OUTSIDE_DOMAIN] += 1
            if row and row.is_own and row.move == Move.READY and row.tenant_id == self._link.tenant_id:
                self.plan.refused.append(row.pk)
        elif row and row.is_alive and (row.is_own or row.api != self._link.api):
            self._other(row, found)
        elif found.finding is not Finding.MATCHED:
            self._unmatched(person, found, covered, row)
        elif not covered.allows(found.address):
            self._outside(person, found, row)
        else:
            self._matched(person, found, row)

    def settle_missing(self, connected: int) -> None:
        """Whose mailbox worked, and whom the directory does not name any more, is asked for by what they were. Of many
        at once it is the directory that is doubted: they are left to probing."""
        if len(self._missing) <= max(AT_A_TIME, connected // 10):
            self.plan.wishes += [_missing(one) for one in self._missing]

    def _other(self, row: Standing, found: Match) -> None:
        """A connection that its person made, or that goes by the other API, and that works: moved, if it is the same
        mailbox. What somebody made by Graph is never moved to EWS."""
        is_backwards = self._link.is_by_ews and row.is_own and row.api != self._link.api
        if row.tenant_id != self._link.tenant_id or is_backwards:
            self.plan.found["elsewhere"] += 1
            return
        self.plan.found[found.finding] += 1
        is_another = bool(found.object_id and row.object_id) and found.object_id != row.object_id
        if found.finding is not Finding.MATCHED or is_another:
            if row.move != Move.REFUSED:
                self.plan.refused.append(row.pk)
        elif not found.object_id and same(row.address) != same(row.email) and self._is_first_without_directory():
            return  # the right to read it may be on its way
        elif row.move != Move.REFUSED or not self._is_recent(row):
            object_id, is_compared = row.object_id or found.object_id, not found.object_id
            wish = Wish(row.person, object_id, found.address, found.is_on_premises, is_compared, known_as=row.address)
            self.plan.wishes.append(wish)

    def _is_first_without_directory(self) -> bool:
        return not by_address.may_be_asked(self._link)

    def _unmatched(self, person: int, found: Match, covered: Covered, row: Standing | None) -> None:
        if row is None and not covered.allows(covered.address):
            self._outside(person, found, row)
            return
        is_ours = row is not None and row.is_by(self._link)
        is_missing = found == NOBODY and is_ours and row is not None and bool(row.object_id)
        if row and is_missing and row.is_alive:
            self.plan.found[Finding.MATCHED] += 1
            self._missing.append(row)
            return
        self.plan.found[found.finding] += 1
        if row and row.state == State.BLOCKED_BY_POLICY:
            return
        is_told = row and (row.reason == found.reason or (is_missing and row.reason in _BY_A_PROBE))
        if not (row and is_ours and row.state == State.NOT_ELIGIBLE and is_told):
            self.plan.unmatched[person] = found

    def _outside(self, person: int, found: Match, row: Standing | None) -> None:
        self.plan.found[Finding.OUTSIDE_DOMAIN] += 1
        if row and row.is_by(self._link):
            if row.is_alive:
                self._rename(row, found)  # then the settings end it
            elif row.state == State.NOT_ELIGIBLE:
                self.plan.outside.append(person)

    def _matched(self, person: int, found: Match, row: Standing | None) -> None:
        is_ours = row is not None and row.is_by(self._link)
        if row and is_ours and row.state == State.NOT_ELIGIBLE and self._was_probed(row, found):
            self.plan.found[_finding(row)] += 1
            return
        self.plan.found[Finding.MATCHED] += 1
        if row and is_ours and (row.is_alive or row.state == State.BLOCKED_BY_POLICY):
            if row.object_id in ("", found.object_id) or not found.object_id:
                self._rename(row, found)
                return
        elif row and row.state == State.BLOCKED_BY_POLICY and self._is_recent(row):
            return
        self.plan.wishes.append(_wish(person, found))

    def _rename(self, row: Standing, found: Match) -> None:
        now_called = (found.object_id or row.object_id, found.address)
        if found.object_id and now_called != (row.object_id, row.address):
            self.plan.renamed[row.pk] = now_called

    def _was_probed(self, row: Standing, found: Match) -> bool:
        """Of this very mailbox it is known how it answers."""
        is_same = row.object_id == found.object_id
        if not found.object_id:
            is_same = is_same and same(row.address) == same(found.address)
        return is_same and bool(row.code) and row.reason in _BY_A_PROBE and self._is_recent(row)

    def _is_recent(self, row: Standing) -> bool:
        return row.failed_at is not None and self._now - row.failed_at < NOT_AGAIN_BEFORE


def _finding(row: Standing) -> Finding:
    return Finding.SCOPED_OUT if row.reason in KEPT_OUT else Finding.NO_MAILBOX


def _missing(row: Standing) -> Wish:
    return Wish(row.person, row.object_id, row.address, is_missing=True)


def _wish(person: int, found: Match) -> Wish:
    return Wish(person, found.object_id, found.address, found.is_on_premises)
