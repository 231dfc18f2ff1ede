"""Members of a group by a list of addresses: prepared, shown with its consequences, then done as a job."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from django.db.models.functions import Lower
from django.http import Http404

from accounts import claims, doors, groups, jobs, listed
from accounts.cascade.changes import Change, Join, Leave
from accounts.cascade.impact import Impact, impact
from accounts.groups.membership import joining
from accounts.jobs import Line, Result
from accounts.member_lists import Action, Wish
from accounts.models import Group, Job, JobRow, Membership, RowState, User

T = TypeVar("T")

AT_ONCE = 2_000  # lines or people in memory
TROUBLES = 50  # shown before the list is confirmed; the report has them all

UNKNOWN = Result(RowState.FAILED, "Nobody in this account has this address.")
GROUP_GONE = Result(RowState.FAILED, "The group was deleted meanwhile.")
NOT_ALLOWED = Result(RowState.FAILED, "Whoever began this may no longer manage the group.")
ADDED = Result(RowState.DONE, "Added to the group.")
REMOVED = Result(RowState.DONE, "Removed from the group.")
WAS_THERE = Result(RowState.UNCHANGED, "Was in the group already.")
WAS_NOT_THERE = Result(RowState.UNCHANGED, "Was not in the group.")
ABOVE = Result(RowState.FAILED, "Only an owner or an admin of the account can remove a group admin. Ask one of them.")


@dataclass(frozen=True)
class Trouble:
    number: int
    email: str
    sentence: str


@dataclass(frozen=True)
class Tally:
    """How many things of one sort would end or come back, in the words of their `Consequences`."""

    things: tuple[str, str]
    verb: tuple[str, str]
    ends: int
    returns: int
    note: str


@dataclass(frozen=True)
class Preview:
    """What a prepared list would do if it were confirmed now."""

    joining: tuple[int, ...]
    leaving: tuple[int, ...]
    nothing_to_do: int
    not_done: int
    troubles: tuple[Trouble, ...]
    impacts: tuple[Impact, ...]
    # Everybody with a value that changes or something that ends or returns; first those for whom something ends.
    affected: tuple[int, ...]

    @property
    def changed(self) -> int:
        return sum(len(one.people) for one in self.impacts)

    @property
    def ends(self) -> int:
        return sum(one.ends for one in self.impacts)

    @property
    def tallies(self) -> list[Tally]:
        asked = [consequence for one in self.impacts for consequence in one.consequences]
        return [
            Tally(
                things,
                next(one.verb for one in asked if one.things == things),
                sum(len(one.ends) for one in asked if one.things == things),
                sum(len(one.returns) for one in asked if one.things == things),
                next((one.note for one in asked if one.things == things and one.note), ""),
            )
            for things in dict.fromkeys(one.things for one in asked)
        ]


@dataclass(frozen=True)
class Affected:
    person: User
    changes: tuple[str, ...]
    # What ends or comes back.
    moves: tuple[str, ...]


def prepare(group: Group, wishes: Iterable[Wish], *, by: User, back: str, now: datetime) -> Job:
    return jobs.prepare(
        group.account,
        kind=KIND,
        title=f"Members of {group} by a list",
        rows=map(_line, wishes),
        by=by,
        back=back,
        now=now,
        group=group,
    )


def confirm(job: Job, *, reason: str, now: datetime) -> None:
    """Raises Expired."""
    jobs.confirm(job, now=now, more={"reason": reason})


def preview(job: Job, group: Group) -> Preview:
    """Everything is counted anew, by a few queries and one more for each two thousand lines."""
    counts: Counter[str] = Counter()
    ids: dict[Action, list[int]] = {Action.ADD: [], Action.REMOVE: []}
    troubles: list[Trouble] = []
    for line in _foreseen(job, group):
        counts[line.result.state] += 1
        if line.result.state == RowState.DONE and line.person:
            ids[line.action].append(line.person)
        elif line.result.state == RowState.FAILED and len(troubles) < TROUBLES:
            troubles.append(Trouble(line.number, line.email, line.result.outcome))
    joining, leaving = tuple(ids[Action.ADD]), tuple(ids[Action.REMOVE])
    changes: list[Change] = [
        *([Join(group.pk, joining)] if joining else []),
        *([Leave(group.pk, leaving)] if leaving else []),
    ]
    # Nobody is in both of them, so that what they do adds up.
    impacts = tuple(impact(group.account, change) for change in changes)
    return Preview(
        joining,
        leaving,
        counts[RowState.UNCHANGED],
        counts[RowState.FAILED],
        tuple(troubles),
        impacts,
        tuple(_affected(impacts)),
    )


def affected(shown: Preview, people: Iterable[int]) -> Iterator[Affected]:
    """What happens to each of `people`, in their order. One query for each two thousand."""
    for some in _chunks(people):
        known = {person.pk: person for person in User.objects.filter(pk__in=listed.ids(some))}
        changes, moves = _told_of(shown, set(some))
        yield from (Affected(known[pk], tuple(changes[pk]), tuple(moves[pk])) for pk in some if pk in known)


def _told_of(shown: Preview, people: set[int]) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    changes: dict[int, list[str]] = defaultdict(list)
    moves: dict[int, list[str]] = defaultdict(list)
    for one in shown.impacts:
        for moved in one.moved(people):
            say = moved.setting.say
            changes[moved.person].append(f"{moved.setting.label}: {say(moved.before)} → {say(moved.after)}")
        for consequence in one.consequences:
            for word, effects in ((consequence.verb[1], consequence.ends), ("comes back", consequence.returns)):
                for effect in effects:
                    if effect.person in people:
                        moves[effect.person].append(f"{consequence.things[0].capitalize()} {word} ({effect.because})")
    return changes, moves


def _line(wish: Wish) -> Line:
    given = {"email": wish.email, "action": wish.action.value}
    if wish.trouble:
        return Line(wish.number, given, RowState.FAILED, wish.trouble)
    if wish.same_as:
        return Line(wish.number, given, RowState.UNCHANGED, f"The same as line {wish.same_as:,}.")
    return Line(wish.number, given)


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """What would become of a line now, and the person it names."""

    number: int
    email: str
    action: Action
    person: int | None
    result: Result


def _foreseen(job: Job, group: Group) -> Iterator[_Foreseen]:
    members = dict(Membership.objects.filter(group=group).values_list("user", "is_admin"))
    above_too = job.by is not None and doors.can_manage(job.by, group.account)
    rows = job.rows.order_by("number").values_list("number", "given", "state", "outcome")
    for some in _chunks(rows.iterator(AT_ONCE)):
        people = _people(group, (given["email"] for _, given, state, _ in some if state == RowState.WAITING))
        for number, given, state, outcome in some:
            action, person = Action(given["action"]), people.get(given["email"])
            result = Result(RowState(state), outcome)
            if state == RowState.WAITING:
                result = _result(action, person, group, members, above_too=above_too)
            yield _Foreseen(number, given["email"], action, person.pk if person else None, result)


def _work(job: Job, rows: Sequence[JobRow], *, now: datetime) -> list[Result]:
    try:
        # Nobody changes members, roles or rights of the account until the batch is written.
        group = claims.group(Group(pk=job.group_id, account_id=job.account_id))
        if job.by is None or not claims.may(job.by, group):
            return [NOT_ALLOWED] * len(rows)
    except Http404:
        return [GROUP_GONE] * len(rows)
    people = _people(group, (row.given["email"] for row in rows))
    known = [person.pk for person in people.values()]
    members = dict(Membership.objects.filter(group=group, user__in=known).values_list("user", "is_admin"))
    above_too = claims.may(job.by, group.account)
    results: list[Result] = []
    ids: dict[Action, list[int]] = {Action.ADD: [], Action.REMOVE: []}
    for row in rows:
        action, person = Action(row.given["action"]), people.get(row.given["email"])
        results.append(_result(action, person, group, members, above_too=above_too))
        if results[-1].state == RowState.DONE and person:
            ids[action].append(person.pk)
    reason = job.arguments.get("reason", "")
    for change, make in ((Join, groups.add_members), (Leave, groups.remove_members)):
        if some := tuple(ids[Action.ADD if change is Join else Action.REMOVE]):
            affected = len(impact(group.account, change(group.pk, some)).people)
            make(group, some, actor=job.by, now=now, reason=reason, affected=affected)
    return results


def _result(
    action: Action, person: User | None, group: Group, members: Mapping[int, bool], *, above_too: bool
) -> Result:
    if person is None:
        return UNKNOWN
    if action == Action.ADD and person.pk in members:
        return WAS_THERE
    if action == Action.ADD:
        refusal = joining(person, group, above_too=above_too).refusal
        return Result(RowState.FAILED, refusal.sentence) if refusal else ADDED
    if person.pk not in members:
        return WAS_NOT_THERE
    return ABOVE if members[person.pk] and not above_too else REMOVED


def _people(group: Group, addresses: Iterable[str]) -> dict[str, User]:
    """Of the group's account alone, by address: strangers look like nobody."""
    own = User.objects.filter(account=group.account_id).annotate(address=Lower("email"))
    fields = ("account", "name", "email", "role", "is_active", "joined_at")
    return {person.address: person for person in own.filter(address__in=listed.words(addresses)).only(*fields)}


def _affected(impacts: Iterable[Impact]) -> list[int]:
    ending: set[int] = set()
    others: set[int] = set()
    for one in impacts:
        others |= one.people
        for consequence in one.consequences:
            ending |= {effect.person for effect in consequence.ends}
            others |= {effect.person for effect in consequence.returns}
    return [*sorted(ending), *sorted(others - ending)]


def _chunks(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while some := list(islice(rest, AT_ONCE)):
        yield some


KIND = jobs.declare("group-members", work=_work, shown={"email": "E-mail", "action": "Action"})
