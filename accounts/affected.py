"""Who is affected by a change under review: the counts, and the list to page through and to download.

The impact is worked out once; of the people only those are read who are shown.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import overload

from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts.affected_counts import Count, counts_of, one_or_more, summed
from accounts.cascade.changes import Join
from accounts.cascade.facts import Ruling
from accounts.cascade.impact import Consequence, affected_by
from accounts.cascade.words import Reader
from accounts.describing import Line, differences
from accounts.models import Account, Group, Membership, User
from accounts.openings import Effect, Prospect
from accounts.reviewing import Review

FEW = 1000  # so many are sorted by themselves, else everybody is read in order
AT_ONCE = 2000


class Who(StrEnum):
    """What can be asked for."""

    ENDS = "ends"
    RETURNS = "returns"
    BEGINS = "begins"
    MOVES = "moves"
    ASKS = "asks"
    CHANGED = "changed"
    ASLEEP = "asleep"
    AWAKE = "awake"


# Of what hangs on people: each with what the opening said of it.
OF_EFFECTS = (Who.ENDS, Who.RETURNS, Who.BEGINS, Who.MOVES, Who.ASKS)


@dataclass(frozen=True)
class Filter:
    who: Who
    label: str
    number: int

    @property
    def said(self) -> str:
        return f"{self.number:,}"

    @property
    def things(self) -> str:
        """What its list counts."""
        if self.who in (Who.ASLEEP, Who.AWAKE):
            return one_or_more(self.number, "choice", "choices")
        return one_or_more(self.number, "person", "people")


@dataclass(frozen=True)
class Subject:
    """One line of the list before it is read: a person or a group, by primary key, and what befalls it."""

    person: int = 0
    group: int = 0
    effect: Effect | None = None
    # The setting of a choice that falls asleep or returns.
    key: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    name: str
    # The address of a person; of a group its position.
    detail: str
    # Those that the reader may know of, in their order, each with its position.
    groups: tuple[tuple[str, int], ...] = ()
    lines: tuple[Line, ...] = ()
    because: str = ""
    # Whose connection it is, where it is not the person's own address.
    what: str = ""


def names_of_groups(account: Account) -> dict[int, str]:
    """In their order: P1 first."""
    return dict(Group.objects.filter(account=account).order_by("rank").values_list("pk", "name"))


class Affected:
    def __init__(self, review: Review, *, names: Mapping[int, str], account: Account, reader: Reader) -> None:
        self.review, self.names, self.account, self.reader = review, names, account, reader
        self._positions = {group: position for position, group in enumerate(names, start=1)}

    @property
    def names_settings(self) -> bool:
        """Whether a value alone does not say which setting, or which part of it, is meant."""
        setting = self.review.setting
        return setting is None or dataclasses.is_dataclass(setting.kind)

    # ── Counted ─────────────────────────────────────────────────────────────
    @cached_property
    def people(self) -> set[int]:
        """Whose value changes."""
        return self.review.found.people

    @cached_property
    def counts(self) -> list[Count]:
        return counts_of(self.review.found, people=len(self.people))

    @cached_property
    def filters(self) -> list[Filter]:
        """What there is to look at, the gravest first."""
        found = self.review.found
        verbs = {one.verb[1] for one in found.consequences if one.ends}
        all_of = [
            Filter(Who.ENDS, verbs.pop().capitalize() if len(verbs) == 1 else "Ending", found.ends),
            Filter(Who.RETURNS, "Coming back", found.returns),
            *(self._filter_of(who) for who in (Who.BEGINS, Who.MOVES, Who.ASKS)),
            Filter(Who.CHANGED, "Value changes", len(self.people)),
            Filter(Who.ASLEEP, "Asleep", sum(summed(found.falls_asleep))),
            Filter(Who.AWAKE, "Choices that return", sum(summed(found.awakes))),
        ]
        return [one for one in all_of if one.number]

    def chosen(self, asked: str) -> Filter | None:
        """What is shown: what was asked for, if there is any of it; None: nobody is affected."""
        return next((one for one in self.filters if one.who == asked), next(iter(self.filters), None))

    # ── Listed ──────────────────────────────────────────────────────────────
    def subjects(self, who: Who) -> Sequence[Subject]:
        """The whole list, by name; groups before people. One query."""
        found = self.review.found
        if who in OF_EFFECTS:
            return self._of_effects([effect for one in found.consequences for effect in _effects(one, who)])
        if who == Who.CHANGED:
            return _People(self._by_name(self.people))
        return self._of_choices(found.falls_asleep if who == Who.ASLEEP else found.awakes)

    def rows(self, who: Who, subjects: Sequence[Subject]) -> list[Row]:
        """Two queries, whatever is asked for; people who were deleted just now are left out."""
        ids = {subject.person for subject in subjects if subject.person}
        found = User.objects.of(self.account).filter(pk__in=ids).values_list("pk", "name", "email") if ids else ()
        people = {person: (name or email, email) for person, name, email in found}
        groups = self._groups_of(ids)
        return [
            self._row_of_group(subject)
            if subject.group
            else self._row_of(who, subject, *people[subject.person], groups.get(subject.person, []))
            for subject in subjects
            if subject.group or subject.person in people
        ]

    def all_rows(self, who: Who) -> Iterator[Row]:
        subjects = self.subjects(who)
        for start in range(0, len(subjects), AT_ONCE):
            yield from self.rows(who, subjects[start : start + AT_ONCE])

    def _row_of(self, who: Who, subject: Subject, name: str, email: str, groups: list[int]) -> Row:
        effect = subject.effect
        return Row(
            name=name,
            detail=email,
            groups=tuple((self.names[group], self._positions[group]) for group in groups),
            lines=tuple(self._moved(subject.person)) if who == Who.CHANGED else self._choice(subject),
            because=effect.because if effect else "",
            what=effect.what if effect and self._may_name_it(effect, email) else "",
        )

    def _may_name_it(self, effect: Effect, email: str) -> bool:
        """A group admin learns what a person has connected once the person is in the group."""
        is_joining = isinstance(self.review.change, Join) and not self.reader.person.is_account_admin
        return effect.what.lower() != email.lower() and not is_joining

    def _row_of_group(self, subject: Subject) -> Row:
        position = self._positions.get(subject.group, 0)
        return Row(self.names.get(subject.group, "A group"), f"Group, P{position:,}", lines=self._choice(subject))

    def _moved(self, person: int) -> Iterator[Line]:
        found = self.review.found
        for key, changed in self._changed.items():
            if person in changed:
                before, after = found.before.value(key, person), found.after.value(key, person)
                yield from differences(found.before.settings[key], before, after)

    @cached_property
    def _changed(self) -> dict[str, frozenset[int]]:
        return {key: frozenset(people) for key, people in self.review.found.changed.items()}

    def _choice(self, subject: Subject) -> tuple[Line, ...]:
        """What was chosen, and sleeps or returns."""
        if not subject.key:
            return ()
        ruling = self._ruling(subject)
        setting = self.review.found.before.settings[subject.key]
        return (Line(setting.label, "", setting.say(ruling.value)),) if ruling else ()

    def _ruling(self, subject: Subject) -> Ruling | None:
        for facts in (self.review.found.before, self.review.found.after):
            level = facts.of_groups if subject.group else facts.own
            if ruling := level.get(subject.key, {}).get(subject.group or subject.person):
                return ruling
        return None

    def _filter_of(self, who: Who) -> Filter:
        asked = self.review.found.consequences
        labels = {prospect.label for one in asked if (prospect := _prospect(one, who)).effects}
        number = sum(len(_effects(one, who)) for one in asked)
        return Filter(who, labels.pop() if len(labels) == 1 else "Others", number)

    def _of_effects(self, effects: Sequence[Effect]) -> list[Subject]:
        of: dict[int, list[Effect]] = defaultdict(list)
        for effect in effects:
            of[effect.person].append(effect)
        return [Subject(person, effect=effect) for person in self._by_name(set(of)) for effect in of[person]]

    def _of_choices(self, moved: Mapping[str, tuple[list[int], list[int]]]) -> list[Subject]:
        groups = [Subject(group=group, key=key) for key, (some, _) in moved.items() for group in some]
        groups.sort(key=lambda subject: self._positions.get(subject.group, 0))
        keys: dict[int, list[str]] = defaultdict(list)
        for key, (_, people) in moved.items():
            for person in people:
                keys[person].append(key)
        return groups + [Subject(person, key=key) for person in self._by_name(set(keys)) for key in keys[person]]

    def _by_name(self, people: set[int]) -> list[int]:
        if len(people) <= FEW:
            found: QuerySet[User] = User.objects.filter(pk__in=people)
        else:
            touched = affected_by(self.account, self.review.change)
            found = User.objects.of(self.account) if touched is None else touched
        ids = found.order_by(Lower("name"), "pk").values_list("pk", flat=True)
        return [person for person in ids if person in people]

    def _groups_of(self, people: set[int]) -> dict[int, list[int]]:
        """A group admin learns of the groups he manages, and of no others."""
        found: dict[int, list[int]] = defaultdict(list)
        if people:
            memberships = Membership.objects.filter(user__in=people).order_by("group__rank")
            for person, group in memberships.values_list("user_id", "group_id"):
                if group in self.names and self._may_name(group):
                    found[person].append(group)
        return found

    def _may_name(self, group: int) -> bool:
        return self.reader.person.is_account_admin or group in self.reader.groups


def _prospect(consequence: Consequence, who: Who) -> Prospect:
    return {Who.BEGINS: consequence.begins, Who.MOVES: consequence.moves, Who.ASKS: consequence.asks}[who]


def _effects(consequence: Consequence, who: Who) -> tuple[Effect, ...]:
    if who in (Who.ENDS, Who.RETURNS):
        return consequence.ends if who == Who.ENDS else consequence.returns
    return _prospect(consequence, who).effects


class _People(Sequence[Subject]):
    """Many people: what is looked at becomes a subject, not all of them."""

    def __init__(self, ids: list[int]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, place: int) -> Subject: ...
    @overload
    def __getitem__(self, place: slice) -> list[Subject]: ...
    def __getitem__(self, place: int | slice) -> Subject | list[Subject]:
        if isinstance(place, slice):
            return [Subject(person) for person in self._ids[place]]
        return Subject(self._ids[place])
