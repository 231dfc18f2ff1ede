"""Two speeds of saving: what is done at once, what is reviewed first, and that what was said is what happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections as databases

from accounts import groups, reviewing, undoing
from accounts.cascade import declare, read, write
from accounts.cascade.changes import Change, Choose, Dissolve, Inherit, Join, Leave, Rank, to_json
from accounts.cascade.declare import BadValue, Level, setting_of
from accounts.cascade.write import ChangedMeanwhile, SettingLocked
from accounts.models import AuditEntry, Group, Membership, PendingChange, Role, SettingDecision, User
from accounts.reviewing import Done, Ended, Gone, MoreAffected
from integrations import fitting
from integrations.domains import DomainRule
from integrations.models import Connection, State
from integrations.preferences import Integrations, ServicePolicy
from tests.accounts.connected import connect
from tests.accounts.settings.quiet import Quiet
from tests.cast import FOUNDED, Cast, crowd

pytestmark = pytest.mark.django_db

ENABLED, SERVICES, GRACE = "integrations.enabled", "integrations.services", "integrations.grace"
NOW = FOUNDED + timedelta(days=3)
BACK = "/account/settings/mail-calendar/"


def switch(place: Any, value: bool, *, level: Level = Level.ACCOUNT, is_locked: bool = False) -> Choose:
    return Choose(ENABLED, level, place.pk, value, is_locked)


def policy(place: Any, *, contacts: bool, level: Level = Level.ACCOUNT, is_locked: bool = False) -> Choose:
    value = setting_of(Integrations, "services").to_json(ServicePolicy(contacts_write=contacts))
    return Choose(SERVICES, level, place.pk, value, is_locked)


def submit(change: Change, by: User, *, seen: str | None = None) -> Done | PendingChange:
    return reviewing.submit(change, by=by, back=BACK, seen=seen, now=NOW)


def pending(change: Change, by: User, *, seen: str | None = None) -> PendingChange:
    made = submit(change, by, seen=seen)
    assert isinstance(made, PendingChange)
    return made


def confirm(change: PendingChange, by: User, *, reason: str = "", **more: Any) -> AuditEntry | None:
    return reviewing.confirm(change, actor=by, reason=reason, now=NOW, **more)[1]


def done(change: Change, by: User) -> AuditEntry:
    """Submitted, and confirmed if need be."""
    made = submit(change, by)
    entry = confirm(made, by) if isinstance(made, PendingChange) else made.entry
    assert entry is not None
    return entry


def decide(name: str, value: Any, *, at: Any, by: User, is_locked: bool = False) -> None:
    write.choose(setting_of(Integrations, name), value, at=at, actor=by, now=NOW, is_locked=is_locked)


def values(cast: Cast) -> dict[int, Integrations]:
    return read.effective_of(Integrations, User.objects.of(cast.kestrel))


def stored() -> list[tuple[str, Any, bool]]:
    return list(SettingDecision.objects.order_by("pk").values_list("key", "value", "is_locked"))


# ── Who may not ─────────────────────────────────────────────────────────────
def test_a_member_cannot_propose_a_change_of_the_account(cast: Cast) -> None:
    with pytest.raises(PermissionDenied):
        submit(switch(cast.kestrel, False), cast.alice)

    assert not PendingChange.objects.exists()


def test_a_place_of_another_account_is_not_there(cast: Cast) -> None:
    with pytest.raises(Gone):
        submit(switch(cast.kestrel, False), cast.mallory)
    with pytest.raises(Gone):
        submit(switch(cast.sales, False, level=Level.GROUP), cast.mallory)
    with pytest.raises(Gone):
        submit(Dissolve(cast.sales.pk), cast.mallory)


def test_a_group_admin_decides_for_the_group_but_does_not_rank_or_delete_it(cast: Cast) -> None:
    assert isinstance(submit(switch(cast.sales, False, level=Level.GROUP), cast.gus), PendingChange)
    for change in (Rank(cast.sales.pk, None), Dissolve(cast.sales.pk)):
        with pytest.raises(PermissionDenied):
            submit(change, cast.gus)


def test_who_lost_the_right_meanwhile_cannot_confirm(cast: Cast) -> None:
    proposed = pending(switch(cast.kestrel, False), cast.dana)
    User.objects.filter(pk=cast.dana.pk).update(role=Role.MEMBER)
    now_a_member = User.objects.get(pk=cast.dana.pk)
    reread = PendingChange.objects.get(pk=proposed.pk)

    with pytest.raises(PermissionDenied):
        confirm(reread, now_a_member)

    assert stored() == []
    assert PendingChange.objects.filter(pk=proposed.pk).exists()


# ── Which go to review ──────────────────────────────────────────────────────
@pytest.fixture
def operations(cast: Cast) -> Group:
    return Group.objects.create(account=cast.kestrel, name="Operations", rank=4096, created_at=FOUNDED)


AT_ONCE: dict[str, Callable[[Cast, Group], Change]] = {
    "a harmless number": lambda cast, _: Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 3),
    "a group without decisions is moved": lambda cast, operations: Rank(operations.pk, cast.sales.pk),
    "somebody joins a group that decided nothing": lambda cast, operations: Join(operations.pk, (cast.bob.pk,)),
    "somebody leaves a group that decided nothing": lambda cast, _: Leave(cast.sales.pk, (cast.alice.pk,)),
}
REVIEWED: dict[str, Callable[[Cast, Group], Change]] = {
    "a consequential switch of the account": lambda cast, _: switch(cast.kestrel, False),
    "of a group": lambda cast, _: switch(cast.sales, False, level=Level.GROUP),
    "of a person": lambda cast, _: switch(cast.bob, False, level=Level.USER),
    "a lock of what holds anyway": lambda cast, _: switch(cast.kestrel, True, is_locked=True),
    "a composite": lambda cast, _: policy(cast.kestrel, contacts=False),
    "the end of a group": lambda cast, _: Dissolve(cast.sales.pk),
}


@pytest.mark.parametrize("what", AT_ONCE)
def test_it_is_done_at_once(what: str, cast: Cast, operations: Group) -> None:
    change = AT_ONCE[what](cast, operations)

    made = submit(change, cast.dana)

    assert isinstance(made, Done)
    assert AuditEntry.objects.exists()
    assert not PendingChange.objects.exists()


@pytest.mark.parametrize("what", REVIEWED)
def test_it_is_reviewed_first(what: str, cast: Cast, operations: Group) -> None:
    change = REVIEWED[what](cast, operations)

    made = submit(change, cast.dana)

    assert isinstance(made, PendingChange)
    assert made.change == to_json(change)
    assert stored() == []
    assert Group.objects.filter(pk=cast.sales.pk).exists()
    assert not AuditEntry.objects.exists()


@pytest.fixture
def quiet() -> Iterator[type[Quiet]]:
    """Declared for the time of one test."""
    declare.register(Quiet)
    yield Quiet
    declare._sections.remove(Quiet)


def test_a_harmless_setting_is_reviewed_when_it_locks_or_unlocks(cast: Cast, quiet: type[Quiet]) -> None:
    key, reminders = "quiet.reminders", setting_of(quiet, "reminders")

    chosen = submit(Choose(key, Level.ACCOUNT, cast.kestrel.pk, False), cast.dana)
    lock = submit(Choose(key, Level.ACCOUNT, cast.kestrel.pk, False, is_locked=True), cast.dana)
    write.choose(reminders, False, at=cast.kestrel, actor=cast.dana, now=NOW, is_locked=True)
    unlock = submit(Choose(key, Level.ACCOUNT, cast.kestrel.pk, False), cast.dana)
    another = submit(Choose(key, Level.ACCOUNT, cast.kestrel.pk, True, is_locked=True), cast.dana)
    inherit = submit(Inherit(key, Level.ACCOUNT, cast.kestrel.pk), cast.dana)

    assert [type(made) for made in (chosen, lock, unlock, another, inherit)] == [
        Done,
        PendingChange,
        PendingChange,
        Done,
        PendingChange,
    ]


def test_moves_of_groups_and_people_are_reviewed_when_a_consequential_value_changes(
    cast: Cast, operations: Group
) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    Membership.objects.create(group=operations, user=cast.alice)
    decide("enabled", True, at=cast.sales, by=cast.dana)

    rank = submit(Rank(operations.pk, cast.sales.pk), cast.dana)
    join = submit(Join(operations.pk, (cast.bob.pk,)), cast.dana)
    leave = submit(Leave(operations.pk, (cast.alice.pk,)), cast.dana)

    assert isinstance(rank, PendingChange)
    assert isinstance(join, PendingChange)
    # Sales spoke for Alice all along.
    assert isinstance(leave, Done)


def test_what_is_like_that_already_is_done_without_an_entry(cast: Cast) -> None:
    decide("enabled", False, at=cast.kestrel, by=cast.dana)

    again = submit(switch(cast.kestrel, False), cast.dana)
    nothing = submit(Inherit(ENABLED, Level.GROUP, cast.sales.pk), cast.dana)

    assert again == Done(switch(cast.kestrel, False), None)
    assert isinstance(nothing, Done)
    assert nothing.entry is None
    assert AuditEntry.objects.count() == 1


def test_what_is_locked_above_is_refused_before_any_sheet(cast: Cast) -> None:
    decide("enabled", False, at=cast.kestrel, by=cast.dana, is_locked=True)

    with pytest.raises(SettingLocked):
        submit(switch(cast.sales, True, level=Level.GROUP), cast.dana)


def test_a_form_older_than_the_decision_is_refused_before_any_sheet(cast: Cast) -> None:
    decide("enabled", False, at=cast.kestrel, by=cast.dana)

    with pytest.raises(ChangedMeanwhile):
        submit(switch(cast.kestrel, True), cast.dana, seen=write.stamp(None))


@pytest.mark.parametrize(
    "change",
    [
        lambda cast: Choose("integrations.nothing", Level.ACCOUNT, cast.kestrel.pk, True),
        lambda cast: Choose(ENABLED, Level.ACCOUNT, cast.kestrel.pk, "yes"),
        lambda cast: Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 31),
        lambda cast: Choose(GRACE, Level.GROUP, cast.sales.pk, 3),
        lambda cast: Choose(ENABLED, Level.USER, cast.bob.pk, True, is_locked=True),
        lambda cast: Choose("integrations.domains", Level.ACCOUNT, cast.kestrel.pk, {"is_on": True, "domains": []}),
    ],
)
def test_a_senseless_change_is_refused(change: Callable[[Cast], Change], cast: Cast) -> None:
    with pytest.raises(BadValue):
        submit(change(cast), cast.dana)

    assert not PendingChange.objects.exists()
    assert stored() == []


# ── What was said is what happens ───────────────────────────────────────────
@pytest.mark.parametrize("seed", range(4))
def test_the_people_of_the_entry_are_those_whose_value_really_changed(seed: int, cast: Cast, operations: Group) -> None:
    people = crowd(cast.kestrel, 12, group=cast.sales)
    Membership.objects.bulk_create(Membership(group=operations, user=person) for person in people[seed::3])
    connect(people[seed:], contacts_write=True)
    decide("enabled", False, at=operations, by=cast.dana)
    if seed == 2:
        decide("enabled", True, at=cast.sales, by=cast.dana)
    decide("enabled", seed % 2 == 0, at=people[0], by=people[0])
    decide("services", ServicePolicy(contacts_write=seed % 2 == 1), at=cast.sales, by=cast.dana)
    fitting.apply_policy(cast.kestrel, now=NOW)
    tried: list[Change] = [
        switch(cast.kestrel, False, is_locked=True),
        policy(cast.kestrel, contacts=False, is_locked=True),
        Rank(operations.pk, cast.sales.pk),
        Dissolve(operations.pk),
    ]
    before, were = values(cast), set(Connection.objects.filter(state=State.CONNECTED).values_list("user", flat=True))
    proposed = pending(tried[seed], cast.dana)

    review, _ = reviewing.confirm(proposed, actor=cast.dana, reason="", now=NOW)
    fitting.apply_policy(cast.kestrel, now=NOW)

    after, are = values(cast), set(Connection.objects.filter(state=State.CONNECTED).values_list("user", flat=True))
    really = {person for person in before if before[person] != after[person]}
    assert review.found.people == really
    assert AuditEntry.objects.filter(affected__isnull=False).latest("pk").affected == len(really)
    assert {effect.person for one in review.found.consequences for effect in one.ends} == were - are
    assert {effect.person for one in review.found.consequences for effect in one.returns} == are - were
    assert set(proposed.announced) == were - are


def test_who_does_it_why_and_how_many_are_in_the_entry(cast: Cast) -> None:
    entry = confirm(pending(switch(cast.kestrel, False), cast.dana), cast.dana, reason="  The audit said so. ")

    assert entry is not None
    assert (entry.actor, entry.reason, entry.affected) == (cast.dana, "The audit said so.", 5)
    assert (entry.level, entry.setting_key) == ("account", ENABLED)
    assert stored() == [(ENABLED, False, False)]
    assert not PendingChange.objects.exists()


def test_the_reason_of_what_is_done_to_a_group_is_kept_too(cast: Cast, operations: Group) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    reviewing.confirm(pending(Join(operations.pk, (cast.bob.pk,)), cast.dana), actor=cast.dana, reason="Moved", now=NOW)
    reviewing.confirm(pending(Leave(operations.pk, (cast.bob.pk,)), cast.dana), actor=cast.dana, reason="Back", now=NOW)
    reviewing.confirm(pending(Dissolve(operations.pk), cast.dana), actor=cast.dana, reason="Over", now=NOW)

    told = AuditEntry.objects.filter(action__startswith="group.").order_by("pk").values_list("action", "reason")
    assert list(told) == [("group.member_added", "Moved"), ("group.member_removed", "Back"), ("group.deleted", "Over")]


def test_more_connections_than_were_said_have_to_be_looked_at_again(cast: Cast) -> None:
    connect([cast.alice])
    proposed = pending(switch(cast.kestrel, False), cast.dana)
    connect([cast.bob, cast.wilhelmina])

    with pytest.raises(MoreAffected) as raised:
        confirm(proposed, cast.dana)

    assert (raised.value.said, raised.value.now) == (1, 3)
    assert stored() == []
    assert not AuditEntry.objects.exists()
    reviewing.announce(proposed, reviewing.reviewed(proposed))
    assert confirm(proposed, cast.dana) is not None


def test_fewer_than_were_said_are_no_trouble(cast: Cast) -> None:
    connect([cast.alice, cast.bob])
    proposed = pending(switch(cast.kestrel, False), cast.dana)
    Connection.objects.filter(user=cast.bob).delete()

    assert confirm(proposed, cast.dana) is not None


def test_as_many_as_were_said_but_others_have_to_be_looked_at_again(cast: Cast) -> None:
    connect([cast.alice])
    proposed = pending(switch(cast.kestrel, False), cast.dana)
    Connection.objects.filter(user=cast.alice).delete()
    connect([cast.bob])

    with pytest.raises(MoreAffected) as raised:
        confirm(proposed, cast.dana)

    assert (raised.value.said, raised.value.now) == (1, 1)
    assert stored() == []


def test_an_older_sheet_of_the_same_review_is_held_to_its_own_number(cast: Cast) -> None:
    connect([cast.alice])
    proposed = pending(switch(cast.kestrel, False), cast.dana)
    connect([cast.bob])
    reviewing.announce(proposed, reviewing.reviewed(proposed))

    with pytest.raises(MoreAffected):
        confirm(proposed, cast.dana, said=1)


def test_a_sheet_is_held_to_the_decision_it_showed(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    proposed = pending(switch(cast.kestrel, False), cast.dana, seen=write.stamp(None))
    decide("enabled", True, at=cast.kestrel, by=cast.bob)

    assert reviewing.has_moved(proposed, reviewing.reviewed(proposed))
    with pytest.raises(ChangedMeanwhile) as raised:
        confirm(proposed, cast.dana)

    assert raised.value.now is not None
    assert raised.value.now.by == cast.bob
    assert stored() == [(ENABLED, True, False)]
    assert PendingChange.objects.filter(pk=proposed.pk).exists()


def test_a_lock_that_came_in_between_wins(cast: Cast) -> None:
    proposed = pending(switch(cast.sales, False, level=Level.GROUP), cast.gus)
    decide("enabled", True, at=cast.kestrel, by=cast.dana, is_locked=True)

    assert reviewing.reviewed(proposed).lock is not None
    with pytest.raises(SettingLocked):
        confirm(proposed, cast.gus)

    assert stored() == [(ENABLED, True, True)]
    assert PendingChange.objects.filter(pk=proposed.pk).exists()


# ── Once, and in time ───────────────────────────────────────────────────────
def test_it_is_confirmed_once(cast: Cast) -> None:
    proposed = pending(switch(cast.kestrel, False), cast.dana)
    confirm(proposed, cast.dana)

    with pytest.raises(Ended):
        confirm(proposed, cast.dana)

    assert AuditEntry.objects.count() == 1


def test_a_discarded_change_cannot_be_confirmed(cast: Cast) -> None:
    proposed = pending(switch(cast.kestrel, False), cast.dana)
    reviewing.discard(proposed)

    with pytest.raises(Ended):
        confirm(proposed, cast.dana)

    assert stored() == []


def test_after_an_hour_it_is_too_late(cast: Cast) -> None:
    proposed = pending(switch(cast.kestrel, False), cast.dana)

    with pytest.raises(Ended):
        reviewing.confirm(proposed, actor=cast.dana, reason="", now=NOW + reviewing.LASTS)

    assert stored() == []


def test_the_next_change_clears_away_what_ran_out(cast: Cast) -> None:
    old = pending(switch(cast.kestrel, False), cast.dana)

    reviewing.submit(
        switch(cast.kestrel, False),
        by=cast.dana,
        back=BACK,
        seen=None,
        now=NOW + reviewing.LASTS + timedelta(seconds=1),
    )

    assert not PendingChange.objects.filter(pk=old.pk).exists()
    assert PendingChange.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_several_confirmations_at_once_one_does_it(cast: Cast) -> None:
    proposed, start = pending(switch(cast.kestrel, False), cast.dana), threading.Barrier(3)
    came: list[str] = []

    def press() -> None:
        start.wait(10)
        try:
            confirm(proposed, cast.dana)
            came.append("done")
        except Exception as problem:  # noqa: BLE001  the assertion shows it
            came.append(type(problem).__name__)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(came) == ["Ended", "Ended", "done"]
    assert AuditEntry.objects.count() == 1


# ── What is gone ────────────────────────────────────────────────────────────
def test_a_group_that_was_deleted_meanwhile(cast: Cast) -> None:
    proposed = pending(switch(cast.sales, False, level=Level.GROUP), cast.dana)
    groups.delete(cast.sales, actor=cast.dana, now=NOW)

    with pytest.raises(Gone):
        reviewing.reviewed(proposed)
    with pytest.raises(Gone):
        confirm(proposed, cast.dana)


def test_a_neighbour_that_was_deleted_meanwhile(cast: Cast, operations: Group) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    Membership.objects.create(group=operations, user=cast.alice)
    decide("enabled", True, at=cast.sales, by=cast.dana)
    proposed = pending(Rank(operations.pk, cast.sales.pk), cast.dana)
    groups.delete(cast.sales, actor=cast.dana, now=NOW)

    with pytest.raises(Gone):
        reviewing.reviewed(proposed)


def test_of_people_who_were_to_join_those_who_are_left_do(cast: Cast, operations: Group) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    passing = crowd(cast.kestrel, 1)[0]
    proposed = pending(Join(operations.pk, (passing.pk, cast.bob.pk)), cast.dana)
    User.objects.filter(pk=passing.pk).delete()

    review, _ = reviewing.confirm(proposed, actor=cast.dana, reason="", now=NOW)

    assert review.found.people == {cast.bob.pk}
    assert list(operations.people.all()) == [cast.bob]


def test_a_value_that_its_declaration_no_longer_knows(cast: Cast) -> None:
    proposed = pending(policy(cast.kestrel, contacts=False), cast.dana)
    proposed.change["value"] = {"default_service": "pigeon"}
    proposed.save()

    with pytest.raises(BadValue):
        reviewing.reviewed(proposed)


# ── Undo ────────────────────────────────────────────────────────────────────
def undo(entry: AuditEntry, by: User) -> AuditEntry:
    made = undoing.undo(entry, by=by, back=BACK, now=NOW + timedelta(minutes=1))
    found = confirm(made, by) if isinstance(made, PendingChange) else made.entry
    assert found is not None
    return found


def test_a_first_choice_is_undone_by_inheriting(cast: Cast) -> None:
    entry = done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 3), cast.dana)

    undo(entry, cast.dana)

    assert stored() == []


def test_a_harmless_change_is_undone_at_once_and_can_be_done_again(cast: Cast) -> None:
    done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 3), cast.dana)
    entry = done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 5), cast.dana)

    undone = undoing.undo(entry, by=cast.dana, back=BACK, now=NOW)
    assert isinstance(undone, Done)
    assert undone.entry is not None
    assert stored() == [(GRACE, 3, False)]
    undo(undone.entry, cast.dana)

    assert stored() == [(GRACE, 5, False)]


def test_undoing_a_consequential_change_is_reviewed(cast: Cast) -> None:
    entry = done(switch(cast.kestrel, False), cast.dana)

    undone = undoing.undo(entry, by=cast.dana, back=BACK, now=NOW)

    assert isinstance(undone, PendingChange)
    assert stored() == [(ENABLED, False, False)]


@pytest.mark.parametrize("had_chosen", [False, True])
def test_a_lock_is_undone_with_the_value_it_pinned(had_chosen: bool, cast: Cast) -> None:
    if had_chosen:
        decide("enabled", True, at=cast.kestrel, by=cast.dana)
    before = stored()
    entry = done(switch(cast.kestrel, False, is_locked=True), cast.dana)

    undo(entry, cast.dana)

    assert stored() == before


def test_an_unlocking_is_undone_by_locking(cast: Cast) -> None:
    decide("enabled", False, at=cast.kestrel, by=cast.dana, is_locked=True)
    entry = done(switch(cast.kestrel, False), cast.dana)

    undo(entry, cast.dana)

    assert stored() == [(ENABLED, False, True)]


def test_inheriting_is_undone_with_the_lock_that_went(cast: Cast) -> None:
    decide("services", ServicePolicy(contacts_write=False), at=cast.sales, by=cast.dana, is_locked=True)
    before = stored()
    entry = done(Inherit(SERVICES, Level.GROUP, cast.sales.pk), cast.dana)
    assert stored() == []

    undo(entry, cast.dana)

    assert stored() == before


def test_a_list_of_domains_comes_back_whole(cast: Cast) -> None:
    setting = setting_of(Integrations, "domains")
    decide("domains", DomainRule(is_on=True, domains=("a.example", "b.example")), at=cast.kestrel, by=cast.dana)
    before = stored()
    entry = done(
        Choose(setting.key, Level.ACCOUNT, cast.kestrel.pk, setting.to_json(DomainRule(True, ("a.example",)))),
        cast.dana,
    )

    undo(entry, cast.dana)

    assert stored() == before


def test_people_undo_their_own_choices_and_nobody_elses(cast: Cast) -> None:
    own = done(switch(cast.bob, False, level=Level.USER), cast.bob)
    others = done(switch(cast.alice, False, level=Level.USER), cast.alice)

    with pytest.raises(PermissionDenied):
        undoing.undo(others, by=cast.bob, back=BACK, now=NOW)
    undo(own, cast.bob)

    assert SettingDecision.objects.get().user == cast.alice


def test_a_change_that_is_no_longer_the_last_is_not_undone(cast: Cast) -> None:
    first = done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 3), cast.dana)
    done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 5), cast.dana)

    with pytest.raises(ChangedMeanwhile) as raised:
        undoing.undo(first, by=cast.dana, back=BACK, now=NOW)

    assert raised.value.now is not None
    assert raised.value.now.value == 5
    assert stored() == [(GRACE, 5, False)]


def test_neither_is_one_that_was_made_anew_by_a_later_one(cast: Cast) -> None:
    """3, then 5, then 3 again: the first is not what made it 3."""
    first = done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 3), cast.dana)
    done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 5), cast.dana)
    done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 3), cast.dana)

    with pytest.raises(ChangedMeanwhile):
        undoing.undo(first, by=cast.dana, back=BACK, now=NOW)


def test_changes_elsewhere_do_not_keep_one_from_being_undone(cast: Cast) -> None:
    entry = done(switch(cast.kestrel, False), cast.dana)
    done(switch(cast.sales, True, level=Level.GROUP), cast.dana)
    done(Choose(GRACE, Level.ACCOUNT, cast.kestrel.pk, 3), cast.dana)

    undo(entry, cast.dana)

    assert {key for key, _, _ in stored()} == {ENABLED, GRACE}
    assert not SettingDecision.objects.filter(account=cast.kestrel, key=ENABLED).exists()


def test_undoing_under_a_lock_is_refused(cast: Cast) -> None:
    entry = done(switch(cast.sales, False, level=Level.GROUP), cast.gus)
    decide("enabled", True, at=cast.kestrel, by=cast.dana, is_locked=True)

    with pytest.raises(SettingLocked):
        undoing.undo(entry, by=cast.gus, back=BACK, now=NOW)


def test_what_is_no_change_of_a_setting_is_not_undone_here(cast: Cast) -> None:
    groups.rename(cast.sales, name="Selling", actor=cast.dana, now=NOW)

    with pytest.raises(BadValue):
        undoing.undo(AuditEntry.objects.get(), by=cast.dana, back=BACK, now=NOW)
