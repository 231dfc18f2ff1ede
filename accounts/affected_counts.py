"""What a change under review does, counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accounts.cascade.impact import Consequence, Impact


@dataclass(frozen=True)
class Count:
    label: str
    number: int
    is_hot: bool = False

    @property
    def said(self) -> str:
        return f"{self.number:,}"


def counts_of(found: Impact, *, people: int) -> list[Count]:
    """`people`: how many of them have a value that changes."""
    return [
        Count(one_or_more(people, "Person whose value changes", "People whose value changes"), people),
        *(count for consequence in found.consequences for count in _counted(consequence)),
        *_choices(summed(found.falls_asleep), "put to sleep", "put to sleep"),
        *_choices(summed(found.awakes), "that returns", "that return"),
    ]


def summed(moved: Mapping[str, tuple[list[int], list[int]]]) -> tuple[int, int]:
    return sum(len(groups) for groups, _ in moved.values()), sum(len(people) for _, people in moved.values())


def one_or_more(number: int, one: str, several: str) -> str:
    return one if number == 1 else several


def _counted(consequence: Consequence) -> Iterator[Count]:
    things, ends, returns = consequence.things, len(consequence.ends), len(consequence.returns)
    stays = consequence.stays
    yield Count(f"{_named(ends, things)} {consequence.verb[1]}", ends, is_hot=ends > 0)
    if returns:
        yield Count(f"{_named(returns, things)} that {one_or_more(returns, 'comes', 'come')} back", returns)
    for prospect in consequence.prospects:
        number = len(prospect.effects)
        yield Count(one_or_more(number, *prospect.counted), number)
    yield Count(f"{_named(stays, things)} that {one_or_more(stays, 'stays', 'stay')}", stays)


def _choices(numbers: tuple[int, int], one: str, several: str) -> Iterator[Count]:
    of_groups, of_people = numbers
    if of_groups:
        yield Count(
            f"{one_or_more(of_groups, 'Group choice', 'Group choices')} {one_or_more(of_groups, one, several)}",
            of_groups,
        )
    if of_people:
        yield Count(
            f"{one_or_more(of_people, 'Person’s choice', 'People’s choices')} {one_or_more(of_people, one, several)}",
            of_people,
        )


def _named(number: int, things: tuple[str, str]) -> str:
    return one_or_more(number, *things).capitalize()
