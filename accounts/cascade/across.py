"""What some people hold, of whatever accounts they are: for work that is done for many accounts together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, TypeVar

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from accounts.cascade.decide import decide, speaks
from accounts.cascade.declare import Section, Setting, settings_of
from accounts.cascade.facts import Held, Ruling
from accounts.models import SettingDecision

S = TypeVar("S", bound=Section)


def held_by_each(section: type[S], people: Collection[int]) -> dict[int, Held[S]]:
    """By person. One query. Those who hold the same share one object."""
    settings = settings_of(section)
    said = _said(settings, people)
    share = cache(lambda won: _held(section, settings, won))
    return {
        person: share(tuple(_winner(said.get((person, setting.key), ())) for setting in settings)) for person in people
    }


def _winner(rulings: Iterable[tuple[int, Ruling]]) -> Ruling | None:
    at: dict[int, list[Ruling]] = {0: [], 1: [], 2: []}
    for level, ruling in rulings:
        at[level].append(ruling)
    return decide((next(iter(at[0]), None), speaks(at[1]), next(iter(at[2]), None)))


def _held(section: type[S], settings: Iterable[Setting], won: tuple[Ruling | None, ...]) -> Held[S]:
    pairs = list(zip(settings, won, strict=True))
    values = {setting.name: ruling.value if ruling else setting.default for setting, ruling in pairs}
    return Held(section(**values), frozenset(setting.name for setting, ruling in pairs if ruling and ruling.is_locked))


def _said(settings: Iterable[Setting], people: Collection[int]) -> dict[tuple[int, str], list[tuple[int, Ruling]]]:
    """By person and key: what was decided for them, with its level from the top down."""
    wanted = {setting.key: setting for setting in settings}
    read = cache(lambda key, raw, is_locked, rank: Ruling(_value(wanted[key], raw), is_locked, rank))
    found: dict[tuple[int, str], list[tuple[int, Ruling]]] = defaultdict(list)
    for person, of_account, of_group, rank, key, raw, is_locked in _rows(list(wanted), people):
        level = 0 if of_account else 1 if of_group else 2
        found[person, key].append((level, read(key, raw, is_locked, rank or 0)))
    return found


def _rows(keys: list[str], people: Collection[int]) -> QuerySet[Any, Any]:
    decisions = SettingDecision.objects.filter(key__in=keys).order_by()
    columns = ("account_id", "group_id", "group__rank", "key", Cast("value", TextField()), "is_locked")
    top, *below = (
        decisions.filter(**{f"{whose}__in": people}).values_list(whose, *columns)
        for whose in ("account__people", "group__memberships__user", "user")
    )
    return top.union(*below, all=True)


def _value(setting: Setting, raw: str) -> Any:
    return setting.from_json(json.loads(raw))
