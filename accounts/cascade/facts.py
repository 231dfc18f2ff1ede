"""All that decides for many people, read once and held in memory, so that a *what if* is a plain calculation.

Work is proportional to the people who deviate: those without a decision of their own, in no group that decided,
all hold the same.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Generic, TypeVar, cast

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.cascade.changes import Change, Choose, Dissolve, Gone, Inherit, Join, Leave, Rank
from accounts.cascade.decide import decide, speaks
from accounts.cascade.declare import Level, Section, Setting, settings_of
from accounts.models import Account, Group, Membership, SettingDecision, User

# Of more groups than this, all memberships are read and sorted out here.
_MOST_TO_NAME = 1000
_NONE: frozenset[int] = frozenset()

S = TypeVar("S", bound=Section)
K = TypeVar("K")


@dataclass(frozen=True)
class Held(Generic[S]):
    """What holds for somebody: the values, and the names of those settings that a level above has locked.

    Hashable, so that what follows from it can be worked out once for all who hold the same.
    """

    values: S
    locked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision as far as the rule looks at it."""

    value: Any
    is_locked: bool
    rank: float = 0


@dataclass(frozen=True)
class Facts:
    settings: Mapping[str, Setting]
    # Everybody asked about, by primary key.
    people: Collection[int]
    top: Mapping[str, Ruling]
    # By key, then by group; the ranks of these groups stand in `ranks`.
    of_groups: Mapping[str, Mapping[int, Ruling]]
    ranks: Mapping[int, float]
    # The groups of each person, as far as they matter here.
    groups_of: Mapping[int, frozenset[int]]
    # By key, then by person.
    own: Mapping[str, Mapping[int, Ruling]]
    # What `winners` has worked out.
    _won: dict[str, dict[int, Ruling]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def winner(self, key: str, person: int) -> Ruling | None:
        """The ruling that holds for a person; None where it is the default."""
        return self.winners(key).get(person, self.top.get(key))

    def value(self, key: str, person: int) -> Any:
        won = self.winner(key, person)
        return won.value if won else self.settings[key].default

    def base(self, key: str) -> Any:
        """The value for all who do not deviate."""
        top = self.top.get(key)
        return top.value if top else self.settings[key].default

    def winners(self, key: str) -> Mapping[int, Ruling]:
        """The ruling that holds, for those for whom a group or they themselves decided; also if that sleeps under a
        lock."""
        if key not in self._won:
            self._won[key] = self._decide(key)
        return self._won[key]

    def held(self, section: type[S], people: Iterable[int] | None = None) -> dict[int, Held[S]]:
        """What each of `people` (everybody) holds of a section. Those who hold the same share one object."""
        settings = settings_of(section)
        plain = _held(section, [(setting, self.top.get(setting.key)) for setting in settings])
        found = dict.fromkeys(self.people if people is None else people, plain)
        known: dict[tuple[int, ...], Held[S]] = {}
        shared: dict[Held[S], Held[S]] = {plain: plain}
        for person, differing in self._differing(settings).items():
            if person not in found:
                continue
            if differing not in known:
                held = _held(section, [(setting, self.winner(setting.key, person)) for setting in settings])
                known[differing] = shared.setdefault(held, held)
            found[person] = known[differing]
        return found

    def after(self, change: Change) -> Facts:
        """The facts as they would be. The change's group must have been loaded; see `load`. Raises Gone."""
        if isinstance(change, Choose | Inherit):
            return self._decided(change)
        if isinstance(change, Rank):
            self._rank_of(change.group)
            rank = math.inf if change.above is None else self._rank_of(change.above) - 0.5
            return dataclasses.replace(self, ranks={**self.ranks, change.group: rank})._ranked()
        if isinstance(change, Join):
            return self._members(change, lambda groups: groups | {change.group})
        if isinstance(change, Leave):
            return self._members(change, lambda groups: groups - {change.group})
        return self._dissolved(change)

    def _decide(self, key: str) -> dict[int, Ruling]:
        top, spoken, own = self.top.get(key), self._spoken(key), self.own.get(key, {})
        won = {person: decide((top, ruling, own.get(person))) for person, ruling in spoken.items()}
        won |= {person: decide((top, ruling)) for person, ruling in own.items() if person not in spoken}
        return cast("dict[int, Ruling]", won)  # who appears here has at least one

    def _spoken(self, key: str) -> dict[int, Ruling]:
        """By person, what the group says that speaks."""
        spoken: dict[int, Ruling] = {}
        for group, ruling in self.of_groups.get(key, {}).items():
            for person in self._people_of.get(group, ()):
                said = spoken.get(person)
                spoken[person] = ruling if said is None else speaks((said, ruling)) or said
        return spoken

    @cached_property
    def _people_of(self) -> Mapping[int, list[int]]:
        people: dict[int, list[int]] = defaultdict(list)
        for person, groups in self.groups_of.items():
            for group in groups:
                people[group].append(person)
        return people

    def _differing(self, settings: Iterable[Setting]) -> dict[int, tuple[int, ...]]:
        """Those for whom another ruling holds than the account’s, each with which ones."""
        differing: dict[int, tuple[int, ...]] = {}
        longer = cache(lambda before, number, ruling: (*before, number, ruling))  # equal ones are one object
        for number, setting in enumerate(settings):
            top = self.top.get(setting.key)
            for person, ruling in self.winners(setting.key).items():
                if ruling is not top:
                    differing[person] = longer(differing.get(person, ()), number, id(ruling))
        return differing

    def _decided(self, change: Choose | Inherit) -> Facts:
        ruling = None
        if isinstance(change, Choose):
            value = self.settings[change.key].from_json(change.value)
            rank = self._rank_of(change.place) if change.level == Level.GROUP else 0
            ruling = Ruling(value, bool(change.is_locked), rank)
        if change.level == Level.ACCOUNT:
            return dataclasses.replace(self, top=_with(self.top, change.key, ruling))
        if change.level == Level.GROUP:
            decided = _with(self.of_groups.get(change.key, {}), change.place, ruling)
            return dataclasses.replace(self, of_groups={**self.of_groups, change.key: decided})
        if change.place not in self.people:
            raise Gone
        return dataclasses.replace(
            self, own={**self.own, change.key: _with(self.own.get(change.key, {}), change.place, ruling)}
        )

    def _rank_of(self, group: int) -> float:
        if group not in self.ranks:
            raise Gone
        return self.ranks[group]

    def _ranked(self) -> Facts:
        """The rulings of the groups with the ranks of now."""
        ranked = {
            key: {group: dataclasses.replace(ruling, rank=self.ranks[group]) for group, ruling in decided.items()}
            for key, decided in self.of_groups.items()
        }
        return dataclasses.replace(self, of_groups=ranked)

    def _members(self, change: Join | Leave, put: Any) -> Facts:
        self._rank_of(change.group)
        moved = {person: put(self.groups_of.get(person, _NONE)) for person in set(change.people) & set(self.people)}
        return dataclasses.replace(self, groups_of={**self.groups_of, **moved})

    def _dissolved(self, change: Dissolve) -> Facts:
        self._rank_of(change.group)
        left = {
            key: {group: ruling for group, ruling in decided.items() if group != change.group}
            for key, decided in self.of_groups.items()
        }
        return dataclasses.replace(self, of_groups=left)


def load(
    account: Account,
    settings: Iterable[Setting],
    *,
    people: QuerySet[User] | None = None,
    groups: Iterable[int] = (),
) -> Facts:
    """The facts on `settings` for `people` of `account` (everybody). At most three queries.

    `groups`: read these too, though they may have decided nothing, because a change is to be tried on them.
    """
    wanted = {setting.key: setting for setting in settings}
    top: dict[str, Ruling] = {}
    of_groups: dict[str, dict[int, Ruling]] = defaultdict(dict)
    own: dict[str, dict[int, Ruling]] = defaultdict(dict)
    ranks: dict[int, float] = dict(_ranks(account, list(groups)))
    rulings = _Rulings(wanted)
    for for_all, group, person, rank, key, raw, is_locked in _rows(account, list(wanted), people):
        ruling = rulings[key, raw, is_locked, rank or 0]
        if for_all:
            top[key] = ruling
        elif group:
            of_groups[key][group], ranks[group] = ruling, rank
        else:
            own[key][person] = ruling
    everybody = User.objects.of(account) if people is None else people
    ids = everybody.order_by().values_list("pk", flat=True)
    groups_of = _memberships(account, None if people is None else ids, ranks)
    return Facts(wanted, list(ids), top, dict(of_groups), ranks, groups_of, dict(own))


class _Rulings(dict[tuple[str, str, bool, float], Ruling]):
    """By key, value as stored, lock and rank. Equal ones are one object, decoded once."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        super().__init__()
        self._settings = settings

    def __missing__(self, said: tuple[str, str, bool, float]) -> Ruling:
        key, raw, is_locked, rank = said
        self[said] = Ruling(self._settings[key].from_json(json.loads(raw)), is_locked, rank)
        return self[said]


def _rows(account: Account, keys: list[str], people: QuerySet[User] | None) -> QuerySet[Any, Any]:
    """What was decided at every level, in one query."""
    decisions = SettingDecision.objects.filter(key__in=keys).order_by()
    of_people = Q(user__account=account) if people is None else Q(user__in=people.order_by().values("pk"))
    columns = ("account_id", "group_id", "user_id", "group__rank", "key", Cast("value", TextField()), "is_locked")
    top, *below = (
        decisions.filter(part).values_list(*columns)
        for part in (Q(account=account), Q(group__account=account), of_people)
    )
    return top.union(*below, all=True)


def _ranks(account: Account, groups: list[int]) -> Iterable[tuple[int, float]]:
    return Group.objects.filter(account=account, pk__in=groups).values_list("pk", "rank") if groups else []


def _memberships(
    account: Account, ids: QuerySet[Any, Any] | None, groups: Collection[int]
) -> dict[int, frozenset[int]]:
    if not groups:
        return {}
    rows = Membership.objects.filter(group__account=account).values_list("user_id", "group_id")
    if len(groups) <= _MOST_TO_NAME:
        rows = rows.filter(group__in=groups)
    if ids is not None:
        rows = rows.filter(user__in=ids)
    found: dict[int, frozenset[int]] = {}
    joined = cache(lambda before, group: before | {group})  # people of the same groups share one set
    for person, group in rows:
        if group in groups:
            found[person] = joined(found.get(person, _NONE), group)
    return found


def _held(section: type[S], won: list[tuple[Setting, Ruling | None]]) -> Held[S]:
    values = {setting.name: ruling.value if ruling else setting.default for setting, ruling in won}
    return Held(section(**values), frozenset(setting.name for setting, ruling in won if ruling and ruling.is_locked))


def _with(mapping: Mapping[K, Ruling], key: K, ruling: Ruling | None) -> dict[K, Ruling]:
    changed = {name: item for name, item in mapping.items() if name != key}
    if ruling is not None:
        changed[key] = ruling
    return changed
