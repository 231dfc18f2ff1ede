"""Why a value is what it is: what holds, who decided it where, who locked it, what sleeps, what *Inherit* would give.

Answered for an account, a group or a person. *Locked by admin* alone is the failure we are here to beat; the
sentence is made by `accounts.cascade.words`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery

from accounts.cascade import read
from accounts.cascade.decide import decide
from accounts.cascade.declare import Level, Setting
from accounts.cascade.read import Made, level_of
from accounts.cascade.write import can_lock
from accounts.models import Account, Group, SettingDecision, User


class Standing(StrEnum):
    """What became of a step's decision."""

    WINS = "wins"
    # A more specific decision, or a better-ranked group, says otherwise.
    SHADOWED = "shadowed"
    # It lies under a lock and returns when the lock is lifted.
    ASLEEP = "asleep"
    SILENT = "silent"


@dataclass(frozen=True)
class Step:
    """One place of the chain, from the account down."""

    level: Level
    place_id: int
    name: str
    # P1 is 1; 0 for what is no group.
    position: int
    made: Made | None
    standing: Standing


@dataclass(frozen=True)
class Below:
    """How many have a choice of their own further down, whether it counts or sleeps."""

    groups: int = 0
    people: int = 0


@dataclass(frozen=True)
class Explanation:
    setting: Setting
    at: Account | Group | User
    value: Any
    # The decision the value comes from; None: Meridian's default.
    source: Made | None
    # What this level itself decided, whether it counts or sleeps.
    own: Made | None
    # The decision above that keeps this level from deciding.
    lock: Made | None
    # What *Inherit* would give.
    inherited: Any
    inherited_from: Made | None
    steps: tuple[Step, ...]
    below: Below

    @property
    def level(self) -> Level:
        return level_of(self.at)

    @property
    def is_decidable(self) -> bool:
        """Whether this level may decide at all, locked or not."""
        return self.level in self.setting.levels

    @property
    def is_editable(self) -> bool:
        return self.lock is None and self.is_decidable

    @property
    def is_locked_here(self) -> bool:
        return self.lock is None and self.own is not None and self.own.is_locked

    @property
    def is_overridden(self) -> bool:
        """This level's own decision counts. At the top there is nothing to override."""
        return self.level != Level.ACCOUNT and self.own is not None and self.lock is None

    @property
    def is_same(self) -> bool:
        """Overridden, with the value that *Inherit* would give as well."""
        return self.is_overridden and self.value == self.inherited

    @property
    def sleeps(self) -> bool:
        """This level has a choice that returns when the lock above is lifted."""
        return self.own is not None and self.lock is not None

    @property
    def can_lock(self) -> bool:
        return self.is_editable and can_lock(self.setting, self.level)

    @property
    def differs(self) -> bool:
        """From Meridian's default at the account, from the account elsewhere."""
        if self.level == Level.ACCOUNT:
            return bool(self.value != self.setting.default)
        top = next((step.made for step in self.steps if step.level == Level.ACCOUNT and step.made), None)
        return bool(self.value != (top.value if top else self.setting.default))


def explain_at(at: Account | Group | User, settings: Iterable[Setting]) -> dict[str, Explanation]:
    """By key, for each of `settings`. A constant number of queries: four for an account, five else."""
    wanted = list(settings)
    made = read.all_at(at, wanted)
    groups = _groups_of(at)
    below = _below(at, [setting.key for setting in wanted])
    return {
        setting.key: _explanation(setting, at, made[setting.key], groups, below.get(setting.key, Below()))
        for setting in wanted
    }


def _explanation(
    setting: Setting, at: Account | Group | User, made: list[Made], groups: list[Group], below: Below
) -> Explanation:
    chain = read.top_down(made)
    source = decide(chain)
    own = next((decision for decision in made if decision.level == level_of(at)), None)
    above = [decision for decision in chain if decision and decision.level != level_of(at)]
    inherited = decide(above)
    return Explanation(
        setting=setting,
        at=at,
        value=source.value if source else setting.default,
        source=source,
        own=own,
        lock=next((decision for decision in above if decision.is_locked), None),
        inherited=inherited.value if inherited else setting.default,
        inherited_from=inherited,
        steps=tuple(_steps(setting, at, chain, made, groups, source)),
        below=below,
    )


def _steps(
    setting: Setting,
    at: Account | Group | User,
    chain: list[Made | None],
    made: list[Made],
    groups: list[Group],
    source: Made | None,
) -> Iterable[Step]:
    account = at if isinstance(at, Account) else at.account
    places: list[Account | Group | User] = [account, *groups, *([at] if isinstance(at, User) else [])]
    of = {(decision.level, decision.place_id): decision for decision in made}
    is_under_lock = False
    for place in places:
        level = level_of(place)
        if level not in setting.levels:
            continue
        decision = of.get((level, place.pk))
        # Beside a better-ranked group that speaks a group says nothing, whatever is locked or unlocked.
        is_asleep = is_under_lock and decision in chain
        standing = _standing(decision, source, is_asleep=is_asleep)
        position = getattr(place, "position", 0) if isinstance(place, Group) else 0
        yield Step(level, place.pk, str(place), position, decision, standing)
        is_under_lock = is_under_lock or (standing == Standing.WINS and decision is not None and decision.is_locked)


def _standing(decision: Made | None, source: Made | None, *, is_asleep: bool) -> Standing:
    if decision is None:
        return Standing.SILENT
    if decision is source:
        return Standing.WINS
    return Standing.ASLEEP if is_asleep else Standing.SHADOWED


def _groups_of(at: Account | Group | User) -> list[Group]:
    """The groups in the chain, P1 first, each with its `position`."""
    if isinstance(at, Account):
        return []
    groups = Group.objects.filter(pk=at.pk) if isinstance(at, Group) else Group.objects.filter(memberships__user=at)
    above = Group.objects.filter(account=OuterRef("account"), rank__lte=OuterRef("rank")).order_by().values("account")
    position = Subquery(above.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
    return list(groups.annotate(position=position).order_by("rank"))


def _below(at: Account | Group | User, keys: list[str]) -> dict[str, Below]:
    if isinstance(at, User):
        return {}
    decisions = SettingDecision.objects.filter(key__in=keys)
    if isinstance(at, Account):
        groups = _counted(decisions.filter(group__account=at))
        people = _counted(decisions.filter(user__account=at))
    else:
        groups, people = {}, _counted(decisions.filter(user__memberships__group=at))
    return {key: Below(groups.get(key, 0), people.get(key, 0)) for key in keys}


def _counted(decisions: QuerySet[SettingDecision]) -> dict[str, int]:
    return dict(decisions.order_by().values_list("key").annotate(number=Count("pk")))
