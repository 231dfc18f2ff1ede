"""Two who act at the same moment, each in a transaction and on a connection of their own. Whoever commits first:
nobody holds a wrong value, nothing is lost without a word, and nothing ends in an error of the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from django.db import connections as databases
from django.http import Http404

from accounts import deleting, groups, people, reviewing, undoing
from accounts.cascade import read
from accounts.cascade.changes import Choose, Dissolve, Gone, Inherit, Rank
from accounts.cascade.declare import Level, Setting, setting_of
from accounts.cascade.write import ChangedMeanwhile, SettingLocked, choose, inherit, stamp
from accounts.claims import NotAllowed
from accounts.groups import NeighbourGone
from accounts.models import Account, AuditEntry, Group, Membership, PendingChange, Role, SettingDecision, User
from integrations.preferences import Integrations
from tests.cast import FOUNDED, Cast

pytestmark = pytest.mark.django_db(transaction=True)

ENABLED: Setting = setting_of(Integrations, "enabled")
NOW = FOUNDED + timedelta(days=1)
INHERITED = stamp(None)
WAITS = 0.4  # seconds after which whoever is not done is waiting; PostgreSQL can be asked
Act = Callable[[], Any]


class Both:
    """`first` is done and not committed while `second` runs; then it is committed, and `second` may end.

    `answers` holds what each returned or raised; `waited` whether the second had to wait for the first.
    """

    def __init__(self, first: Act, second: Act) -> None:
        with ThreadPoolExecutor(1) as other:
            with transaction.atomic():
                mine = _outcome(first)
                theirs: Future[Any] = other.submit(_alone, second)
                self.waited = _is_waiting(theirs)
            self.answers = (mine, theirs.result(30))


def _is_waiting(theirs: Future[Any]) -> bool:
    if connection.vendor != "postgresql":
        return not wait([theirs], timeout=WAITS).done
    while not wait([theirs], timeout=0.02).done:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")
            if cursor.fetchone():
                return True
    return False


def _alone(act: Act) -> Any:
    try:
        return _outcome(act)
    finally:
        databases.close_all()


def _outcome(act: Act) -> Any:
    try:
        return act()
    except Exception as problem:  # noqa: BLE001  the tests look at it
        return problem


def all_together(*acts: Act) -> list[Any]:
    """What each returned or raised; nobody starts before everybody is ready."""
    ready = threading.Barrier(len(acts))

    def act_when_ready(act: Act) -> Any:
        ready.wait(10)
        return _alone(act)

    with ThreadPoolExecutor(len(acts)) as many:
        return list(many.map(act_when_ready, acts))


def chooses(value: bool, at: Account | Group | User, by: User, **more: Any) -> Act:
    return lambda: choose(ENABLED, value, at=at, actor=by, now=NOW, **more)


def locks(value: bool, at: Account | Group, by: User) -> Act:
    return chooses(value, at, by, is_locked=True)


def inherits(at: Account | Group | User, by: User, **more: Any) -> Act:
    return lambda: inherit(ENABLED, at=at, actor=by, now=NOW, **more)


def stamp_of(at: Account | Group | User) -> str:
    return stamp(read.decisions_at(at, [ENABLED]).get(ENABLED.key))


def choice_at(at: Account | Group | User) -> tuple[Any, bool] | None:
    made = read.decisions_at(at, [ENABLED]).get(ENABLED.key)
    return (made.value, made.is_locked) if made else None


def holds(person: User) -> bool:
    return read.effective(Integrations, person).enabled


# ── Two admins, one row ─────────────────────────────────────────────────────
@pytest.mark.parametrize("where", ["kestrel", "sales", "alice"])
def test_of_two_who_saw_the_same_row_the_second_is_told_and_the_first_change_stands(where: str, cast: Cast) -> None:
    at = getattr(cast, where)
    choose(ENABLED, True, at=at, actor=cast.dana, now=FOUNDED)
    seen = stamp_of(at)

    both = Both(chooses(False, at, cast.dana, seen=seen), inherits(at, cast.dana, seen=seen))

    changed, told = both.answers
    assert both.waited
    assert isinstance(changed, AuditEntry)
    assert isinstance(told, ChangedMeanwhile)
    assert told.now
    assert (told.now.value, told.now.by, told.now.at) == (False, cast.dana, NOW)
    assert choice_at(at) == (False, False)
    assert AuditEntry.objects.filter(setting_key=ENABLED.key).count() == 2


@pytest.mark.parametrize("where", ["kestrel", "sales", "alice"])
def test_of_two_first_decisions_one_is_made_and_the_other_is_told(where: str, cast: Cast) -> None:
    at = getattr(cast, where)

    both = Both(chooses(False, at, cast.dana, seen=INHERITED), chooses(True, at, cast.dana, seen=INHERITED))

    assert both.waited
    assert isinstance(both.answers[0], AuditEntry)
    assert isinstance(both.answers[1], ChangedMeanwhile)
    assert choice_at(at) == (False, False)


def test_the_first_decision_made_several_times_at_once_is_made_once(cast: Cast) -> None:
    """A double click on the first *Disable*."""
    answers = all_together(*[chooses(False, cast.kestrel, cast.dana)] * 4)

    assert sorted(type(answer).__name__ for answer in answers) == ["AuditEntry", "NoneType", "NoneType", "NoneType"]
    assert SettingDecision.objects.get().value is False
    assert AuditEntry.objects.filter(action="setting.chosen").count() == 1


@pytest.mark.parametrize("where", ["kestrel", "sales", "alice"])
def test_many_first_decisions_at_once_end_in_one(where: str, cast: Cast) -> None:
    at = getattr(cast, where)

    answers = all_together(*[chooses(n % 2 == 0, at, cast.dana, seen=INHERITED) for n in range(6)])

    made = [answer for answer in answers if isinstance(answer, AuditEntry)]
    assert len(made) == 1
    assert sum(isinstance(answer, ChangedMeanwhile) for answer in answers) == 5
    assert made[0].after
    assert choice_at(at) == (made[0].after["value"], False)


def test_a_choice_and_an_inherit_of_the_same_sight_do_not_both_happen(cast: Cast) -> None:
    choose(ENABLED, False, at=cast.sales, actor=cast.dana, now=FOUNDED)
    seen = stamp_of(cast.sales)

    both = Both(inherits(cast.sales, cast.dana, seen=seen), chooses(True, cast.sales, cast.gus, seen=seen))

    assert both.waited
    assert isinstance(both.answers[1], ChangedMeanwhile)
    assert both.answers[1].now is None
    assert choice_at(cast.sales) is None


def test_a_lock_and_an_unlock_of_the_same_sight_do_not_both_happen(cast: Cast) -> None:
    locks(False, cast.kestrel, cast.dana)()
    seen = stamp_of(cast.kestrel)

    both = Both(
        chooses(True, cast.kestrel, cast.dana, is_locked=True, seen=seen),
        chooses(False, cast.kestrel, cast.dana, is_locked=False, seen=seen),
    )

    assert both.waited
    assert isinstance(both.answers[1], ChangedMeanwhile)
    assert choice_at(cast.kestrel) == (True, True)


# ── A choice under a lock that comes at the same moment ─────────────────────
LEVELS = [("kestrel", "sales"), ("kestrel", "alice"), ("sales", "alice")]


def of_another(below: str, cast: Cast) -> User:
    """Who decides there, and is not the owner who locks: nobody does two things at once."""
    return cast.gus if below == "sales" else cast.alice


@pytest.mark.parametrize(("above", "below"), LEVELS)
def test_a_choice_made_while_a_lock_is_being_taken_lies_under_it(above: str, below: str, cast: Cast) -> None:
    lock = locks(False, getattr(cast, above), cast.dana)

    both = Both(lock, chooses(True, getattr(cast, below), of_another(below, cast)))

    assert isinstance(both.answers[0], AuditEntry)
    assert holds(cast.alice) is False
    if connection.vendor == "postgresql":
        # It was made before the lock could be seen.
        assert (both.waited, type(both.answers[1])) == (False, AuditEntry)
    else:
        assert isinstance(both.answers[1], SettingLocked)
    assert read.held(Integrations, cast.alice).locked == {"enabled"}


@pytest.mark.parametrize(("above", "below"), LEVELS)
def test_a_lock_taken_while_a_choice_is_being_made_binds_it(above: str, below: str, cast: Cast) -> None:
    both = Both(
        chooses(True, getattr(cast, below), of_another(below, cast)), locks(False, getattr(cast, above), cast.dana)
    )

    assert [type(answer) for answer in both.answers] == [AuditEntry, AuditEntry]
    assert both.waited == (connection.vendor == "sqlite")
    assert choice_at(getattr(cast, below)) == (True, False)
    assert holds(cast.alice) is False


@pytest.mark.parametrize(("above", "below"), LEVELS)
def test_what_was_chosen_while_a_lock_was_taken_wakes_when_it_is_lifted(above: str, below: str, cast: Cast) -> None:
    Both(chooses(False, getattr(cast, below), of_another(below, cast)), locks(True, getattr(cast, above), cast.dana))
    under_lock = holds(cast.alice)

    chooses(True, getattr(cast, above), cast.dana, is_locked=False)()

    assert (under_lock, holds(cast.alice)) == (True, False)


@pytest.mark.parametrize(("above", "below"), LEVELS)
def test_inheriting_while_a_lock_is_being_taken_leaves_no_wrong_value(above: str, below: str, cast: Cast) -> None:
    choose(ENABLED, True, at=getattr(cast, below), actor=cast.dana, now=FOUNDED)

    both = Both(locks(False, getattr(cast, above), cast.dana), inherits(getattr(cast, below), of_another(below, cast)))

    assert type(both.answers[1]) is (AuditEntry if connection.vendor == "postgresql" else SettingLocked)
    assert holds(cast.alice) is False


@pytest.mark.parametrize(("above", "below"), LEVELS)
def test_a_choice_made_while_a_lock_is_being_lifted_counts_or_is_refused(above: str, below: str, cast: Cast) -> None:
    locks(True, getattr(cast, above), cast.dana)()

    both = Both(
        chooses(True, getattr(cast, above), cast.dana, is_locked=False),
        chooses(False, getattr(cast, below), of_another(below, cast)),
    )

    was_refused = isinstance(both.answers[1], SettingLocked)
    assert was_refused == (connection.vendor == "postgresql")
    assert was_refused or isinstance(both.answers[1], AuditEntry)
    assert holds(cast.alice) is was_refused


def test_whatever_many_do_at_once_everybody_holds_what_the_rows_say(cast: Cast) -> None:
    """Locks, choices and inheriting at three levels, again and again; afterwards the rule is asked of the rows."""
    turns = count()

    def turn() -> None:
        for _ in range(6):
            n = next(turns)
            at = (cast.kestrel, cast.sales, cast.alice)[n % 3]
            act = inherits(at, cast.dana) if n % 5 == 0 else chooses(n % 2 == 0, at, cast.dana)
            if n % 4 == 0 and not isinstance(at, User):
                act = chooses(n % 8 == 0, at, cast.dana, is_locked=n % 12 != 0)
            outcome = _outcome(act)
            assert outcome is None or isinstance(outcome, AuditEntry | SettingLocked), outcome

    answers = all_together(*[turn] * 4)

    account, group, own = (choice_at(at) for at in (cast.kestrel, cast.sales, cast.alice))
    nearest = own or group or account or (ENABLED.default, False)
    binding = account if account and account[1] else group if group and group[1] else nearest
    assert answers == [None] * 4
    assert holds(cast.alice) == binding[0]


# ── Groups that move, people and groups that go ─────────────────────────────
@pytest.fixture
def lower(cast: Cast) -> Group:
    """Alice is in it as well; Sales speaks before it."""
    group = Group.objects.create(account=cast.kestrel, name="Lower", rank=4096, created_at=FOUNDED)
    Membership.objects.create(group=group, user=cast.alice)
    return group


@pytest.mark.parametrize("is_moved_first", [True, False])
def test_a_group_that_moves_while_it_locks_speaks_from_its_new_place(
    is_moved_first: bool, cast: Cast, lower: Group
) -> None:
    choose(ENABLED, True, at=cast.sales, actor=cast.dana, now=FOUNDED)
    move: Act = lambda: groups.rank(lower, above=cast.sales, actor=cast.dana, now=NOW)  # noqa: E731
    lock = locks(False, lower, cast.dana)

    both = Both(*((move, lock) if is_moved_first else (lock, move)))

    assert [type(answer) for answer in both.answers] == [AuditEntry, AuditEntry]
    assert holds(cast.alice) is False
    assert choice_at(lower) == (False, True)


def test_two_moves_at_once_leave_an_order(cast: Cast, lower: Group) -> None:
    others = [
        Group.objects.create(account=cast.kestrel, name=f"G{n}", rank=5000 + n, created_at=FOUNDED) for n in (1, 2)
    ]

    both = Both(
        lambda: groups.rank(others[0], above=cast.sales, actor=cast.dana, now=NOW),
        lambda: groups.rank(others[1], above=cast.sales, actor=cast.dana, now=NOW),
    )

    assert [type(answer) for answer in both.answers] == [AuditEntry, AuditEntry]
    ordered = list(Group.objects.filter(account=cast.kestrel).order_by("rank").values_list("name", flat=True))
    assert ordered == ["G1", "G2", "Sales", "Lower"]


def test_a_move_above_a_group_that_is_being_deleted_is_refused_in_words(cast: Cast, lower: Group) -> None:
    both = Both(
        lambda: groups.delete(cast.sales, actor=cast.dana, now=NOW),
        lambda: groups.rank(lower, above=cast.sales, actor=cast.dana, now=NOW),
    )

    assert isinstance(both.answers[1], NeighbourGone)


@pytest.mark.parametrize("act", [chooses, inherits], ids=["choose", "inherit"])
def test_a_choice_for_a_group_that_is_being_deleted_is_refused_in_words(act: Any, cast: Cast) -> None:
    choose(ENABLED, True, at=cast.sales, actor=cast.dana, now=FOUNDED)
    late = act(False, cast.sales, cast.dana) if act is chooses else act(cast.sales, cast.dana)

    both = Both(lambda: groups.delete(cast.sales, actor=cast.dana, now=NOW), late)

    assert both.waited
    assert isinstance(both.answers[1], Gone)
    assert not SettingDecision.objects.exists()


def test_a_group_deleted_while_it_decides_takes_the_decision_with_it(cast: Cast) -> None:
    both = Both(chooses(False, cast.sales, cast.dana), lambda: groups.delete(cast.sales, actor=cast.dana, now=NOW))

    assert both.waited
    assert not [answer for answer in both.answers if isinstance(answer, Exception)]
    assert not SettingDecision.objects.exists()
    assert holds(cast.alice) is True


@pytest.mark.parametrize("is_deleted_first", [True, False])
def test_a_person_deleted_while_choosing_leaves_nothing_behind(is_deleted_first: bool, cast: Cast) -> None:
    delete: Act = lambda: deleting.delete(cast.bob, actor=cast.dana, now=NOW)  # noqa: E731
    own = chooses(False, cast.bob, cast.bob)

    both = Both(*((delete, own) if is_deleted_first else (own, delete)))

    assert both.waited
    assert isinstance(both.answers[1], Gone) if is_deleted_first else both.answers[1] is None
    assert not SettingDecision.objects.exists()
    assert not User.objects.filter(pk=cast.bob.pk).exists()


@pytest.mark.parametrize("where", ["kestrel", "sales", "bob"])
@pytest.mark.parametrize("is_deleted_first", [True, False])
def test_an_admin_deleted_while_deciding_for_others_leaves_no_reference(
    is_deleted_first: bool, where: str, cast: Cast
) -> None:
    User.objects.filter(pk=cast.gus.pk).update(role=Role.ADMIN)
    delete: Act = lambda: deleting.delete(cast.gus, actor=cast.dana, now=NOW)  # noqa: E731
    decide = chooses(False, getattr(cast, where), cast.gus)

    both = Both(*((delete, decide) if is_deleted_first else (decide, delete)))

    assert both.waited
    if is_deleted_first:
        assert isinstance(both.answers[1], Gone)
        assert not SettingDecision.objects.exists()
    else:
        assert not isinstance(both.answers[1], Exception)
        assert SettingDecision.objects.get().decided_by is None


@pytest.mark.parametrize("where", ["kestrel", "sales", "bob"])
def test_an_admin_who_is_just_demoted_decides_no_more(where: str, cast: Cast) -> None:
    User.objects.filter(pk=cast.wilhelmina.pk).update(role=Role.ADMIN)

    both = Both(
        lambda: people.change_role(cast.wilhelmina, role=Role.MEMBER, actor=cast.dana, now=NOW),
        chooses(False, getattr(cast, where), cast.wilhelmina),
    )

    assert both.waited
    assert isinstance(both.answers[1], NotAllowed)
    assert not SettingDecision.objects.exists()


# ── What is reviewed ────────────────────────────────────────────────────────
def pending(change: Any, cast: Cast, *, seen: str | None = INHERITED) -> PendingChange:
    stored = reviewing.submit(change, by=cast.dana, back="/", seen=seen, now=NOW)
    assert isinstance(stored, PendingChange)
    return PendingChange.objects.get(pk=stored.pk)


def confirms(one: PendingChange, cast: Cast) -> Act:
    return lambda: reviewing.confirm(one, actor=cast.dana, reason="", now=NOW)


def test_a_review_confirmed_twice_at_once_is_done_once(cast: Cast) -> None:
    one = pending(Choose(ENABLED.key, Level.ACCOUNT, cast.kestrel.pk, False, is_locked=True), cast)

    both = Both(confirms(one, cast), confirms(PendingChange.objects.get(pk=one.pk), cast))

    assert both.waited
    assert not isinstance(both.answers[0], Exception)
    assert isinstance(both.answers[1], reviewing.Ended)
    assert choice_at(cast.kestrel) == (False, True)
    assert AuditEntry.objects.filter(setting_key=ENABLED.key).count() == 1


def test_of_two_reviews_of_one_row_the_second_is_told_and_its_sheet_stays(cast: Cast) -> None:
    first = pending(Choose(ENABLED.key, Level.ACCOUNT, cast.kestrel.pk, False, is_locked=True), cast)
    second = pending(Choose(ENABLED.key, Level.ACCOUNT, cast.kestrel.pk, True, is_locked=True), cast)

    both = Both(confirms(first, cast), confirms(second, cast))

    assert not isinstance(both.answers[0], Exception)
    assert isinstance(both.answers[1], ChangedMeanwhile)
    assert choice_at(cast.kestrel) == (False, True)
    assert list(PendingChange.objects.values_list("pk", flat=True)) == [second.pk]


@pytest.mark.parametrize("level", ["sales", "alice"])
def test_a_review_confirmed_while_a_lock_above_is_taken_changes_nobody(level: str, cast: Cast) -> None:
    at = getattr(cast, level)
    one = pending(Choose(ENABLED.key, read.level_of(at), at.pk, False), cast)

    Both(locks(True, cast.kestrel, cast.dana), confirms(one, cast))

    assert holds(cast.alice) is True


def test_a_review_whose_group_is_being_deleted_ends_in_words(cast: Cast) -> None:
    one = pending(Choose(ENABLED.key, Level.GROUP, cast.sales.pk, False, is_locked=True), cast)

    both = Both(lambda: groups.delete(cast.sales, actor=cast.dana, now=NOW), confirms(one, cast))

    assert isinstance(both.answers[1], Gone)
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("change", [Dissolve, lambda group: Rank(group, None)], ids=["dissolve", "rank"])
def test_a_change_of_a_group_that_is_being_deleted_ends_in_words(change: Any, cast: Cast, lower: Group) -> None:
    both = Both(
        lambda: groups.delete(cast.sales, actor=cast.dana, now=NOW),
        lambda: _submitted_and_confirmed(change(cast.sales.pk), cast),
    )

    assert isinstance(both.answers[1], Gone | Http404)


def _submitted_and_confirmed(change: Any, cast: Cast) -> None:
    done = reviewing.submit(change, by=cast.dana, back="/", seen=None, now=NOW)
    if isinstance(done, PendingChange):
        reviewing.confirm(done, actor=cast.dana, reason="", now=NOW)


def test_an_undo_that_meets_a_newer_change_is_refused_and_the_newer_one_stands(cast: Cast) -> None:
    entry = choose(ENABLED, False, at=cast.bob, actor=cast.bob, now=FOUNDED)
    assert entry

    both = Both(
        chooses(True, cast.bob, cast.bob),
        lambda: _undone(entry, cast),
    )

    assert both.waited
    assert isinstance(both.answers[0], AuditEntry)
    assert isinstance(both.answers[1], ChangedMeanwhile)
    assert choice_at(cast.bob) == (True, False)


def test_a_change_that_meets_an_undo_is_told_of_it(cast: Cast) -> None:
    entry = choose(ENABLED, False, at=cast.bob, actor=cast.bob, now=FOUNDED)
    assert entry
    seen = stamp_of(cast.bob)

    both = Both(lambda: _undone(entry, cast), chooses(True, cast.bob, cast.bob, seen=seen))

    assert not isinstance(both.answers[0], Exception)
    assert isinstance(both.answers[1], ChangedMeanwhile)
    assert choice_at(cast.bob) is None


def _undone(entry: AuditEntry, cast: Cast) -> None:
    done = undoing.undo(entry, by=cast.bob, back="/", now=NOW)
    if isinstance(done, PendingChange):
        reviewing.confirm(done, actor=cast.bob, reason="", now=NOW)


def test_inheriting_twice_at_once_happens_once(cast: Cast) -> None:
    choose(ENABLED, False, at=cast.sales, actor=cast.dana, now=FOUNDED)

    answers = all_together(*[inherits(cast.sales, cast.dana)] * 3)

    assert sorted(type(answer).__name__ for answer in answers) == ["AuditEntry", "NoneType", "NoneType"]
    assert choice_at(cast.sales) is None
    assert reviewing.submit(
        Inherit(ENABLED.key, Level.GROUP, cast.sales.pk), by=cast.dana, back="/", seen=None, now=NOW
    ) == reviewing.Done(Inherit(ENABLED.key, Level.GROUP, cast.sales.pk), None)
