"""The only module that changes decisions."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from accounts import audit, claims
from accounts.cascade import declare, read
from accounts.cascade.changes import Gone
from accounts.cascade.declare import BadValue, Level, Setting
from accounts.cascade.read import Made, level_of
from accounts.models import Account, AuditEntry, Group, SettingDecision, User

CHOSEN = audit.declare("setting.chosen", "{actor} changed “{setting}” for {target}.")
INHERITED = audit.declare("setting.inherited", "{actor} let {target} inherit “{setting}”.")
LOCKED = audit.declare("setting.locked", "{actor} locked “{setting}” for {target}.")
UNLOCKED = audit.declare("setting.unlocked", "{actor} unlocked “{setting}” for {target}.")

# Sent on commit with `account` and `key`: a nudge for those who act on settings. A lost one costs a minute.
decided = Signal()
# The same with `account`, when the ranks of groups or who is in them changed.
placed = Signal()


class SettingLocked(Exception):
    """A level above has locked the setting. `by` is its decision."""

    def __init__(self, setting: Setting, by: Made) -> None:
        super().__init__(f"{setting.key} is locked above.")
        self.setting, self.by = setting, by


class NotAtThisLevel(BadValue):
    """The setting cannot be decided, or not be locked, at this level."""


class ChangedMeanwhile(Exception):
    """The decision is not the one that was seen. `now` is what it has become; None: inherited."""

    def __init__(self, setting: Setting, now: Made | None) -> None:
        super().__init__(f"{setting.key} was changed meanwhile.")
        self.setting, self.now = setting, now


def choose(
    setting: Setting,
    value: Any,
    *,
    at: Account | Group | User,
    actor: User | None,
    now: datetime,
    is_locked: bool | None = None,
    seen: str | None = None,
    reason: str = "",
    affected: int | None = None,
) -> AuditEntry | None:
    """Decide `setting` at one level, and lock it or not; None keeps the lock as it is.

    A value equal to the inherited one is a decision too. `seen`: the `stamp` of the decision that was shown.
    Answers the entry of the audit log, or None where nothing changed. Raises BadValue, NotAtThisLevel,
    SettingLocked, ChangedMeanwhile, Gone; then nothing has changed.
    """
    stored = setting.to_json(value)
    setting.from_json(stored)
    check_level(setting, at, is_locked=bool(is_locked))
    with transaction.atomic():
        row = _claim(setting, at, actor, seen)
        before = _said(row)
        locked = bool(row and row.is_locked) if is_locked is None else is_locked
        if row and (row.value, row.is_locked) == (stored, locked):
            return None
        if row is None:
            row = SettingDecision(key=setting.key, **{level_of(at).value: at})
        action = CHOSEN if locked == bool(before and before["locked"]) else LOCKED if locked else UNLOCKED
        row.value, row.is_locked, row.decided_by, row.decided_at = stored, locked, actor, now
        row.save()
        return _record(
            action, setting, at, actor=actor, now=now, before=before, after=_said(row), reason=reason, affected=affected
        )


def inherit(
    setting: Setting,
    *,
    at: Account | Group | User,
    actor: User | None,
    now: datetime,
    seen: str | None = None,
    reason: str = "",
    affected: int | None = None,
) -> AuditEntry | None:
    """Take the decision of this level back, and its lock with it. Without one, nothing happens.

    Raises SettingLocked, ChangedMeanwhile, Gone; then nothing has changed.
    """
    with transaction.atomic():
        row = _claim(setting, at, actor, seen)
        if row is None:
            return None
        before = _said(row)
        row.delete()
        return _record(
            INHERITED, setting, at, actor=actor, now=now, before=before, after=None, reason=reason, affected=affected
        )


def stamp(made: Made | None) -> str:
    """What a form carries of the decision it shows, so that a later one is noticed."""
    if made is None:
        return "inherited"
    shown = json.dumps([made.at.isoformat(), made.is_locked, declare.to_json(made.value)])
    return hashlib.sha256(shown.encode()).hexdigest()[:32]


def check_level(setting: Setting, at: Account | Group | User, *, is_locked: bool) -> None:
    """Raises NotAtThisLevel."""
    level = level_of(at)
    if level not in setting.levels:
        raise NotAtThisLevel(f"{setting.key} cannot be decided for one {level}.")
    if is_locked and not can_lock(setting, level):
        raise NotAtThisLevel(f"{setting.key} cannot be locked for one {level}: nobody below could change it.")


def can_lock(setting: Setting, level: Level) -> bool:
    """Whether there is a level below that a lock would bind, or something that people have."""
    has_below = any(list(Level).index(below) > list(Level).index(level) for below in setting.levels)
    return level != Level.USER and (has_below or setting.lock_binds)


def as_seen(setting: Setting, at: Account | Group | User, seen: str | None) -> Made | None:
    """The decision of this level, if it may be changed and is the one that was seen. One query.

    `seen`: its `stamp`, or None where nobody looked. Raises SettingLocked, ChangedMeanwhile.
    """
    made = read.all_at(at, [setting])[setting.key]
    above = read.top_down(one for one in made if one.level != level_of(at))
    # Manners: the rule already ignores what lies under a lock, so a race with one cannot do harm.
    if lock := next((one for one in above if one and one.is_locked), None):
        raise SettingLocked(setting, lock)
    own = next((one for one in made if one.level == level_of(at)), None)
    if seen is not None and stamp(own) != seen:
        raise ChangedMeanwhile(setting, own)
    return own


def _record(
    action: str,
    setting: Setting,
    at: Account | Group | User,
    *,
    actor: User | None,
    now: datetime,
    before: Any,
    after: Any,
    reason: str,
    affected: int | None,
) -> AuditEntry:
    account = at if isinstance(at, Account) else at.account
    entry = audit.record(
        action,
        account=account,
        actor=actor,
        on=at,
        now=now,
        before={"setting": setting.key} | (before or {}),
        after={"setting": setting.key} | (after or {}),
        level=level_of(at).value,
        setting_key=setting.key,
        reason=reason,
        affected=affected,
    )
    transaction.on_commit(lambda: decided.send(sender=SettingDecision, account=account, key=setting.key))
    return entry


def _claim(
    setting: Setting, at: Account | Group | User, actor: User | None, seen: str | None
) -> SettingDecision | None:
    """The decision of this level, locked, once it is sure that it may be changed and is the one that was seen."""
    _one_at_a_time(at, actor)
    if actor != at:
        claims.require(actor, at, "You may no longer change this. Ask an admin of the account.")
    row = SettingDecision.objects.select_for_update().filter(key=setting.key, **{level_of(at).value: at}).first()
    as_seen(setting, at, seen)
    return row


def _one_at_a_time(at: Account | Group | User, actor: User | None) -> None:
    """The first decision has no row yet that could be locked: the place is. And nobody is deleted while deciding."""
    if not isinstance(at, User):
        _lock(type(at), {at.pk})
    _lock(User, {person.pk for person in (at, actor) if isinstance(person, User)})


def _lock(model: type[Account | Group | User], keys: set[int]) -> None:
    """In the order of the key, so that two who decide for each other wait and no more."""
    rows = model._default_manager.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    if len(rows) < len(keys):
        raise Gone


def _said(row: SettingDecision | None) -> dict[str, Any] | None:
    return {"value": row.value, "locked": row.is_locked} if row else None
