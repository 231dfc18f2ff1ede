"""A change of the groups under review in words: a move in the order, who joins and leaves, what ends with a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from accounts.cascade.changes import Choose, Dissolve, Inherit, Join, Leave, Rank
from accounts.cascade.words import many
from accounts.describing import Line
from accounts.models import Membership, User
from accounts.reviewing import Review

NAMED = 5  # people or settings, before the rest is counted


def lines(review: Review, names: Mapping[int, str]) -> list[Line]:
    """`names`: of the account's groups, in their order. Two queries at most."""
    change = review.change
    if isinstance(change, Choose | Inherit):
        return []
    if isinstance(change, Rank):
        return [_moved(change, names)]
    if isinstance(change, Dissolve):
        return list(_ended(review, change))
    return list(_members(review, change))


def done(review: Review, names: Mapping[int, str]) -> str:
    """For when it has been done. `names` as they were before."""
    change = review.change
    if isinstance(change, Rank):
        return f"{review.place} is now P{_position_after(change, names):,}."
    if isinstance(change, Dissolve):
        return f"The group {review.place} is deleted."
    if isinstance(change, Join | Leave):
        are = "are" if len(change.people) > 1 else "is"
        now_in = "now in" if isinstance(change, Join) else "no longer in"
        return f"{_people(len(change.people))} {are} {now_in} {review.place}."
    return ""


def _moved(change: Rank, names: Mapping[int, str]) -> Line:
    order = list(names)
    above = (
        f", directly above {names[change.above]}" if change.above in names and change.above else ", after all others"
    )
    before = f"P{order.index(change.group) + 1:,}"
    return Line(f"Position of {names[change.group]}", before, f"P{_position_after(change, names):,}{above}")


def _position_after(change: Rank, names: Mapping[int, str]) -> int:
    others = [group for group in names if group != change.group]
    return (others.index(change.above) if change.above in others else len(others)) + 1


def _members(review: Review, change: Join | Leave) -> Iterator[Line]:
    members = set(Membership.objects.filter(group=change.group).values_list("user", flat=True))
    moving = [person for person in change.people if (person in members) == isinstance(change, Leave)]
    after = len(members) + (len(moving) if isinstance(change, Join) else -len(moving))
    yield Line(f"People of {review.place}", _people(len(members)), _people(after))
    named = User.objects.filter(pk__in=moving).order_by("name", "pk")[: NAMED + 1]
    who = _listed([str(person) for person in named][:NAMED], len(moving))
    if who and isinstance(change, Join):
        yield Line("Who joins", "Not a member", who)
    elif who:
        yield Line("Who leaves", who, "No longer a member")


def _ended(review: Review, change: Dissolve) -> Iterator[Line]:
    members = Membership.objects.filter(group=change.group).count()
    yield Line(f"The group {review.place}", _people(members), "Deleted")
    facts = review.found.before
    decided = [facts.settings[key].label for key, of in facts.of_groups.items() if change.group in of]
    if decided:
        yield Line("What it has decided", _listed(decided[:NAMED], len(decided)), "Forgotten")


def _listed(named: Iterable[str], number: int) -> str:
    words = list(named)
    return ", ".join([*words, *([f"{number - len(words):,} more"] if number > len(words) else [])])


def _people(number: int) -> str:
    return many(number, "person", "people")
