"""Groups in their order: P1, the group with the smallest rank, speaks first."""

from __future__ import annotations

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.claims import Refused
from accounts.models import Group, Membership


class NoSuchPosition(Refused):
    sentence = "There is no such position."

    def __init__(self, last: int) -> None:
        self.sentence = f"Choose a position from 1 to {last:,}."
        super().__init__()


class NeighbourGone(Refused):
    sentence = "The group that it was to stand above was deleted meanwhile. Choose its place again."


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


def others(group: Group) -> QuerySet[Group]:
    """All other groups of its account, in order."""
    return Group.objects.filter(account=group.account_id).exclude(pk=group.pk).order_by("rank")


def number_of(group: Group) -> int:
    """How many groups its account has."""
    return Group.objects.filter(account=group.account_id).count()


def position_of(group: Group) -> int:
    return others(group).filter(rank__lt=group.rank).count() + 1


def next_after(group: Group) -> Group | None:
    return others(group).filter(rank__gt=group.rank).first()


def above_for(group: Group, position: int) -> Group | None:
    """Directly above which group `group` must be moved to be at `position`; None: to the end.

    Raises NoSuchPosition.
    """
    last = number_of(group)
    if not 1 <= position <= last:
        raise NoSuchPosition(last)
    return None if position == last else others(group)[position - 1]


def position_above(group: Group, above: int | None) -> int:
    """The position of `group` once it stands directly above the group of that key; None: after all others.

    Raises NeighbourGone.
    """
    if above is None:
        return number_of(group)
    neighbour = Group.objects.filter(account=group.account_id, pk=above).first()
    if neighbour is None:
        raise NeighbourGone
    return others(group).filter(rank__lt=neighbour.rank).count() + 1


def speaking_before(group: Group) -> QuerySet[Group]:
    """The better-ranked groups that members of `group` are in as well, best first."""
    members = Membership.objects.filter(group=group).values("user")
    theirs = Membership.objects.filter(user__in=members, group__account=group.account_id, group__rank__lt=group.rank)
    return ranked(Group.objects.filter(pk__in=theirs.values("group")))


def _number_of(rows: QuerySet[Group] | QuerySet[Membership], *, by: str) -> Coalesce:
    counted = rows.order_by().values(by).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))
