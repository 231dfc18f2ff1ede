"""The audit log: append-only, one entry for each change, written in the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from accounts.models import Account, AuditEntry, User

SYSTEM = "Meridian"  # the actor's name where no person acted


@dataclass(frozen=True)
class Action:
    """`sentence` is filled with {actor} and {target}."""

    name: str
    sentence: str


_actions: dict[str, Action] = {}


def declare(name: str, sentence: str) -> str:
    """Make an action known. Returns its name, for `record`."""
    _actions[name] = Action(name, sentence)
    return name


def actions() -> dict[str, Action]:
    return dict(_actions)


def record(
    action: str,
    *,
    account: Account,
    actor: User | None,
    on: Model,
    now: datetime,
    before: Any = None,
    after: Any = None,
) -> AuditEntry:
    """Write one entry. `before` and `after` are JSON and never hold a secret.

    Raises KeyError for an action nobody declared.
    """
    return AuditEntry.objects.create(
        account=account,
        at=now,
        actor=actor,
        actor_name=str(actor) if actor else SYSTEM,
        action=_actions[action].name,
        target_kind=str(on._meta.verbose_name),
        target_id=str(on.pk),
        target_name=str(on)[:254],
        before=before,
        after=after,
    )


def sentence(entry: AuditEntry) -> str:
    """The entry in words. An action that is no longer declared is shown by its name."""
    known = _actions.get(entry.action)
    if known is None:
        return f"{entry.actor_name}: {entry.action}, {entry.target_name}"
    return known.sentence.format(actor=entry.actor_name, target=entry.target_name)
