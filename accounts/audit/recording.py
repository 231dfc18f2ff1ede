"""Writing entries of the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Model

from accounts.audit.declarations import named
from accounts.models import Account, AuditEntry, Group, User

SYSTEM = "Meridian"  # the actor's name where no person acted
AT_ONCE = 500


@dataclass(frozen=True)
class Subject:
    """One of many things to which the same was done; `before`, `after` and `about` as in `record`."""

    on: Model
    before: Any = None
    after: Any = None
    about: User | int | None = None


def record(
    action: str,
    *,
    account: Account,
    actor: User | None,
    on: Model,
    now: datetime,
    before: Any = None,
    after: Any = None,
    level: str = "",
    setting_key: str = "",
    reason: str = "",
    affected: int | None = None,
    about: User | int | None = None,
) -> AuditEntry:
    """Write one entry. `before` and `after` are JSON and never hold a secret.

    `about` is the person of whom it speaks, or its key, for whatever is not done to a person itself: a membership,
    a connection. `level` and `setting_key` follow from `on` and from a field `setting`, where they are not given.
    Raises KeyError for an action nobody declared.
    """
    more = {"level": level, "setting_key": setting_key, "reason": reason, "affected": affected}
    entry = _entry(action, Subject(on, before, after, about), account=account, actor=actor, now=now, more=more)
    entry.save(force_insert=True)
    return entry


def record_many(
    action: str,
    subjects: Iterable[Subject],
    *,
    account: Account,
    actor: User | None,
    now: datetime,
    level: str = "",
    setting_key: str = "",
    reason: str = "",
    affected: int | None = None,
) -> int:
    """One entry for each of `subjects`, which may be endless: 500 are held and written at once."""
    more = {"level": level, "setting_key": setting_key, "reason": reason, "affected": affected}
    rest = iter(subjects)
    written = 0
    while some := list(islice(rest, AT_ONCE)):
        AuditEntry.objects.bulk_create(
            _entry(action, subject, account=account, actor=actor, now=now, more=more) for subject in some
        )
        written += len(some)
    return written


def _entry(
    action: str, subject: Subject, *, account: Account, actor: User | None, now: datetime, more: dict[str, Any]
) -> AuditEntry:
    on, about_id = subject.on, _about(subject)
    derived = {"level": _level(on, about_id), "setting_key": _setting_key(subject)}
    more = {**more, **{name: more[name] or value for name, value in derived.items()}}
    return AuditEntry(
        account=account,
        at=now,
        actor=actor,
        actor_name=str(actor) if actor else SYSTEM,
        action=named(action).name,
        target_kind=str(on._meta.verbose_name),
        target_id=str(on.pk),
        target_name=str(on)[:254],
        before=subject.before,
        after=subject.after,
        about_id=about_id,
        **more,
    )


def _about(subject: Subject) -> int | None:
    about = subject.about
    if about is None and isinstance(subject.on, User):
        about = subject.on
    return about.pk if isinstance(about, User) else about


def _level(on: Model, about_id: int | None) -> str:
    if isinstance(on, Account):
        return "account"
    if isinstance(on, Group):
        return "group"
    return "user" if about_id else ""


def _setting_key(subject: Subject) -> str:
    for side in (subject.after, subject.before):
        if isinstance(side, dict) and isinstance(side.get("setting"), str):
            return str(side["setting"])
    return ""
