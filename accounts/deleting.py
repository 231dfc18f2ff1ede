"""Deleting a person for good: what ends with it, said beforehand and then done in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts import audit, claims, groups, jobs, openings, people
from accounts.cascade import declare
from accounts.claims import Refused
from accounts.models import AuditEntry, Membership, Role, SettingDecision, User
from accounts.single_sign_on import erasing

DELETED = audit.declare(
    "person.deleted", "{actor} deleted {target}.", personal=("email",), say={"role": lambda role: Role(role).label}
)


class OwnDeletion(Refused):
    sentence = "You cannot delete yourself. Ask another owner or admin to do it."


@dataclass(frozen=True)
class Ending:
    """What would be gone."""

    # With `group` and its `position`.
    places: tuple[Membership, ...]
    # The labels of the settings that the person decided for itself.
    choices: tuple[str, ...]
    # Entries of the audit log that name the person; they stay, without the name.
    entries: int


def ending(person: User) -> Ending:
    keys = SettingDecision.objects.filter(user=person).order_by("key").values_list("key", flat=True)
    return Ending(
        places=tuple(groups.placed(person.memberships.all())),
        choices=tuple(_label(key) for key in keys),
        entries=AuditEntry.objects.filter(Q(actor_id=person.pk) | Q(about_id=person.pk)).count(),
    )


def delete(person: User, *, actor: User | None, now: datetime, reason: str = "") -> None:
    """Sessions and connections end, memberships and own choices go; the audit log keeps what was done, masked."""
    with transaction.atomic():
        claims.account(person.account_id)
        _lock_in_order(person)
        person = claims.person(person, actor)
        if person == actor:
            raise OwnDeletion
        people.keep_an_owner(person)
        for leave in openings.on_leaving:
            leave(person, actor=actor, now=now)
        audit.record(
            DELETED,
            account=person.account,
            actor=actor,
            on=person,
            now=now,
            before={
                "email": person.email,
                "role": person.role,
                "groups": list(person.member_of.order_by("rank").values_list("name", flat=True)),
            },
            reason=reason,
        )
        audit.erase(person, now=now)
        jobs.erase(person)
        erasing.erase(person)
        person.delete()


def _lock_in_order(person: User) -> None:
    """With all whose row will lose its `invited_by`: two people who decide for each other lock by the key, too."""
    touched = User.objects.filter(Q(pk=person.pk) | Q(invited_by=person)).order_by("pk")
    list(touched.select_for_update(no_key=True).values_list("pk", flat=True))


def _label(key: str) -> str:
    setting = declare.by_key(key)
    return setting.label if setting else key
