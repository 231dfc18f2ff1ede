"""Asks the cascade: the decisions of an account, one person's effective values, everybody's.

No cache across requests; a person costs one query, any number of people four. A stored value that does not fit
its declaration raises BadValue, naming the key: guessing could open what an admin had closed. `manage.py check`
finds such rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import QuerySet

from accounts.cascade import facts
from accounts.cascade.decide import decide, speaks
from accounts.cascade.declare import Level, Section, Setting, settings_of
from accounts.cascade.facts import Held
from accounts.models import Account, Group, Membership, SettingDecision, User

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Made:
    """A decision as it was made: the value in its type, and where, by whom and when."""

    value: Any
    is_locked: bool
    level: Level
    place_id: int
    place: str
    by: User | None
    at: datetime
    # Of the group; 0 for account and user, which have none.
    rank: int = 0


def decisions_at(at: Account | Group | User, settings: Iterable[Setting]) -> dict[str, Made]:
    """What one level itself has decided, by key. One query."""
    wanted = {setting.key: setting for setting in settings}
    own = SettingDecision.objects.filter(**{level_of(at).value: at}, key__in=wanted)
    rows = own.select_related("decided_by", "account", "group", "user")
    return {row.key: _made(row, wanted[row.key]) for row in rows}


def of_account(section: type[S], account: Account) -> S:
    """The values that hold where no group and no person has decided. One query."""
    made = decisions_at(account, settings_of(section))
    return section(**{s.name: made[s.key].value if s.key in made else s.default for s in settings_of(section)})


def effective(section: type[S], person: User) -> S:
    """What holds for one person. One query."""
    return held(section, person).values


def chains_of(at: Account | Group | User, settings: Iterable[Setting]) -> dict[str, list[Made | None]]:
    """For each key the decisions from the top down: the account's, the speaking group's, the person's own.

    Of a group, the account's and its own: its page says what it gives to its members. One query.
    """
    return {key: top_down(made) for key, made in all_at(at, settings).items()}


def all_at(at: Account | Group | User, settings: Iterable[Setting]) -> dict[str, list[Made]]:
    """Every decision at `at` and above it, from the top down, P1 first; also of groups that do not speak. One query."""
    wanted = {setting.key: setting for setting in settings}
    found: dict[str, list[Made]] = {key: [] for key in wanted}
    for row in _rows(at, list(wanted)).select_related("decided_by", "account", "group", "user"):
        found[row.key].append(_made(row, wanted[row.key]))
    for made in found.values():
        made.sort(key=lambda decision: (_ORDER[decision.level], decision.rank))
    return found


def top_down(made: Iterable[Made]) -> list[Made | None]:
    of: dict[Level, list[Made]] = {level: [] for level in Level}
    for decision in made:
        of[decision.level].append(decision)
    return [
        next(iter(of[Level.ACCOUNT]), None),
        speaks(of[Level.GROUP]),
        next(iter(of[Level.USER]), None),
    ]


def level_of(at: Account | Group | User) -> Level:
    if isinstance(at, Account):
        return Level.ACCOUNT
    return Level.GROUP if isinstance(at, Group) else Level.USER


def held(section: type[S], person: User) -> Held[S]:
    """The same with what is locked from above. One query."""
    chains = chains_of(person, settings_of(section))
    won = {setting: decide(chains[setting.key]) for setting in settings_of(section)}
    return Held(
        section(**{setting.name: _value(setting, made) for setting, made in won.items()}),
        frozenset(setting.name for setting, made in won.items() if made and made.is_locked),
    )


def effective_of(section: type[S], people: QuerySet[User]) -> dict[int, S]:
    """What holds for each of `people`, who are all of one account, by primary key. Four queries at any size."""
    return {person: holding.values for person, holding in held_of(section, people).items()}


def held_of(section: type[S], people: QuerySet[User]) -> dict[int, Held[S]]:
    """The same with what is locked from above."""
    someone = next(iter(people.order_by().select_related("account")[:1]), None)
    return facts.load(someone.account, settings_of(section), people=people).held(section) if someone else {}


_ORDER = {level: place for place, level in enumerate(Level)}


def _rows(at: Account | Group | User, keys: list[str]) -> QuerySet[SettingDecision]:
    decisions = SettingDecision.objects.filter(key__in=keys).order_by()
    if isinstance(at, Account):
        return decisions.filter(account=at)
    parts = [decisions.filter(account=at.account_id), decisions.filter(**{level_of(at).value: at})]
    if isinstance(at, User):
        parts.append(decisions.filter(group__in=Membership.objects.filter(user=at).values("group")))
    # Each part is found by an index of its own; an OR of them would read every decision of the installation.
    ids = [part.values("pk") for part in parts]
    return SettingDecision.objects.filter(pk__in=ids[0].union(*ids[1:], all=True))


def _value(setting: Setting, made: Made | None) -> Any:
    return made.value if made else setting.default


def _made(row: SettingDecision, setting: Setting) -> Made:
    place = row.account or row.group or row.user
    assert place is not None, "the check constraint a_decision_has_exactly_one_level"  # noqa: S101
    return Made(
        value=setting.from_json(row.value),
        is_locked=row.is_locked,
        level=level_of(place),
        place_id=place.pk,
        place=str(place),
        by=row.decided_by,
        at=row.decided_at,
        rank=row.group.rank if row.group else 0,
    )
