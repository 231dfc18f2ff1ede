"""Group admins manage the members and the settings of their group, and nothing else."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit, claims
from accounts.groups.membership import NotAMember
from accounts.models import Group, Membership, User

APPOINTED = audit.declare(
    "group.admin_appointed", "{actor} appointed {person} a group admin of {target}.", personal=("person",)
)
DISMISSED = audit.declare(
    "group.admin_dismissed", "{actor} dismissed {person} as a group admin of {target}.", personal=("person",)
)


def appoint_admin(group: Group, person: User, *, actor: User | None, now: datetime) -> None:
    _set_admin(group, person, is_admin=True, actor=actor, now=now)


def dismiss_admin(group: Group, person: User, *, actor: User | None, now: datetime) -> None:
    _set_admin(group, person, is_admin=False, actor=actor, now=now)


def _set_admin(group: Group, person: User, *, is_admin: bool, actor: User | None, now: datetime) -> None:
    with transaction.atomic():
        group = claims.group(group)
        claims.require(actor, group.account, "Only an owner or an admin of the account may choose group admins.")
        membership = Membership.objects.select_for_update().filter(group=group, user=person).first()
        if membership is None:
            raise NotAMember
        if membership.is_admin == is_admin:
            return
        membership.is_admin = is_admin
        membership.save(update_fields=["is_admin"])
        action, named = (APPOINTED if is_admin else DISMISSED), {"person": str(person)}
        before, after = (None, named) if is_admin else (named, None)
        audit.record(
            action,
            account=group.account,
            actor=actor,
            on=group,
            now=now,
            before=before,
            after=after,
            about=person,
        )
