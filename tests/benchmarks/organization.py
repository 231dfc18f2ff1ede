"""A whole organization in a moment: people, ranked groups, who decided what where, who is connected."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.db import connection, models
from psycopg import sql

from accounts.cascade import facts
from accounts.cascade.declare import Level, Page, Section, Setting, part, setting, settings_of
from accounts.models import Account, Group, Membership, SettingDecision, User
from integrations.models import Connection, State
from integrations.preferences import Integrations, ServicePolicy

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
MEMBERSHIPS_A_PERSON = 1.4
GROUPS = 2_000
DECIDING_GROUPS = 36  # for each setting; every sixth locks
DECIDED = 0.05  # of the people, for each setting
CONNECTED = 0.3


class Layout(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Tone(StrEnum):
    QUIET = "quiet"
    LOUD = "loud"


@dataclass(frozen=True)
class Reminder:
    minutes: int = part(default=10, label="Minutes before")
    tone: Tone = part(default=Tone.QUIET, label="Tone")
    by_mail: bool = part(default=False, label="By e-mail too")


class Desk(Section, prefix="desk", title="Desk", page=Page("desk", "Desk")):
    """Ten settings of every kind that there is."""

    shared: bool = setting(default=True, label="Shared")
    weekends: bool = setting(default=False, label="Weekends")
    holidays: bool = setting(default=True, label="Holidays")
    birthdays: bool = setting(default=False, label="Birthdays")
    rooms: bool = setting(default=True, label="Rooms")
    equipment: bool = setting(default=False, label="Equipment")
    layout: Layout = setting(default=Layout.WEEK, label="Layout")
    tone: Tone = setting(default=Tone.QUIET, label="Tone")
    labels: tuple[str, ...] = setting(default=(), label="Labels")
    reminder: Reminder = setting(default=Reminder(), label="Reminder")


SWITCHES = [True, False]
CHOICES: dict[str, Sequence[Any]] = {
    "layout": list(Layout),
    "tone": list(Tone),
    "labels": [(), ("red",), ("red", "green"), ("blue",)],
    "reminder": [Reminder(minutes, tone) for minutes in (5, 10, 30) for tone in Tone],
    "services": [ServicePolicy(calendar_write=write, contacts_write=write) for write in SWITCHES],
}
# The account itself has decided these, and locked the last.
OF_THE_ACCOUNT = ("shared", "weekends", "layout", "reminder", "equipment")


@dataclass
class Organization:
    size: int
    account: Account
    chance: random.Random = field(default_factory=lambda: random.Random(2026))  # noqa: S311  # the same each time
    people: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)


def founded(size: int) -> Organization:
    """As many people, with all that is theirs."""
    account = Account.objects.create(name=f"{size} people", created_at=NOW)
    made = Organization(size, account)
    _people(made)
    _groups(made)
    for declared in (*settings_of(Desk), *(s for s in settings_of(Integrations) if s.name in ("enabled", "services"))):
        _decisions(made, declared)
    _connections(made)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


def _people(made: Organization) -> None:
    address = f"{{}}@{made.account.pk}.many.example"
    rows = ((made.account.pk, address.format(at), f"Person {at}", True, NOW) for at in range(made.size))
    _copy(User, ("account_id", "email", "name", "is_active", "joined_at"), rows)
    made.people = list(User.objects.of(made.account).order_by("pk").values_list("pk", flat=True))


def _groups(made: Organization) -> None:
    ranks = made.chance.sample(range(GROUPS), GROUPS)
    rows = ((made.account.pk, f"Group {at}", rank * 1024, NOW) for at, rank in enumerate(ranks))
    _copy(Group, ("account_id", "name", "rank", "created_at"), rows)
    made.groups = list(Group.objects.filter(account=made.account).order_by("pk").values_list("pk", flat=True))
    pairs = set[tuple[int, int]]()
    while len(pairs) < made.size * MEMBERSHIPS_A_PERSON:
        # A few groups are large, most are small.
        group = made.groups[int(GROUPS * made.chance.random() ** 2)]
        pairs.add((group, made.chance.choice(made.people)))
    _copy(Membership, ("group_id", "user_id"), sorted(pairs, key=lambda pair: pair[1]))


def _decisions(made: Organization, declared: Setting) -> None:
    choices = CHOICES.get(declared.name, SWITCHES)

    def row(level: Level, place: int, *, is_locked: bool = False) -> tuple[Any, ...]:
        value = _as_stored(SettingDecision, "value", declared.to_json(made.chance.choice(choices)))
        return (*(place if level == at else None for at in Level), declared.key, value, is_locked, NOW)

    rows = []
    if declared.name in OF_THE_ACCOUNT:
        rows.append(row(Level.ACCOUNT, made.account.pk, is_locked=declared.name == OF_THE_ACCOUNT[-1]))
    for at, group in enumerate(made.chance.sample(made.groups, DECIDING_GROUPS)):
        rows.append(row(Level.GROUP, group, is_locked=at % 6 == 0))
    if Level.USER in declared.levels:
        rows += [row(Level.USER, person) for person in made.chance.sample(made.people, int(made.size * DECIDED))]
    made.chance.shuffle(rows)
    _copy(SettingDecision, ("account_id", "group_id", "user_id", "key", "value", "is_locked", "decided_at"), rows)


def _connections(made: Organization) -> None:
    """Most alive; where the settings turn the integration off, blocked."""
    held = facts.load(made.account, settings_of(Integrations)).held(Integrations)
    rows = []
    for person in sorted(made.chance.sample(made.people, int(made.size * CONNECTED))):
        state = State.CONNECTED if made.chance.random() < 0.9 else made.chance.choice(list(State))
        if not held[person].values.enabled:
            state = State.BLOCKED_BY_POLICY
        ticked = made.chance.choices(SWITCHES, k=2)
        who = (person, made.account.pk)
        rows.append((*who, state.value, NOW, f"{person}", f"{person}@many.example", "sealed", *ticked))
    names = (
        "user_id", "account_id", "state", "since_at", "object_id", "address", "refresh_token",
        "calendar_write", "contacts_write",
    )  # fmt: skip
    _copy(Connection, names, rows)


def _copy(model: type[models.Model], names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """The other columns hold their defaults."""
    blank = model()
    others = [
        field.attname for field in model._meta.concrete_fields if not field.primary_key and field.attname not in names
    ]
    fixed = tuple(_as_stored(model, name, getattr(blank, name)) for name in others)
    columns = sql.SQL(", ").join(map(sql.Identifier, (*names, *others)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((*row, *fixed))


def _as_stored(model: type[models.Model], name: str, value: Any) -> Any:
    field = next(field for field in model._meta.concrete_fields if field.attname == name)
    return field.get_db_prep_save(value, connection)
