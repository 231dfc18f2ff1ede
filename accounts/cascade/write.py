"""The only module that changes decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal

from accounts import audit
from accounts.cascade.declare import BadValue, Level, Setting
from accounts.models import Account, Group, SettingDecision, User

CHOSEN = audit.declare("setting.chosen", "{actor} changed a setting of {target}.")
INHERITED = audit.declare("setting.inherited", "{actor} let {target} inherit a setting.")

# Sent on commit with `account` and `key`: a nudge for those who act on settings. A lost one costs a minute.
decided = Signal()


class SettingLocked(Exception):
    """A level above has locked the setting. `by` is its decision."""

    def __init__(self, by: SettingDecision) -> None:
        super().__init__(f"{by.key} is locked above.")
        self.by = by


class NotAtThisLevel(BadValue):
    """The setting cannot be decided at this level."""


def choose(setting: Setting, value: Any, *, at: Account | Group | User, actor: User | None, now: datetime) -> None:
    """Decide `setting` at one level. A value equal to the inherited one is a decision too.

    Raises BadValue, NotAtThisLevel, SettingLocked; then nothing has changed.
    """
    stored = setting.to_json(value)
    setting.from_json(stored)
    _check_level(setting, at)
    with transaction.atomic():
        _one_at_a_time(at)
        _refuse_under_a_lock(setting, at)
        row = SettingDecision.objects.select_for_update().filter(key=setting.key, **_place(at)).first()
        before = {"value": row.value, "locked": row.is_locked} if row else None
        if row and row.value == stored:
            return
        if row is None:
            row = SettingDecision(key=setting.key, **_place(at))
        row.value, row.decided_by, row.decided_at = stored, actor, now
        row.save()
        after = {"value": stored, "locked": row.is_locked}
        _record(CHOSEN, setting, at=at, actor=actor, now=now, before=before, after=after)


def inherit(setting: Setting, *, at: Account | Group | User, actor: User | None, now: datetime) -> None:
    """Take the decision of this level back. Without one, nothing happens. Raises SettingLocked."""
    with transaction.atomic():
        _one_at_a_time(at)
        _refuse_under_a_lock(setting, at)
        row = SettingDecision.objects.select_for_update().filter(key=setting.key, **_place(at)).first()
        if row is None:
            return
        before = {"value": row.value, "locked": row.is_locked}
        row.delete()
        _record(INHERITED, setting, at=at, actor=actor, now=now, before=before, after=None)


def _record(
    action: str,
    setting: Setting,
    *,
    at: Account | Group | User,
    actor: User | None,
    now: datetime,
    before: Any,
    after: Any,
) -> None:
    account = at if isinstance(at, Account) else at.account
    audit.record(
        action,
        account=account,
        actor=actor,
        on=at,
        now=now,
        before={"setting": setting.key} | (before or {}),
        after={"setting": setting.key} | (after or {}),
    )
    transaction.on_commit(lambda: decided.send(sender=SettingDecision, account=account, key=setting.key))


def _one_at_a_time(at: Account | Group | User) -> None:
    """The first decision has no row yet that could be locked: the place is."""
    type(at)._default_manager.select_for_update(no_key=True).get(pk=at.pk)


def _place(at: Account | Group | User) -> dict[str, Any]:
    return {_level(at).value: at}


def _level(at: Account | Group | User) -> Level:
    if isinstance(at, Account):
        return Level.ACCOUNT
    return Level.GROUP if isinstance(at, Group) else Level.USER


def _check_level(setting: Setting, at: Account | Group | User) -> None:
    if _level(at) not in setting.levels:
        raise NotAtThisLevel(f"{setting.key} cannot be decided for one {_level(at)}.")


def _refuse_under_a_lock(setting: Setting, at: Account | Group | User) -> None:
    """Manners: the rule already ignores what lies under a lock, so a race with one cannot do harm."""
    if isinstance(at, Account):
        return
    above = Q(account=at.account)
    if isinstance(at, User):
        above |= Q(group__memberships__user=at)
    lock = _speaking_lock(SettingDecision.objects.filter(above, key=setting.key).order_by("group__rank"))
    if lock:
        raise SettingLocked(lock)


def _speaking_lock(rows: Iterable[SettingDecision]) -> SettingDecision | None:
    """A lock of the account, or of the best-ranked group that has decided; `rows` come by rank."""
    rows = list(rows)
    of_account = [row for row in rows if row.account_id and row.is_locked]
    speaking = next((row for row in rows if row.group_id), None)
    if of_account:
        return of_account[0]
    return speaking if speaking and speaking.is_locked else None
