"""`manage.py check` finds the stored decisions that no declaration explains.

However many rows there are: each key and level is looked at once, and each different value once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Warning, register
from django.db import Error, connection
from django.db.models import Count, Min

from accounts.cascade import declare
from accounts.cascade.declare import BadValue, Level, Setting
from accounts.models import SettingDecision

SHOWN = 160  # characters of what is wrong with a value


@register("settings")
def stored_decisions(*, app_configs: Iterable[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    if app_configs is not None and all(app.name != "accounts" for app in app_configs):
        return []
    was_connected = connection.connection is not None
    try:
        return list(_problems()) if _is_there() else []
    except Error:
        # Where an image is built there is no database, and none that has been migrated yet.
        return []
    finally:
        # A process that forks after its checks must share no connection with its children.
        if not was_connected:
            connection.close()


def _is_there() -> bool:
    return SettingDecision._meta.db_table in connection.introspection.table_names()


def _problems() -> Iterator[CheckMessage]:
    known: dict[str, Setting] = {}
    counted = SettingDecision.objects.order_by("key").values_list("key")
    for key, *numbers in counted.annotate(Count("account"), Count("group"), Count("user")):
        setting = declare.by_key(key)
        if setting is None:
            yield _undeclared(key, sum(numbers))
            continue
        known[key] = setting
        for level, number in zip(Level, numbers, strict=True):
            if number and level not in setting.levels:
                yield _at_another_level(key, level, number)
    yield from _misfits(known)


def _misfits(known: dict[str, Setting]) -> Iterator[CheckMessage]:
    """A value that does not fit makes its readers fail: guessing could open what an admin had closed."""
    wrong: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    values = SettingDecision.objects.filter(key__in=known).order_by("key").values_list("key", "value")
    for key, value, number, first in values.annotate(Count("pk"), Min("pk")):
        try:
            known[key].from_json(value)
        except BadValue as problem:
            wrong[key].append((first, number, str(problem)))
    for key, found in wrong.items():
        first, _, why = min(found)
        yield _misfit(key, sum(number for _, number, _ in found), first, why)


def _undeclared(key: str, number: int) -> CheckMessage:
    return Warning(
        f"{_decisions(number)} on “{key}”, which no setting declares, such as {_place(key=key)}.",
        hint="Nothing reads them. Declare the setting again, or delete them in a data migration.",
        id="accounts.W001",
    )


def _misfit(key: str, number: int, first: int, why: str) -> CheckMessage:
    shown = why if len(why) <= SHOWN else f"{why[:SHOWN]}…"
    return Warning(
        f"{_decisions(number)} on “{key}” with a value that does not fit its declaration, such as {_place(pk=first)}: "
        f"{shown}.",
        hint=(
            "Every page that needs the value fails until it fits. Change it in a data migration, or delete the rows "
            "there, so that their places inherit."
        ),
        id="accounts.W002",
    )


def _at_another_level(key: str, level: Level, number: int) -> CheckMessage:
    place = _place(key=key, **{f"{level.value}__isnull": False})
    return Warning(
        f"{_decisions(number)} on “{key}” at the level “{level.value}”, which its declaration does not allow, such as "
        f"{place}.",
        hint="They count, and no page can change them. Allow the level, or delete them in a data migration.",
        id="accounts.W003",
    )


def _decisions(number: int) -> str:
    return "There is 1 decision" if number == 1 else f"There are {number:,} decisions"


def _place(**which: Any) -> str:
    """One of them. By number: what is checked ends up in logs, where no names belong."""
    rows = SettingDecision.objects.filter(**which).order_by("pk").select_related("group", "user")
    row = rows.first()
    if row is None:
        return "one that was removed meanwhile"
    if row.group:
        return f"the one of group {row.group_id} in account {row.group.account_id}"
    if row.user:
        return f"the one of person {row.user_id} in account {row.user.account_id}"
    return f"the one of account {row.account_id}"
