"""Who is in a group, and which of a person's groups is the primary one.

The primary group is where a person is listed: the first joined, until another is chosen. It decides nothing about
settings, which follow the rank.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from itertools import islice

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet

from accounts import audit, claims
from accounts.audit import Subject
from accounts.cascade import write
from accounts.claims import PersonGone, Refused
from accounts.models import AuditEntry, Group, Membership, User

ADDED = audit.declare("group.member_added", "{actor} added {person} to {target}.", personal=("person",))
REMOVED = audit.declare("group.member_removed", "{actor} removed {person} from {target}.", personal=("person",))
PRIMARY_CHOSEN = audit.declare("person.primary_group_chosen", "{actor} chose the primary group of {target}.")

# As many people are asked about in one statement.
AT_ONCE = 5000
ONLY_GROUP_ADMINS = "Only an admin of the account, or of the group for its members, may do this."
ONLY_ACCOUNT_ADMINS = "Only an owner or an admin of the account may remove group admins."


class NotAMember(Refused):
    sentence = "This person was removed from the group meanwhile."


class Stranger(Refused):
    sentence = "Only people of the same account can be in a group."


class AboveGroupAdmins(Refused):
    """Else a group admin would decide, and lock, for those he answers to."""

    sentence = "Only an owner or an admin of the account can add an owner or an admin to a group. Ask one of them."


class Deactivated(Refused):
    sentence = "This person is deactivated. Once an admin of the account has reactivated the person, try again."


class Joining(StrEnum):
    """What became of one person who was to join a group."""

    JOINED = "joined"
    WAS_THERE = "was there"
    GONE = "gone"
    STRANGER = "stranger"
    DEACTIVATED = "deactivated"
    ABOVE = "above"

    @property
    def refusal(self) -> type[Refused] | None:
        return _REFUSALS.get(self)


_REFUSALS: dict[Joining, type[Refused]] = {
    Joining.GONE: PersonGone,
    Joining.STRANGER: Stranger,
    Joining.DEACTIVATED: Deactivated,
    Joining.ABOVE: AboveGroupAdmins,
}


def add_members(
    group: Group,
    people: Iterable[int],
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
    affected: int | None = None,
) -> dict[int, Joining]:
    """Add people, given by primary key; answers what became of each. However many, with the same few queries.

    Raises the refusal of the first who cannot be added, and then adds nobody.
    """
    wanted = list(dict.fromkeys(people))
    outcomes: dict[int, Joining] = {}
    with transaction.atomic():
        group = claims.group(group)
        claims.require(actor, group, ONLY_GROUP_ADMINS)
        above_too = claims.may(actor, group.account)
        for some in _chunks(wanted):
            asked = _asked(group, some, above_too=above_too)
            _refuse(asked.values())
            _join(group, [pk for pk in some if asked[pk] == Joining.JOINED])
            outcomes |= asked
        joined = [pk for pk, outcome in outcomes.items() if outcome == Joining.JOINED]
        if joined:
            _record(ADDED, group, joined, actor=actor, now=now, reason=reason, affected=affected)
    return outcomes


def remove_members(
    group: Group,
    people: Iterable[int],
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
    affected: int | None = None,
) -> list[int]:
    """Remove people, given by primary key; answers who was removed. Raises NotAMember when nobody of them is in it."""
    with transaction.atomic():
        group = claims.group(group)
        claims.require(actor, group, ONLY_GROUP_ADMINS)
        removed: list[int] = []
        for some in _chunks(list(dict.fromkeys(people))):
            members = Membership.objects.filter(group=group, user__in=some)
            found = dict(members.values_list("user", "is_admin"))
            if any(found.values()):
                # Or a group admin could dismiss another one by removing him.
                claims.require(
                    actor, group.account, "Only an owner or an admin of the account may remove group admins."
                )
            members.delete()
            give_a_primary_group(Membership.objects.filter(user__in=found))
            removed += found
        if not removed:
            raise NotAMember
        _record(REMOVED, group, removed, actor=actor, now=now, reason=reason, affected=affected)
    return removed


def joining(person: User | None, group: Group, *, above_too: bool) -> Joining:
    """What would become of somebody who is not in the group yet. `above_too`: owners and admins may be added."""
    if person is None:
        return Joining.GONE
    if person.account_id != group.account_id:
        return Joining.STRANGER
    if person.joined_at is not None and not person.is_active:
        return Joining.DEACTIVATED
    return Joining.ABOVE if person.is_account_admin and not above_too else Joining.JOINED


def require_addable(group: Group, person: User, *, by: User) -> None:
    """Raises what `add_members` would raise now, so that nobody reviews what cannot be done."""
    asked = joining(person, group, above_too=claims.may(by, group.account))
    if asked.refusal and not Membership.objects.filter(group=group, user=person).exists():
        raise asked.refusal


def require_removable(group: Group, person: User, *, by: User) -> None:
    """The same for `remove_members`."""
    membership = Membership.objects.filter(group=group, user=person).first()
    if membership is None:
        raise NotAMember
    if membership.is_admin:
        claims.require(by, group.account, ONLY_ACCOUNT_ADMINS)


def put(person: User, groups: Iterable[Group]) -> None:
    """Somebody new, into the groups that the invitation names; the first becomes the primary one."""
    Membership.objects.bulk_create(
        Membership(group=group, user=person, is_primary=number == 0) for number, group in enumerate(groups)
    )


def choose_primary(person: User, group: Group, *, actor: User | None, now: datetime) -> AuditEntry | None:
    """None: it is the primary group already."""
    with transaction.atomic():
        person = claims.person(person, actor)
        memberships = Membership.objects.filter(user=person).select_related("group")
        chosen = memberships.filter(group=group).first()
        if chosen is None:
            raise NotAMember
        if chosen.is_primary:
            return None
        former = memberships.filter(is_primary=True).first()
        memberships.filter(is_primary=True).update(is_primary=False)
        chosen.is_primary = True
        chosen.save(update_fields=["is_primary"])
        return audit.record(
            PRIMARY_CHOSEN,
            account=person.account,
            actor=actor,
            on=person,
            now=now,
            before={"primary_group": former.group.name if former else None},
            after={"primary_group": chosen.group.name},
        )


def give_a_primary_group(memberships: QuerySet[Membership]) -> None:
    """Those of `memberships`' people who have no primary group among them get the one they joined first."""
    without = memberships.order_by().values("user").annotate(first=Min("pk"), chosen=_chosen).filter(chosen=0)
    Membership.objects.filter(pk__in=without.values("first")).update(is_primary=True)


_chosen = Count("pk", filter=Q(is_primary=True))


def _chunks(people: list[int]) -> Iterator[list[int]]:
    rest = iter(people)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _asked(group: Group, people: Collection[int], *, above_too: bool) -> dict[int, Joining]:
    known = _locked(people)
    there = set(Membership.objects.filter(group=group, user__in=people).values_list("user", flat=True))
    return {
        pk: Joining.WAS_THERE if pk in there else joining(known.get(pk), group, above_too=above_too) for pk in people
    }


def _locked(people: Collection[int]) -> dict[int, User]:
    """In the order of the key, so that two who lock the same people wait for each other and no more."""
    found = User.objects.select_for_update(no_key=True).filter(pk__in=people).order_by("pk")
    return {person.pk: person for person in found}


def _refuse(outcomes: Iterable[Joining]) -> None:
    for outcome in outcomes:
        if outcome.refusal:
            raise outcome.refusal


def _join(group: Group, people: list[int]) -> None:
    Membership.objects.bulk_create(Membership(group=group, user_id=pk) for pk in people)
    give_a_primary_group(Membership.objects.filter(user__in=people))


def _record(
    action: str,
    group: Group,
    people: list[int],
    *,
    actor: User | None,
    now: datetime,
    reason: str,
    affected: int | None,
) -> None:
    """An entry for each person, so that an erasure finds it; and a nudge for those who act on settings."""
    side = "after" if action == ADDED else "before"
    for some in _chunks(people):
        named = User.objects.in_bulk(some)
        subjects = (Subject(group, about=pk, **{side: {"person": str(named[pk])}}) for pk in some)
        audit.record_many(
            action, subjects, account=group.account, actor=actor, now=now, reason=reason, affected=affected
        )
    account = group.account
    transaction.on_commit(lambda: write.placed.send(sender=Group, account=account))
