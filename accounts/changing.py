"""Changes as data carried out: where each happens, who may, and which function of the domain does it."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from django.core.exceptions import PermissionDenied

from accounts import doors, groups
from accounts.cascade import declare, write
from accounts.cascade.changes import Change, Choose, Dissolve, Gone, Inherit, Join, Leave, Rank
from accounts.cascade.declare import BadValue, Level, Setting
from accounts.cascade.read import Made
from accounts.models import Account, AuditEntry, Group, User


def place_of(change: Change, account: Account) -> Account | Group | User:
    """Where the change happens, in this account. Raises Gone."""
    if not isinstance(change, Choose | Inherit):
        return _found(Group.objects.filter(account=account, pk=change.group).select_related("account").first())
    if change.level == Level.ACCOUNT:
        return _found(account if account.pk == change.place else None)
    if change.level == Level.GROUP:
        return _found(Group.objects.filter(account=account, pk=change.place).select_related("account").first())
    person: User | None = User.objects.of(account).filter(pk=change.place).select_related("account").first()
    return _found(person)


def _found(place: Account | Group | User | None) -> Account | Group | User:
    if place is None:
        raise Gone
    return place


def require(change: Change, by: User) -> None:
    place = place_of(change, by.account)
    if isinstance(change, Rank) and change.above:
        _found(Group.objects.filter(account=by.account, pk=change.above).first())
    scope = by.account if isinstance(change, Rank | Dissolve) else place
    if place != by and not doors.can_manage(by, scope):
        raise PermissionDenied("You may no longer change this. Ask an admin of the account.")


def do(change: Change, *, by: User, seen: str | None, now: datetime, reason: str, affected: int) -> AuditEntry | None:
    place = place_of(change, by.account)
    if isinstance(change, Choose):
        setting = setting_of(change)
        return write.choose(
            setting,
            setting.from_json(change.value),
            at=place,
            is_locked=change.is_locked,
            seen=seen,
            actor=by,
            now=now,
            reason=reason,
            affected=affected,
        )
    if isinstance(change, Inherit):
        return write.inherit(
            setting_of(change), at=place, seen=seen, actor=by, now=now, reason=reason, affected=affected
        )
    return _do_to_group(change, place, by=by, now=now, reason=reason, affected=affected)


def _do_to_group(
    change: Rank | Join | Leave | Dissolve,
    group: Account | Group | User,
    *,
    by: User,
    now: datetime,
    reason: str,
    affected: int,
) -> AuditEntry | None:
    assert isinstance(group, Group)  # noqa: S101  place_of answers a group for these
    if isinstance(change, Rank):
        above = Group.objects.filter(account=by.account, pk=change.above).first() if change.above else None
        if change.above and above is None:
            raise Gone
        return groups.rank(group, above=above, actor=by, now=now, reason=reason, affected=affected)
    if isinstance(change, Join):
        groups.add_members(group, change.people, actor=by, now=now, reason=reason, affected=affected)
    elif isinstance(change, Leave):
        groups.remove_members(group, change.people, actor=by, now=now, reason=reason, affected=affected)
    else:
        groups.delete(group, actor=by, now=now, reason=reason, affected=affected)
    return None


def of_those_who_are_left(change: Change, account: Account) -> Change:
    """Somebody who was to join or leave may have been deleted meanwhile."""
    if not isinstance(change, Join | Leave):
        return change
    left = set(User.objects.of(account).filter(pk__in=change.people).values_list("pk", flat=True))
    if not left:
        raise Gone
    return dataclasses.replace(change, people=tuple(person for person in change.people if person in left))


def setting_of(change: Choose | Inherit) -> Setting:
    setting = declare.by_key(change.key)
    if setting is None or not setting.offered:
        raise BadValue(f"There is no setting {change.key}.")
    return setting


def canonical(change: Choose | Inherit) -> Choose | Inherit:
    if isinstance(change, Inherit):
        return change
    setting = setting_of(change)
    value = setting.to_json(setting.from_json(change.value))
    return Choose(change.key, change.level, change.place, value, change.is_locked)


def resolved(change: Change, own: Made | None) -> Change:
    """The change with its lock as it would come out, where it says nothing about it. `own`: the place's decision."""
    if isinstance(change, Choose) and change.is_locked is None:
        return dataclasses.replace(change, is_locked=own is not None and own.is_locked)
    return change
