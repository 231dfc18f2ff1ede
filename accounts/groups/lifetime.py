"""A group is created, renamed, deleted."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Lower

from accounts import audit, claims
from accounts.cascade import write
from accounts.claims import Refused
from accounts.groups import membership
from accounts.groups.order import position_of
from accounts.groups.ranks import rank_after_all
from accounts.models import Account, Group, Membership, User

CREATED = audit.declare("group.created", "{actor} created the group {target}.")
RENAMED = audit.declare("group.renamed", "{actor} renamed the group {target}.")
DELETED = audit.declare(
    "group.deleted", "{actor} deleted the group {target}.", say={"position": lambda position: f"P{position:,}"}
)

ONLY_ADMINS = "Only an owner or an admin of the account may create, rename or delete groups."


class NameTaken(Refused):
    sentence = "Another group of the account has this name. Choose a different one."


def create(*, account: Account, name: str, actor: User | None, now: datetime) -> Group:
    """A new group, ranked last."""
    with transaction.atomic():
        account = claims.account(account.pk)
        claims.require(actor, account, ONLY_ADMINS)
        _require_free(account, name)
        group = Group.objects.create(account=account, name=name, rank=rank_after_all(account), created_at=now)
        audit.record(CREATED, account=account, actor=actor, on=group, now=now)
    return group


def rename(group: Group, *, name: str, actor: User | None, now: datetime) -> Group:
    with transaction.atomic():
        group = claims.group(group)
        claims.require(actor, group.account, ONLY_ADMINS)
        if group.name == name:
            return group
        _require_free(group.account, name, but=group)
        before, group.name = group.name, name
        group.save(update_fields=["name"])
        names = ({"name": before}, {"name": name})
        audit.record(RENAMED, account=group.account, actor=actor, on=group, now=now, before=names[0], after=names[1])
    return group


def delete(group: Group, *, actor: User | None, now: datetime, reason: str = "", affected: int | None = None) -> int:
    """Delete the group and what was decided for it. Returns how many people left it."""
    with transaction.atomic():
        group = claims.group(group)
        account = group.account
        claims.require(actor, account, ONLY_ADMINS)
        people = group.memberships.count()
        before = {"people": people, "position": position_of(group), "decisions": group.decisions.count()}
        audit.record(
            DELETED,
            account=account,
            actor=actor,
            on=group,
            now=now,
            before=before,
            reason=reason,
            affected=affected,
        )
        group.delete()
        membership.give_a_primary_group(Membership.objects.filter(group__account=account))
        transaction.on_commit(lambda: write.placed.send(sender=Group, account=account))
    return people


def _require_free(account: Account, name: str, *, but: Group | None = None) -> None:
    same = Group.objects.filter(account=account).annotate(small=Lower("name")).filter(small=Lower(Value(name)))
    others = same.exclude(pk=but.pk) if but else same
    if others.exists():
        raise NameTaken
