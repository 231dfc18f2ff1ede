"""What must hold, worked out on paper: plain data, plain loops, and nothing of the product.

Straight down the text: “the account's lock binds everybody; else the best-ranked group that has decided speaks, and
its lock binds its members; else whoever is nearest to the person decides”.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = ("account", 0)
Place = tuple[str, int]


@dataclass(frozen=True)
class Choice:
    value: Any
    is_locked: bool = False


@dataclass
class Organization:
    """By key of the setting what was chosen where; numbers stand for groups and people."""

    defaults: dict[str, Any]
    account: dict[str, Choice] = field(default_factory=dict)
    groups: dict[int, dict[str, Choice]] = field(default_factory=dict)
    # The groups' numbers, P1 first.
    order: list[int] = field(default_factory=list)
    people: dict[int, dict[str, Choice]] = field(default_factory=dict)
    # (group, person)
    members: set[tuple[int, int]] = field(default_factory=set)

    # ── A person ──
    def holds(self, person: int, key: str) -> Any:
        lock = self.lock_over_person(person, key)
        if lock is not None:
            return self.chosen(lock, key).value
        if key in self.people[person]:
            return self.people[person][key].value
        return self.inherited_by_person(person, key)

    def inherited_by_person(self, person: int, key: str) -> Any:
        """What would hold if the person had chosen nothing."""
        account_has_locked = key in self.account and self.account[key].is_locked
        speaker = self.speaker(person, key)
        if speaker is not None and not account_has_locked:
            return self.groups[speaker][key].value
        return self.account[key].value if key in self.account else self.defaults[key]

    def lock_over_person(self, person: int, key: str) -> Place | None:
        """Who keeps the person from choosing."""
        if key in self.account and self.account[key].is_locked:
            return ACCOUNT
        speaker = self.speaker(person, key)
        if speaker is not None and self.groups[speaker][key].is_locked:
            return ("group", speaker)
        return None

    def speaker(self, person: int, key: str) -> int | None:
        """Of the person's groups the first, in the order of the account, that has chosen."""
        for group in self.order:
            if (group, person) in self.members and key in self.groups[group]:
                return group
        return None

    # ── A group: what its page says ──
    def given_by_group(self, group: int, key: str) -> Any:
        account_has_locked = key in self.account and self.account[key].is_locked
        if key in self.groups[group] and not account_has_locked:
            return self.groups[group][key].value
        return self.given_by_account(key)

    def lock_over_group(self, key: str) -> Place | None:
        return ACCOUNT if key in self.account and self.account[key].is_locked else None

    # ── The account ──
    def given_by_account(self, key: str) -> Any:
        return self.account[key].value if key in self.account else self.defaults[key]

    # ── Any place ──
    def chosen(self, place: Place, key: str) -> Choice:
        return self.decisions_of(place)[key]

    def decisions_of(self, place: Place) -> dict[str, Choice]:
        level, number = place
        if level == "account":
            return self.account
        return self.groups[number] if level == "group" else self.people[number]

    def lock_over(self, place: Place, key: str) -> Place | None:
        level, number = place
        if level == "account":
            return None
        return self.lock_over_group(key) if level == "group" else self.lock_over_person(number, key)

    def given_at(self, place: Place, key: str) -> Any:
        level, number = place
        if level == "account":
            return self.given_by_account(key)
        return self.given_by_group(number, key) if level == "group" else self.holds(number, key)

    def inherited_at(self, place: Place, key: str) -> Any:
        level, number = place
        if level == "account":
            return self.defaults[key]
        return self.given_by_account(key) if level == "group" else self.inherited_by_person(number, key)

    def asleep(self, key: str) -> set[Place]:
        """The choices of groups and people that lie under a lock."""
        places = [*(("group", group) for group in self.groups), *(("user", person) for person in self.people)]
        return {place for place in places if key in self.decisions_of(place) and self.lock_over(place, key)}

    def everybody(self, key: str) -> dict[int, Any]:
        return {person: self.holds(person, key) for person in self.people}

    # ── What is done to it ──
    def copy(self) -> Organization:
        return copy.deepcopy(self)

    def choose(self, place: Place, key: str, choice: Choice) -> None:
        self.decisions_of(place)[key] = choice

    def inherit(self, place: Place, key: str) -> None:
        self.decisions_of(place).pop(key, None)

    def move(self, group: int, above: int | None) -> None:
        if group == above:
            return
        self.order.remove(group)
        self.order.insert(len(self.order) if above is None else self.order.index(above), group)

    def join(self, group: int, people: list[int]) -> None:
        self.members |= {(group, person) for person in people}

    def leave(self, group: int, people: list[int]) -> None:
        self.members -= {(group, person) for person in people}

    def dissolve(self, group: int) -> None:
        self.members = {(one, person) for one, person in self.members if one != group}
        self.order.remove(group)
        del self.groups[group]
