"""The rule, against an oracle that is written the other way round: from the bottom up."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.cascade.decide import decide, speaks


@dataclass(frozen=True)
class Choice:
    value: str
    is_locked: bool = False
    rank: int = 0


values = st.sampled_from(["red", "green", "blue"])
choices = st.builds(Choice, value=values, is_locked=st.booleans())
chains = st.lists(st.none() | choices, max_size=6)
of_groups = st.lists(
    st.builds(Choice, value=values, is_locked=st.booleans(), rank=st.integers(-(2**62), 2**62)),
    max_size=6,
    unique_by=lambda choice: choice.rank,
)


def oracle(top_down: list[Choice | None]) -> Choice | None:
    """Bottom up: a decision holds unless somebody above it has a lock, or somebody below it may and does decide."""
    made = [(place, choice) for place, choice in enumerate(top_down) if choice]
    locks = [place for place, choice in made if choice.is_locked]
    allowed = [(place, choice) for place, choice in made if not any(lock < place for lock in locks)]
    return max(allowed, key=lambda pair: pair[0])[1] if allowed else None


@given(chains)
def test_it_agrees_with_the_oracle_about_every_chain(chain: list[Choice | None]) -> None:
    assert decide(chain) is oracle(chain)


@given(chains, choices)
def test_nothing_below_a_lock_changes_what_holds(chain: list[Choice | None], below: Choice) -> None:
    locked = [*chain, Choice("lock", is_locked=True)]

    assert decide([*locked, below]) == decide(locked)


@given(chains, choices)
def test_unlocking_brings_back_what_lay_below(chain: list[Choice | None], below: Choice) -> None:
    above: list[Choice | None] = [Choice(choice.value) if choice else None for choice in chain]

    assert decide([*above, below]) == below


@given(chains)
def test_levels_that_inherit_may_be_left_out(chain: list[Choice | None]) -> None:
    assert decide(chain) is decide([choice for choice in chain if choice])


@pytest.mark.parametrize(
    ("account", "group", "user", "holds"),
    [
        (None, None, None, None),
        (Choice("account"), None, None, "account"),
        (Choice("account"), Choice("group"), None, "group"),
        (Choice("account"), Choice("group"), Choice("user"), "user"),
        (None, None, Choice("user"), "user"),
        (Choice("account", is_locked=True), Choice("group"), Choice("user"), "account"),
        (Choice("account"), Choice("group", is_locked=True), Choice("user"), "group"),
        (Choice("account", is_locked=True), Choice("group", is_locked=True), Choice("user"), "account"),
        (Choice("account", is_locked=True), None, Choice("user"), "account"),
    ],
)
def test_the_table_of_three_levels(
    account: Choice | None, group: Choice | None, user: Choice | None, holds: str | None
) -> None:
    decided = decide([account, group, user])

    assert (decided.value if decided else None) == holds


@given(of_groups)
def test_the_best_ranked_group_speaks_whatever_the_others_lock(decisions: list[Choice]) -> None:
    best = next(iter(sorted(decisions, key=lambda choice: choice.rank)), None)

    assert speaks(decisions) == best


@given(of_groups, st.randoms())
def test_who_speaks_does_not_hang_on_the_order_of_asking(decisions: list[Choice], random: object) -> None:
    shuffled = list(decisions)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random

    assert speaks(shuffled) == speaks(decisions)
