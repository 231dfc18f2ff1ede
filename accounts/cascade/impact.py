"""Who is affected, exactly, before a change is made.

People and choices that fall asleep the cascade counts itself; what hangs on people (connections, one floor up) it
asks of the registered `Consequences`. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from accounts import listed, openings
from accounts.cascade import declare, facts
from accounts.cascade.changes import Change, Choose, Dissolve, Inherit, Join, Leave, Rank
from accounts.cascade.declare import Level, Setting
from accounts.cascade.facts import Facts
from accounts.models import Account, User
from accounts.openings import NOBODY, Effect, Prospect


@dataclass(frozen=True)
class Moved:
    """One setting of one person, before and after."""

    person: int
    setting: Setting
    before: Any
    after: Any


@dataclass(frozen=True)
class Consequence:
    """What the opening `things` answered."""

    things: tuple[str, str]
    verb: tuple[str, str]
    ends: tuple[Effect, ...]
    returns: tuple[Effect, ...]
    stays: int
    note: str
    governed_by: str = ""
    begins: Prospect = NOBODY
    moves: Prospect = NOBODY
    asks: Prospect = NOBODY

    @property
    def prospects(self) -> tuple[Prospect, ...]:
        """Those that concern anybody."""
        return tuple(one for one in (self.begins, self.moves, self.asks) if one.effects)


@dataclass(frozen=True)
class Impact:
    before: Facts
    after: Facts
    # By key, whose value changes.
    changed: dict[str, list[int]]
    # By key, the choices that begin or cease to sleep under a lock: groups, then people.
    falls_asleep: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    awakes: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    consequences: tuple[Consequence, ...] = ()

    @property
    def people(self) -> set[int]:
        """Everybody with at least one value that changes."""
        return set[int]().union(*self.changed.values())

    @property
    def ends(self) -> int:
        return sum(len(consequence.ends) for consequence in self.consequences)

    @property
    def returns(self) -> int:
        return sum(len(consequence.returns) for consequence in self.consequences)

    def moved(self, people: Iterable[int] | None = None) -> Iterator[Moved]:
        """Each value that changes, of `people` (everybody), in no order."""
        wanted = None if people is None else set(people)
        for key, changed in self.changed.items():
            for person in changed:
                if wanted is None or person in wanted:
                    yield Moved(
                        person, self.before.settings[key], self.before.value(key, person), self.after.value(key, person)
                    )


def impact(account: Account, change: Change) -> Impact:
    """Exactly who is affected if `change` were made now. Four queries at most, and one more where groups move."""
    people = affected_by(account, change)
    before = facts.load(account, _settings(change), people=people, groups=_groups(change))
    after = before.after(change)
    keys = [change.key] if isinstance(change, Choose | Inherit) else list(before.settings)
    changed = {key: people_changed(before, after, key) for key in keys}
    asleep = {key: (_asleep(before, key), _asleep(after, key)) for key in keys}
    awake = {key: (_still_there(old, after, key), new) for key, (old, new) in asleep.items()}
    return Impact(
        before,
        after,
        {key: found for key, found in changed.items() if found},
        {key: _less(new, old) for key, (old, new) in asleep.items() if _differ(new, old)},
        {key: _less(old, new) for key, (old, new) in awake.items() if _differ(old, new)},
        tuple(_ask(account, people, before, after, keys)),
    )


def affected_by(account: Account, change: Change) -> QuerySet[User] | None:
    """All whom `change` could touch at all; None: everybody of the account."""
    everybody: QuerySet[User] = User.objects.of(account)
    if isinstance(change, Join | Leave):
        return everybody.filter(pk__in=listed.ids(change.people))
    if isinstance(change, Rank | Dissolve):
        return everybody.filter(memberships__group=change.group)
    if change.level == Level.GROUP:
        return everybody.filter(memberships__group=change.place)
    return everybody.filter(pk=change.place) if change.level == Level.USER else None


def people_changed(before: Facts, after: Facts, key: str) -> list[int]:
    """Whose value of one setting differs between the two."""
    deviating = before.winners(key).keys() | after.winners(key).keys()
    if before.base(key) == after.base(key):
        return [person for person in deviating if before.value(key, person) != after.value(key, person)]
    same = {person for person in deviating if before.value(key, person) == after.value(key, person)}
    return [person for person in before.people if person not in same]


def _settings(change: Change) -> list[Setting]:
    """Those that may change, and those of the sections whose consequences will be asked for."""
    if not isinstance(change, Choose | Inherit):
        return [setting for section in declare.sections() for setting in declare.settings_of(section)]
    known = {change.key: declare.by_key(change.key)}
    for asked in _asked([change.key]):
        known |= {setting.key: setting for section in asked.sections for setting in declare.settings_of(section)}
    return [setting for setting in known.values() if setting is not None]


def _asked(keys: Iterable[str]) -> list[openings.Consequences]:
    changing = set(keys)
    return [
        asked
        for asked in openings.consequences
        if any(setting.key in changing for section in asked.sections for setting in declare.settings_of(section))
    ]


def _groups(change: Change) -> list[int]:
    if isinstance(change, Choose | Inherit):
        return [change.place] if change.level == Level.GROUP else []
    return [change.group, change.above] if isinstance(change, Rank) and change.above else [change.group]


def _ask(
    account: Account, people: QuerySet[User] | None, before: Facts, after: Facts, keys: Iterable[str]
) -> Iterator[Consequence]:
    for ask in _asked(keys):
        outcome = ask(account, people=people, before=before, after=after)
        yield Consequence(ask.things, ask.verb, **vars(outcome))


def _asleep(known: Facts, key: str) -> tuple[set[int], set[int]]:
    """Groups and people whose choice lies under a lock: of the account for groups, of either for people."""
    own = known.own.get(key, {}).keys()
    top = known.top.get(key)
    if top and top.is_locked:
        return set(known.of_groups.get(key, {})), set(own)
    return set(), {person for person in own if known.winners(key)[person].is_locked}


def _still_there(asleep: tuple[set[int], set[int]], known: Facts, key: str) -> tuple[set[int], set[int]]:
    """Without the choices that the change itself takes away."""
    return asleep[0] & known.of_groups.get(key, {}).keys(), asleep[1] & known.own.get(key, {}).keys()


def _less(some: tuple[set[int], set[int]], others: tuple[set[int], set[int]]) -> tuple[list[int], list[int]]:
    return sorted(some[0] - others[0]), sorted(some[1] - others[1])


def _differ(some: tuple[set[int], set[int]], others: tuple[set[int], set[int]]) -> bool:
    return bool(some[0] - others[0] or some[1] - others[1])
