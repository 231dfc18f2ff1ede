"""Sections that no page shows, and organizations on paper that are put into the database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from accounts.cascade.declare import Page, Section, Setting, part, setting, settings_of
from accounts.models import Account, Group, Membership, SettingDecision, User
from tests.accounts.cascade.oracle import Choice, Organization
from tests.cast import FOUNDED, crowd


class Shade(StrEnum):
    LIGHT = "light"
    DARK = "dark"
    LOUD = "loud"


@dataclass(frozen=True)
class Paint:
    shade: Shade = part(default=Shade.LIGHT, label="Shade")
    glossy: bool = part(default=False, label="Glossy")
    words: tuple[str, ...] = part(default=(), label="Words")


class Trial(Section, prefix="trial", title="Trial", page=Page("trial", "Trial")):
    """A setting of each kind."""

    switch: bool = setting(default=True, label="Switch")
    shade: Shade = setting(default=Shade.LIGHT, label="Shade")
    paint: Paint = setting(default=Paint(), label="Paint")
    days: int = setting(default=7, label="Days", least=0, most=30)


class Five(Section, prefix="five", title="Five", page=Page("five", "Five")):
    """The same setting five times, so that one account can have decided it in each of the five ways."""

    none: Shade = setting(default=Shade.LIGHT, label="None")
    a: Shade = setting(default=Shade.LIGHT, label="A")
    b: Shade = setting(default=Shade.LIGHT, label="B")
    a_locked: Shade = setting(default=Shade.LIGHT, label="A, locked")
    b_locked: Shade = setting(default=Shade.LIGHT, label="B, locked")


# 0 and False, 1 and True are equal in Python, and nowhere else.
VALUES: dict[str, list[Any]] = {
    "trial.switch": [True, False],
    "trial.shade": list(Shade),
    "trial.paint": [Paint(), Paint(Shade.DARK), Paint(glossy=True), Paint(words=("möwe", "“quoted”"))],
    "trial.days": [0, 1, 7],
}
DEFAULTS = {one.key: one.default for one in settings_of(Trial)}


@dataclass(frozen=True)
class Founded:
    """The rows of an organization on paper, by its numbers."""

    account: Account
    groups: dict[int, Group]
    people: dict[int, User]


def found(paper: Organization, settings: dict[str, Setting]) -> Founded:
    """Put it into the database, in a handful of statements."""
    account = Account.objects.create(name="On paper", created_at=FOUNDED)
    made = Group.objects.bulk_create(
        Group(account=account, name=f"Group {number}", rank=paper.order.index(number) * 7 - 9, created_at=FOUNDED)
        for number in paper.groups
    )
    groups = dict(zip(paper.groups, made, strict=True))
    people = dict(zip(paper.people, crowd(account, len(paper.people)), strict=True))
    Membership.objects.bulk_create(
        Membership(group=groups[group], user=people[person]) for group, person in paper.members
    )
    rows = [decision(settings[key], choice, account=account) for key, choice in paper.account.items()]
    for number, decisions in paper.groups.items():
        rows += [decision(settings[key], choice, group=groups[number]) for key, choice in decisions.items()]
    for number, decisions in paper.people.items():
        rows += [decision(settings[key], choice, user=people[number]) for key, choice in decisions.items()]
    SettingDecision.objects.bulk_create(rows)
    return Founded(account, groups, people)


def decision(setting: Setting, choice: Choice, **at: Account | Group | User | int) -> SettingDecision:
    return SettingDecision(
        **at,
        key=setting.key,
        value=setting.to_json(choice.value),
        is_locked=choice.is_locked,
        decided_at=FOUNDED,
    )
