from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from django.http import Http404
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts import audit, groups, people
from accounts.cascade import write
from accounts.models import Account, AuditEntry, Group
from tests.at_once import at_once
from tests.cast import FOUNDED, Cast

NOW = FOUNDED + timedelta(days=30)


def _groups(account: Account, names: str, *, step: int = groups.STEP) -> dict[str, Group]:
    made = [
        Group.objects.create(account=account, name=name, rank=number * step, created_at=NOW)
        for number, name in enumerate(names)
    ]
    return {group.name: group for group in made}


def _order(account: Account) -> str:
    return "".join(Group.objects.filter(account=account).order_by("rank").values_list("name", flat=True))


# ── One move ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("moved", "above", "then"),
    [
        ("D", "B", "ADBC"),
        ("D", "A", "DABC"),
        ("A", "D", "BCAD"),
        ("A", None, "BCDA"),
        ("B", None, "ACDB"),
        ("C", "B", "ACBD"),
        ("B", "D", "ACBD"),
    ],
)
def test_a_group_is_moved_above_another_or_to_the_end(cast: Cast, moved: str, above: str | None, then: str) -> None:
    made = _groups(cast.corvid, "ABCD")

    groups.rank(made[moved], above=made[above] if above else None, actor=cast.mallory, now=NOW)

    assert _order(cast.corvid) == then


def test_one_move_changes_one_row(cast: Cast) -> None:
    made = _groups(cast.corvid, "ABCD")
    before = dict(Group.objects.values_list("name", "rank"))

    groups.rank(made["D"], above=made["B"], actor=cast.mallory, now=NOW)

    after = dict(Group.objects.values_list("name", "rank"))
    assert {name for name in before if before[name] != after[name]} == {"D"}


@pytest.mark.parametrize(("moved", "above"), [("B", "C"), ("B", "B"), ("D", None)])
def test_where_it_stands_already_nothing_happens(cast: Cast, moved: str, above: str | None) -> None:
    made = _groups(cast.corvid, "ABCD")

    entry = groups.rank(made[moved], above=made[above] if above else None, actor=cast.mallory, now=NOW)

    assert entry is None
    assert _order(cast.corvid) == "ABCD"
    assert not AuditEntry.objects.exists()


def test_a_move_is_recorded_with_both_places_and_can_be_read_in_words(cast: Cast) -> None:
    made = _groups(cast.corvid, "ABC")

    entry = groups.rank(
        made["C"], above=made["A"], actor=cast.mallory, now=NOW, reason="They come first now", affected=7
    )

    assert entry is not None
    assert (entry.action, entry.target_name, entry.level) == ("group.ranked", "C", "group")
    assert entry.before == {"position": 3, "directly_above": None}
    assert entry.after == {"position": 1, "directly_above": {"id": made["A"].pk, "name": "A"}}
    assert (entry.reason, entry.affected) == ("They come first now", 7)
    assert audit.sentence(entry) == "Mallory moved the group C."
    said = [(change.before, change.after) for change in audit.changes(entry.before, entry.after, action=entry.action)]
    assert said == [("P3", "P1"), ("no group", "A")]


def test_a_used_up_gap_is_spread_anew_and_the_order_stays(cast: Cast) -> None:
    made = _groups(cast.corvid, "ABCDE", step=1)

    groups.rank(made["E"], above=made["B"], actor=cast.mallory, now=NOW)

    assert _order(cast.corvid) == "AEBCD"
    given_out = list(Group.objects.filter(account=cast.corvid).order_by("rank").values_list("rank", flat=True))
    assert {after - before for before, after in pairwise(given_out)} == {groups.STEP}


def test_the_same_gap_can_be_used_for_ever(cast: Cast) -> None:
    made = _groups(cast.corvid, "ABC")

    for number in range(40):
        groups.rank(made["C" if number % 2 else "B"], above=made["B" if number % 2 else "C"], actor=None, now=NOW)

    assert _order(cast.corvid) == "ACB"


@pytest.mark.django_db(transaction=True)
def test_who_acts_on_settings_is_told_of_a_move(cast: Cast) -> None:
    made = _groups(cast.corvid, "AB")
    told: list[object] = []

    def note(**said: object) -> None:
        told.append(said["account"])

    write.placed.connect(note)
    try:
        groups.rank(made["B"], above=made["A"], actor=None, now=NOW)
        groups.rank(made["B"], above=made["A"], actor=None, now=NOW)
    finally:
        write.placed.disconnect(note)

    assert told == [cast.corvid]


# ── Who may not, and what cannot be ─────────────────────────────────────────
def test_a_group_admin_moves_no_group(cast: Cast) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    with pytest.raises(people.NotAllowed):
        groups.rank(cast.sales, above=None, actor=cast.gus, now=NOW)

    assert groups.position_of(other) == 2


def test_nothing_is_moved_above_a_group_of_another_account(cast: Cast) -> None:
    rooks = _groups(cast.corvid, "R")["R"]

    with pytest.raises(groups.NeighbourGone):
        groups.rank(cast.sales, above=rooks, actor=cast.dana, now=NOW)
    with pytest.raises(groups.NeighbourGone):
        groups.position_above(cast.sales, rooks.pk)


def test_what_was_deleted_meanwhile_is_neither_moved_nor_a_neighbour(cast: Cast) -> None:
    made = _groups(cast.corvid, "ABC")
    stale = Group.objects.get(pk=made["A"].pk)
    groups.delete(made["A"], actor=cast.mallory, now=NOW)

    with pytest.raises(groups.NeighbourGone):
        groups.rank(made["C"], above=stale, actor=cast.mallory, now=NOW)
    with pytest.raises(Http404):
        groups.rank(stale, above=None, actor=cast.mallory, now=NOW)

    assert _order(cast.corvid) == "BC"


@pytest.mark.parametrize("position", [0, -1, 5])
def test_a_position_that_there_is_not_is_refused_with_those_there_are(cast: Cast, position: int) -> None:
    made = _groups(cast.corvid, "ABCD")

    with pytest.raises(groups.NoSuchPosition) as refused:
        groups.above_for(made["A"], position)

    assert str(refused.value) == "Choose a position from 1 to 4."


@pytest.mark.parametrize("position", [1, 2, 3, 4])
@pytest.mark.parametrize("moved", "ABCD")
def test_a_group_comes_to_the_position_that_was_asked_for(cast: Cast, moved: str, position: int) -> None:
    made = _groups(cast.corvid, "ABCD")

    groups.rank(made[moved], above=groups.above_for(made[moved], position), actor=cast.mallory, now=NOW)

    assert _order(cast.corvid)[position - 1] == moved
    assert _order(cast.corvid).replace(moved, "") == "ABCD".replace(moved, "")


# ── Any sequence of moves ───────────────────────────────────────────────────
MOVES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=25)


@given(moves=MOVES, step=st.sampled_from([1, 2, 3, groups.STEP]))
@example(moves=[(5, 1), (4, 1), (3, 1), (2, 1)], step=1)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_moves_give_the_order_that_a_list_would(cast: Cast, moves: list[tuple[int, int]], step: int) -> None:
    Group.objects.filter(account=cast.corvid).delete()
    made = _groups(cast.corvid, "ABCDEF", step=step)
    model = list("ABCDEF")

    for number, target in moves:
        name = "ABCDEF"[number]
        above = "ABCDEF"[target] if target < 6 else None
        if name != above:
            model.remove(name)
            model.insert(model.index(above) if above else len(model), name)
        groups.rank(made[name], above=made[above] if above else None, actor=None, now=NOW)

        assert _order(cast.corvid) == "".join(model)


# ── At once ─────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", [1, groups.STEP])
def test_moves_at_once_into_the_same_gap_come_one_after_the_other(cast: Cast, step: int) -> None:
    made = _groups(cast.corvid, "ABCDE", step=step)

    def move(name: str) -> Callable[[], object]:
        return lambda: groups.rank(made[name], above=made["B"], actor=cast.mallory, now=NOW)

    failures = at_once(move("C"), move("D"), move("E"))

    assert failures == []
    order = _order(cast.corvid)
    assert (order[0], set(order[1:4]), order[4]) == ("A", {"C", "D", "E"}, "B")
    # Each entry tells where the one before has left it.
    positions = [(entry.after or {})["position"] for entry in AuditEntry.objects.order_by("pk")]
    assert positions == [2, 3, 4]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_a_move_and_the_deletion_of_its_neighbour_at_once_leave_an_order(cast: Cast, attempt: int) -> None:
    made = _groups(cast.corvid, "ABC", step=1)

    failures = at_once(
        lambda: groups.rank(made["C"], above=made["A"], actor=cast.mallory, now=NOW),
        lambda: groups.delete(Group.objects.get(pk=made["A"].pk), actor=cast.mallory, now=NOW),
    )

    assert all(isinstance(failure, groups.NeighbourGone) for failure in failures)
    assert _order(cast.corvid) == ("BC" if failures else "CB")


@pytest.mark.django_db(transaction=True)
def test_a_group_that_is_created_while_others_move_comes_last_or_nearly_so(cast: Cast) -> None:
    made = _groups(cast.corvid, "ABC", step=1)

    failures = at_once(
        lambda: groups.create(account=cast.corvid, name="N", actor=cast.mallory, now=NOW),
        lambda: groups.rank(made["A"], above=None, actor=cast.mallory, now=NOW),
        lambda: groups.rank(made["C"], above=made["B"], actor=cast.mallory, now=NOW),
    )

    assert failures == []
    assert sorted(_order(cast.corvid)) == list("ABCN")
    assert len(set(Group.objects.filter(account=cast.corvid).values_list("rank", flat=True))) == 4


def test_so_many_groups_are_spread_in_a_few_statements(cast: Cast, django_assert_max_num_queries: Callable) -> None:  # type: ignore[type-arg]
    Group.objects.bulk_create(Group(account=cast.corvid, name=f"Team {n}", rank=n, created_at=NOW) for n in range(1200))
    moved, above = Group.objects.get(name="Team 1199"), Group.objects.get(name="Team 600")

    with django_assert_max_num_queries(20):
        groups.rank(moved, above=above, actor=None, now=NOW)

    assert groups.position_of(Group.objects.get(pk=moved.pk)) == 601
