"""What the ground floor asks of the floors above without knowing them.

Each opening is a Protocol here and a list that the upper floor fills in `AppConfig.ready()`. Empty, every
page still works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.http import HttpRequest

from accounts.models import Account, User


@dataclass(frozen=True)
class Panel:
    """A piece of a page: its template, and what the template needs under the name `panel`."""

    template: str
    context: Mapping[str, Any]


class PersonPanel(Protocol):
    """A section on a person's own profile page."""

    def __call__(self, request: HttpRequest, person: User) -> Panel: ...


@dataclass(frozen=True)
class Remark:
    """What a switch of the account's settings means today, and what would follow from moving it."""

    now: str
    if_on: str
    if_off: str


class RowPanel(Protocol):
    """Asked by the page of the account's settings about one row."""

    def __call__(self, account: Account) -> Remark: ...


class Leaving(Protocol):
    """What must end when a person is deactivated. Called inside the transaction, so it may only write."""

    def __call__(self, person: User, *, actor: User | None, now: datetime) -> None: ...


@dataclass(frozen=True)
class NavigationItem:
    label: str
    url_name: str
    icon: str
    order: int


person_panels: list[PersonPanel] = []
# By the key of the setting.
row_panels: dict[str, RowPanel] = {}
on_leaving: list[Leaving] = []
# The *Personal* part of the left navigation.
navigation: list[NavigationItem] = []
