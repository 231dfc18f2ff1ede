"""The baseline of the cascade: SQL for PostgreSQL as written by hand for one question, and its rows as they come."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection

# For each person: the account's decision, that of the best-ranked group that has decided, their own.
_DECIDED = """
    FROM accounts_user person
    LEFT JOIN accounts_settingdecision top ON top.account_id = person.account_id AND top.key = %(key)s
    LEFT JOIN (
        SELECT DISTINCT ON (member.user_id) member.user_id, made.value, made.is_locked
        FROM accounts_settingdecision made
        JOIN accounts_group ranked ON ranked.id = made.group_id
        JOIN accounts_membership member ON member.group_id = made.group_id
        WHERE made.key = %(key)s AND ranked.account_id = %(account)s
        ORDER BY member.user_id, ranked.rank
    ) spoken ON spoken.user_id = person.id
    LEFT JOIN accounts_settingdecision own ON own.user_id = person.id AND own.key = %(key)s
"""
_HOLDS = """
    CASE WHEN top.is_locked THEN top.value
         WHEN spoken.is_locked THEN spoken.value
         ELSE COALESCE(own.value, spoken.value, top.value, %(default)s::jsonb) END
"""
_WHO = _DECIDED + "WHERE person.account_id = %(account)s AND" + _HOLDS + "= %(value)s::jsonb"
_OF_GROUPS = """
    FROM accounts_settingdecision made JOIN accounts_group ranked ON ranked.id = made.group_id
    WHERE ranked.account_id = %(account)s AND made.key = ANY(%(keys)s)
"""
_ALIVE = ["connecting", "connected", "degraded", "paused"]


def who_has(account: int, key: str, default: Any, *, value: Any) -> list[int]:
    rows = _rows("SELECT person.id" + _WHO, account=account, key=key, default=default, value=value)
    return [person for (person,) in rows]


def how_many_have(account: int, key: str, default: Any, *, value: Any) -> int:
    rows = _rows("SELECT count(*)" + _WHO, account=account, key=key, default=default, value=value)
    return int(rows[0][0])


def what_all_have(account: int, key: str, default: Any) -> list[tuple[int, str]]:
    """The values as text."""
    statement = "SELECT person.id," + _HOLDS + _DECIDED + "WHERE person.account_id = %(account)s"
    return list(_rows(statement, account=account, key=key, default=default))


def what_decides(account: int, keys: list[str]) -> list[list[tuple[Any, ...]]]:
    """Everybody, all that was decided for them, and who is in the groups that decided; nothing made of it."""
    decided = """
        SELECT key, value, is_locked, 0, 0 FROM accounts_settingdecision
        WHERE account_id = %(account)s AND key = ANY(%(keys)s)
        UNION ALL
        SELECT made.key, made.value, made.is_locked, made.group_id, ranked.rank
    """
    own = """
        UNION ALL
        SELECT made.key, made.value, false, made.user_id, 0
        FROM accounts_settingdecision made JOIN accounts_user person ON person.id = made.user_id
        WHERE person.account_id = %(account)s AND made.key = ANY(%(keys)s)
    """
    members = "SELECT user_id, group_id FROM accounts_membership WHERE group_id IN (SELECT made.group_id"
    return [
        _rows("SELECT id FROM accounts_user WHERE account_id = %(account)s", account=account),
        _rows(decided + _OF_GROUPS + own, account=account, keys=keys),
        _rows(members + _OF_GROUPS + ")", account=account, keys=keys),
    ]


def who_is_disconnected(account: int, key: str, default: Any) -> list[int]:
    """Of those who have a switch on, as that turns off: whose connection is alive."""
    statement = (
        "SELECT connection.user_id"
        + _DECIDED
        + "JOIN integrations_connection connection ON connection.user_id = person.id"
        + " WHERE connection.state = ANY(%(alive)s) AND person.account_id = %(account)s AND"
        + _HOLDS
        + "= 'true'::jsonb"
    )
    return [person for (person,) in _rows(statement, account=account, key=key, default=default, alive=_ALIVE)]


def _rows(statement: str, *, keys: list[str] | None = None, alive: list[str] | None = None, **given: Any) -> Any:
    parameters = {name: value if name in ("account", "key") else json.dumps(value) for name, value in given.items()}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters | {"keys": keys, "alive": alive})
        return cursor.fetchall()
