"""Undo: the inverse of an entry of the audit log, submitted like any change."""

from __future__ import annotations

from datetime import datetime

from accounts import changing, reviewing
from accounts.cascade import declare, read, write
from accounts.cascade.changes import Choose, Inherit
from accounts.cascade.declare import BadValue, Level
from accounts.models import Account, AuditEntry, PendingChange, User


def undo(entry: AuditEntry, *, by: User, back: str, now: datetime) -> reviewing.Done | PendingChange:
    """Submit the inverse of a change of a setting. Raises ChangedMeanwhile where it is no longer the last one."""
    change = undo_of(entry)
    if change is None:
        raise BadValue("Only changes of settings can be undone here.")
    changing.require(change, by)
    setting, at = changing.setting_of(change), changing.place_of(change, by.account)
    current = read.decisions_at(at, [setting]).get(setting.key)
    if newest_like(entry) != entry or not reviewing.is_as_told(current, setting, entry.after):
        raise write.ChangedMeanwhile(setting, current)
    return reviewing.submit(change, by=by, back=back, seen=write.stamp(current), now=now)


def newest_like(entry: AuditEntry) -> AuditEntry:
    """The last change of the same setting at the same place."""
    return newest(entry.setting_key, Level(entry.level), int(entry.target_id), entry.account) or entry


def newest(key: str, level: Level, place: int, account: Account) -> AuditEntry | None:
    same = AuditEntry.objects.filter(account=account, setting_key=key, level=level.value, target_id=str(place))
    return same.order_by("-pk").first()


def undo_of(entry: AuditEntry) -> Choose | Inherit | None:
    """The inverse change of an entry; None for what is no change of a setting that is still declared."""
    setting = declare.by_key(entry.setting_key) if entry.setting_key else None
    if setting is None or not entry.target_id.isdecimal():
        return None
    level, place, before = Level(entry.level), int(entry.target_id), entry.before or {}
    if "value" not in before:
        return Inherit(entry.setting_key, level, place)
    value = reviewing.as_known_now(setting, before["value"])
    return Choose(entry.setting_key, level, place, value, bool(before.get("locked")))
