"""Asks the cascade: the decisions of an account, one person's effective values, everybody's.

No cache across requests; a person costs one query, any number of people three.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import F, Q, QuerySet

from accounts.cascade.decide import decide, speaks
from accounts.cascade.declare import Level, Section, Setting, settings_of
from accounts.models import Account, SettingDecision, User

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


def decisions_at(account: Account, settings: Iterable[Setting]) -> dict[str, Made]:
    """What the account itself has decided, by key. One query."""
    wanted = {setting.key: setting for setting in settings}
    rows = SettingDecision.objects.filter(account=account, key__in=wanted).select_related("decided_by", "account")
    return {row.key: _made(row, wanted[row.key]) for row in rows}


def of_account(section: type[S], account: Account) -> S:
    """The values that hold where no group and no person has decided. One query."""
    made = decisions_at(account, settings_of(section))
    return section(**{s.name: made[s.key].value if s.key in made else s.default for s in settings_of(section)})


def effective(section: type[S], person: User) -> S:
    """What holds for one person. One query."""
    chains = chains_of(person, settings_of(section))
    return section(**{s.name: _value(s, decide(chains[s.key])) for s in settings_of(section)})


def chains_of(person: User, settings: Iterable[Setting]) -> dict[str, list[Made | None]]:
    """For each key the decisions from the top down: the account's, the speaking group's, the person's own."""
    wanted = {setting.key: setting for setting in settings}
    rows = (
        SettingDecision.objects.filter(key__in=wanted)
        .filter(Q(account=person.account_id) | Q(group__memberships__user=person) | Q(user=person))
        .select_related("decided_by", "account", "group", "user")
    )
    by_key: dict[str, dict[Level, list[Made]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        made = _made(row, wanted[row.key])
        by_key[row.key][made.level].append(made)
    return {key: _top_down(by_key[key]) for key in wanted}


def effective_of(section: type[S], people: QuerySet[User]) -> dict[int, S]:
    """What holds for each of `people`, who are all of one account, by primary key. Four queries at any size."""
    ids = list(people.values_list("pk", "account_id"))
    if not ids:
        return {}
    settings = settings_of(section)
    keys = [setting.key for setting in settings]
    in_people = people.order_by().values("pk")
    top = {row.key: row for row in SettingDecision.objects.filter(account=ids[0][1], key__in=keys)}
    of_groups: dict[tuple[int, str], list[SettingDecision]] = defaultdict(list)
    for row in SettingDecision.objects.filter(group__memberships__user__in=in_people, key__in=keys).annotate(
        rank=F("group__rank"), member=F("group__memberships__user")
    ):
        of_groups[row.member, row.key].append(row)
    own = {(row.user_id, row.key): row for row in SettingDecision.objects.filter(user__in=in_people, key__in=keys)}
    found: dict[int, S] = {}
    for person, _ in ids:
        values = {}
        for setting in settings:
            group_says = speaks(of_groups.get((person, setting.key), []))  # type: ignore[type-var]  # annotated rank
            winner = decide([top.get(setting.key), group_says, own.get((person, setting.key))])
            values[setting.name] = setting.from_json(winner.value) if winner else setting.default
        found[person] = section(**values)
    return found


def _top_down(of_levels: dict[Level, list[Made]]) -> list[Made | None]:
    return [
        next(iter(of_levels.get(Level.ACCOUNT, [])), None),
        speaks(of_levels.get(Level.GROUP, [])),
        next(iter(of_levels.get(Level.USER, [])), None),
    ]


def _value(setting: Setting, made: Made | None) -> Any:
    return made.value if made else setting.default


def _made(row: SettingDecision, setting: Setting) -> Made:
    place = row.account or row.group or row.user
    assert place is not None, "the check constraint a_decision_has_exactly_one_level"  # noqa: S101
    return Made(
        value=setting.from_json(row.value),
        is_locked=row.is_locked,
        level=Level.ACCOUNT if row.account_id else Level.GROUP if row.group_id else Level.USER,
        place_id=place.pk,
        place=str(place),
        by=row.decided_by,
        at=row.decided_at,
        rank=row.group.rank if row.group else 0,
    )
