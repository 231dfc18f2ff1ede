"""Connections without Microsoft, for what the settings make of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.cascade import declare
from accounts.cascade.write import choose, inherit
from accounts.models import Account, Group, User
from integrations.models import Connection, State
from integrations.preferences import Integrations
from tests.cast import FOUNDED


def connect(people: list[User], state: str = State.CONNECTED, **more: Any) -> list[Connection]:
    """Each of `people` by the address they sign in with."""
    return Connection.objects.bulk_create(
        Connection(
            **{
                "user": person,
                "state": state,
                "since_at": FOUNDED,
                "tenant_id": "t",
                "object_id": f"o{person.pk}",
                "address": person.email,
                "refresh_token": "sealed",
                "access_token": "sealed",
                "refresh_due_at": FOUNDED,
                **more,
            }
        )
        for person in people
    )


def set_to(
    name: str, value: Any, *, at: Account | Group | User, by: User, now: datetime = FOUNDED, is_locked: bool = False
) -> None:
    setting = declare.setting_of(Integrations, name)
    choose(setting, value, at=at, actor=by, now=now, is_locked=is_locked)


def take_back(name: str, *, at: Account | Group | User, by: User, now: datetime = FOUNDED) -> None:
    inherit(declare.setting_of(Integrations, name), at=at, actor=by, now=now)


def state_of(person: User) -> str:
    return Connection.objects.get(user=person).state
