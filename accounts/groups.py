"""Groups: created, named, ranked, and who is in them.

P1 is the group with the smallest rank. Ranks are far apart, so that moving one group changes one row.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Count, IntegerField, Max, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Lower
from django.shortcuts import get_object_or_404

from accounts import audit, doors
from accounts.models import Account, Group, Membership, User
from accounts.people import NotAllowed, PersonGone, Refused

STEP = 1024

CREATED = audit.declare("group.created", "{actor} created the group {target}.")
RENAMED = audit.declare("group.renamed", "{actor} renamed the group {target}.")
DELETED = audit.declare("group.deleted", "{actor} deleted the group {target}.")
MEMBER_ADDED = audit.declare("group.member_added", "{actor} added somebody to {target}.")
MEMBER_REMOVED = audit.declare("group.member_removed", "{actor} removed somebody from {target}.")
ADMIN_APPOINTED = audit.declare("group.admin_appointed", "{actor} appointed a group admin of {target}.")
ADMIN_DISMISSED = audit.declare("group.admin_dismissed", "{actor} dismissed a group admin of {target}.")


class NameTaken(Refused):
    sentence = "Another group of the account has this name. Choose a different one."


class NotAMember(Refused):
    sentence = "This person was removed from the group meanwhile."


class Stranger(Refused):
    sentence = "Only people of the same account can be in a group."


class AboveGroupAdmins(Refused):
    """Else a group admin would decide, and lock, for those he answers to."""

    sentence = "Only an owner or an admin of the account can add an owner or an admin to a group. Ask one of them."


class Deactivated(Refused):
    sentence = "This person is deactivated. Once an admin of the account has reactivated the person, try again."


def ranked(groups: QuerySet[Group]) -> QuerySet[Group]:
    """`groups` in order, each with its `position` (1 for P1) among all of its account."""
    above = Group.objects.filter(account=OuterRef("account"), rank__lte=OuterRef("rank"))
    return groups.annotate(position=_number_of(above, by="account")).order_by("rank")


def placed(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    """`memberships` in order of their groups' rank, each with its group and the group's `position`."""
    above = Group.objects.filter(account=OuterRef("group__account"), rank__lte=OuterRef("group__rank"))
    return (
        memberships.select_related("group").annotate(position=_number_of(above, by="account")).order_by("group__rank")
    )


def with_people_count(groups: QuerySet[Group]) -> QuerySet[Group]:
    # Counted per shown row: a join would count the whole account before the page is cut.
    people = Membership.objects.filter(group=OuterRef("pk"))
    return groups.annotate(people_count=_number_of(people, by="group"))


def create(*, account: Account, name: str, actor: User | None, now: datetime) -> Group:
    """A new group, ranked last."""
    with transaction.atomic():
        _lock(account)
        _require(actor, account)
        _require_free(account, name)
        last = Group.objects.filter(account=account).aggregate(last=Max("rank"))["last"] or 0
        group = Group.objects.create(account=account, name=name, rank=last + STEP, created_at=now)
        audit.record(CREATED, account=account, actor=actor, on=group, now=now)
    return group


def rename(group: Group, *, name: str, actor: User | None, now: datetime) -> Group:
    with transaction.atomic():
        _lock(group.account)
        group = _claim(group)
        _require(actor, group.account)
        if group.name == name:
            return group
        _require_free(group.account, name, but=group)
        before, group.name = group.name, name
        group.save(update_fields=["name"])
        names = ({"name": before}, {"name": name})
        audit.record(RENAMED, account=group.account, actor=actor, on=group, now=now, before=names[0], after=names[1])
    return group


def delete(group: Group, *, actor: User | None, now: datetime) -> int:
    """Delete the group and what was decided for it. Returns how many people left it."""
    with transaction.atomic():
        group = _claim(group)
        _require(actor, group.account)
        people = group.memberships.count()
        audit.record(DELETED, account=group.account, actor=actor, on=group, now=now, before={"people": people})
        group.delete()
    return people


def add_member(group: Group, person: User, *, actor: User | None, now: datetime) -> Membership:
    with transaction.atomic():
        group = _claim(group)
        _require(actor, group)
        person = _claim_for(group, person, actor)
        membership, is_new = Membership.objects.get_or_create(group=group, user=person)
        if is_new:
            audit.record(
                MEMBER_ADDED, account=group.account, actor=actor, on=group, now=now, after={"person": str(person)}
            )
    return membership


def remove_member(group: Group, person: User, *, actor: User | None, now: datetime) -> None:
    with transaction.atomic():
        group = _claim(group)
        _require(actor, group)
        membership = _membership(group, person)
        if membership.is_admin:
            # Or a group admin could dismiss another one by removing him.
            _require(actor, group.account)
        membership.delete()
        audit.record(
            MEMBER_REMOVED, account=group.account, actor=actor, on=group, now=now, before={"person": str(person)}
        )


def appoint_admin(group: Group, person: User, *, actor: User | None, now: datetime) -> None:
    _set_admin(group, person, is_admin=True, actor=actor, now=now)


def dismiss_admin(group: Group, person: User, *, actor: User | None, now: datetime) -> None:
    _set_admin(group, person, is_admin=False, actor=actor, now=now)


def _set_admin(group: Group, person: User, *, is_admin: bool, actor: User | None, now: datetime) -> None:
    with transaction.atomic():
        group = _claim(group)
        _require(actor, group.account)
        membership = _membership(group, person)
        if membership.is_admin == is_admin:
            return
        membership.is_admin = is_admin
        membership.save(update_fields=["is_admin"])
        action, named = (ADMIN_APPOINTED if is_admin else ADMIN_DISMISSED), {"person": str(person)}
        before, after = (None, named) if is_admin else (named, None)
        audit.record(action, account=group.account, actor=actor, on=group, now=now, before=before, after=after)


def _number_of(rows: QuerySet[Group] | QuerySet[Membership], *, by: str) -> Coalesce:
    counted = rows.order_by().values(by).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def _lock(account: Account) -> None:
    # Names and ranks differ within an account: who adds or renames goes one after another.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)


def _claim(group: Group) -> Group:
    """`group` as it is now, locked. Raises Http404 when it was deleted meanwhile, as its page does."""
    return get_object_or_404(Group.objects.select_for_update(of=("self",)).select_related("account"), pk=group.pk)


def _claim_for(group: Group, person: User, actor: User | None) -> User:
    """`person` as it is now, locked, once it is sure that `actor` may add it."""
    found: User | None = User.objects.select_for_update(no_key=True).filter(pk=person.pk).first()
    if found is None:
        raise PersonGone
    if found.account_id != group.account_id:
        raise Stranger
    if found.joined_at is not None and not found.is_active:
        raise Deactivated
    if found.is_account_admin and not _may(actor, group.account):
        raise AboveGroupAdmins
    return found


def _may(actor: User | None, scope: Account | Group) -> bool:
    if actor is None:
        return True
    current = User.objects.filter(pk=actor.pk, is_active=True).first()
    return current is not None and doors.can_manage(current, scope)


def _require(actor: User | None, scope: Account | Group) -> None:
    if not _may(actor, scope):
        raise NotAllowed("Only an admin of the account, or of the group for its members, may do this.")


def _require_free(account: Account, name: str, *, but: Group | None = None) -> None:
    same = Group.objects.filter(account=account).annotate(small=Lower("name")).filter(small=Lower(Value(name)))
    others = same.exclude(pk=but.pk) if but else same
    if others.exists():
        raise NameTaken


def _membership(group: Group, person: User) -> Membership:
    membership = Membership.objects.select_for_update().filter(group=group, user=person).first()
    if membership is None:
        raise NotAMember
    return membership
