"""The rules by which notices are sent, sent again, delayed and given up. Pure: time is a number here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from integrations.simulator.graph.outbox import (
    GIVE_UP_AFTER,
    LATE_BY,
    MOST_IN_ONE,
    MOST_WAITING,
    Notice,
    Outbox,
)
from integrations.simulator.graph.posting import Answer

ACCEPTED, SLOWLY, REFUSED = Answer(202, 0.01), Answer(202, 2.95), Answer(503, 0.01)


def notice(number: int = 1, *, url: str = "https://app.example/notices", due_at: float = 0.0) -> Notice:
    return Notice(number, url, {"changeType": "created"}, due_at, due_at)


def filled(count: int, *, url: str = "https://app.example/notices") -> tuple[Outbox, list[Notice]]:
    lost: list[Notice] = []
    outbox = Outbox(lost.extend)
    for number in range(count):
        outbox.put(notice(number, url=url), now=0.0)
    return outbox, lost


def numbers(taken: Sequence[Notice]) -> list[int]:
    return [one.subscription for one in taken]


def test_what_is_due_for_an_address_goes_in_one() -> None:
    outbox, _ = filled(3)
    outbox.put(notice(9, due_at=50.0), now=0.0)

    taken = outbox.take(now=1.0)

    assert numbers(taken) == [0, 1, 2]


def test_an_address_is_told_one_thing_at_a_time() -> None:
    outbox, _ = filled(1)
    first = outbox.take(now=0.0)
    outbox.put(notice(2), now=0.0)

    assert outbox.take(now=0.0) == ()

    outbox.settle(first, ACCEPTED, now=0.0)
    assert numbers(outbox.take(now=0.0)) == [2]


def test_one_address_does_not_wait_for_another() -> None:
    outbox, _ = filled(1)
    outbox.take(now=0.0)
    outbox.put(notice(2, url="https://other.example/notices"), now=0.0)

    assert numbers(outbox.take(now=0.0)) == [2]


def test_a_post_has_its_bounds() -> None:
    outbox, _ = filled(MOST_IN_ONE + 5)

    assert len(outbox.take(now=0.0)) == MOST_IN_ONE


def test_pauses_double_and_after_four_hours_a_notice_is_given_up() -> None:
    outbox, lost = filled(1)
    tried: list[float] = []
    now = 0.0
    while not lost:
        taken = outbox.take(now=now)
        if taken:
            tried.append(now)
            outbox.settle(taken, REFUSED, now=now)
        now += 0.5

    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(pauses) == 600.0
    assert GIVE_UP_AFTER - 600 < tried[-1] <= GIVE_UP_AFTER
    assert numbers(lost) == [0]


@given(st.integers(0, 9))
def test_an_address_that_is_seldom_slow_is_told_at_once(slow: int) -> None:
    outbox = _answered(slow, of=100)

    outbox.put(notice(7, due_at=100.0), now=100.0)

    assert numbers(outbox.take(now=100.0)) == [7]


@given(st.integers(10, 14))
def test_an_address_that_is_slow_a_tenth_of_the_time_is_told_ten_minutes_late(slow: int) -> None:
    outbox = _answered(slow, of=100)

    outbox.put(notice(7, due_at=100.0), now=100.0)

    assert outbox.take(now=100.0 + LATE_BY - 1) == ()
    assert numbers(outbox.take(now=100.0 + LATE_BY)) == [7]


@given(st.integers(15, 100))
def test_an_address_that_is_slow_more_often_is_not_told_until_that_is_forgotten(slow: int) -> None:
    lost: list[Notice] = []
    outbox = _answered(slow, of=100, lost=lost)

    outbox.put(notice(7, due_at=100.0), now=100.0)
    outbox.put(notice(8, due_at=800.0), now=800.0)

    assert numbers(lost) == [7]
    assert numbers(outbox.take(now=800.0)) == [8]


def test_slowness_counts_after_a_hundred_answers() -> None:
    outbox = _answered(99, of=99)

    outbox.put(notice(7, due_at=100.0), now=100.0)

    assert numbers(outbox.take(now=100.0)) == [7]


def test_what_waits_is_bounded() -> None:
    outbox, lost = filled(MOST_WAITING)

    outbox.put(notice(7), now=0.0)

    assert numbers(lost) == [7]


def _answered(slow: int, *, of: int, lost: list[Notice] | None = None) -> Outbox:
    """After so many answers, so many of them slow."""
    outbox = Outbox((lost if lost is not None else []).extend)
    for number in range(of):
        outbox.put(notice(), now=0.0)
        outbox.settle(outbox.take(now=0.0), SLOWLY if number < slow else ACCEPTED, now=0.0)
    return outbox
