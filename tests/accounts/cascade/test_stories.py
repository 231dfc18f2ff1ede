"""Whatever is done to an organization, one thing after another, by the doors that the pages use: what was announced
is what happens, nobody else is touched, a lock destroys nothing, and everybody holds what the oracle says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts import groups, reviewing, undoing
from accounts.cascade import querying, write
from accounts.cascade.changes import Change, Choose, Dissolve, Inherit, Join, Leave, Rank
from accounts.cascade.declare import Level, settings_of
from accounts.cascade.impact import Impact, impact
from accounts.cascade.read import held_of
from accounts.cascade.write import SettingLocked
from accounts.groups import NotAMember
from accounts.models import Account, AuditEntry, Group, Membership, PendingChange, Role, SettingDecision, User
from accounts.reviewing import Done
from integrations.domains import DomainRule
from integrations.preferences import Integrations, ServicePolicy
from tests.accounts.cascade.oracle import ACCOUNT, Choice, Organization, Place
from tests.accounts.cascade.trial import decision
from tests.cast import FOUNDED, crowd

SETTINGS = {one.key: one for one in settings_of(Integrations)}
VALUES: dict[str, list[Any]] = {
    "integrations.enabled": [True, False],
    "integrations.services": [ServicePolicy(), ServicePolicy(contacts_write=False)],
    "integrations.domains": [DomainRule(), DomainRule(is_on=True, domains=("kestrel.example",))],
    "integrations.grace": [0, 7],
}
# Mostly the one setting of all three levels: what happens to it happens often enough to matter.
keys = st.sampled_from(["integrations.enabled"] * 6 + list(VALUES))
decided = keys.flatmap(
    lambda key: st.tuples(st.just(key), st.builds(Choice, st.sampled_from(VALUES[key]), st.booleans()))
)
Rows = dict[int, tuple[Any, ...]]


class Story(RuleBasedStateMachine):
    """The numbers on paper are the primary keys."""

    some_groups: Bundle[int] = Bundle("some_groups")
    some_people: Bundle[int] = Bundle("some_people")
    places = st.one_of(
        st.just(ACCOUNT),
        st.tuples(st.just("group"), some_groups),
        st.tuples(st.just("user"), some_people),
    )

    def __init__(self) -> None:
        super().__init__()
        self.database = transaction.atomic()
        self.database.__enter__()
        self.now = FOUNDED
        # The last change of a setting, and how everything was before it.
        self.last: tuple[AuditEntry, Organization] | None = None
        self.account = Account.objects.create(name="Kestrel & Co", created_at=FOUNDED)
        self.dana, *others = crowd(self.account, 6)
        self.dana.role = Role.OWNER
        self.dana.save()
        made = [Group(account=self.account, name=f"Group {n}", rank=n, created_at=FOUNDED) for n in range(3)]
        order = [group.pk for group in Group.objects.bulk_create(made)]
        self.paper = Organization(
            defaults={key: one.default for key, one in SETTINGS.items()},
            groups={group: {} for group in order},
            order=order,
            people={person.pk: {} for person in (self.dana, *others)},
        )

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.database.__exit__(None, None, None)

    @initialize(target=some_groups)
    def there_are_groups(self) -> Any:
        return multiple(*self.paper.order)

    @initialize(target=some_people, seed=st.integers(0, 2**32))
    def there_are_people_and_much_is_decided(self, seed: int) -> Any:
        chance = Random(seed)  # noqa: S311  a case to test, no secret
        pairs = [(group, person) for group in self.paper.order for person in self.paper.people]
        self.paper.members = {pair for pair in pairs if chance.random() < 0.5}
        Membership.objects.bulk_create(Membership(group_id=g, user_id=p) for g, p in self.paper.members)
        rows = []
        for level, number in self.everywhere():
            if chance.random() < 0.5:
                choice = Choice(chance.random() < 0.5, level != "user" and chance.random() < 0.4)
                self.paper.choose((level, number), "integrations.enabled", choice)
                at = {f"{level}_id": number or self.account.pk}
                rows.append(decision(SETTINGS["integrations.enabled"], choice, **at))
        SettingDecision.objects.bulk_create(rows)
        return multiple(*self.paper.people)

    # ── What can be done ──
    @rule(place=places, decided=decided)
    def choose(self, place: Place, decided: tuple[str, Choice]) -> None:
        key, choice = decided
        self.decide(place, key, Choice(choice.value, choice.is_locked and can_lock(place, key)))

    @rule(place=places, key=keys)
    def inherit(self, place: Place, key: str) -> None:
        self.decide(place, key, None)

    @rule(place=places, key=keys)
    def lock_what_holds(self, place: Place, key: str) -> None:
        if can_lock(place, key):
            self.decide(place, key, Choice(self.paper.given_at(place, key), is_locked=True))

    @rule(place=places, key=keys)
    def unlock(self, place: Place, key: str) -> None:
        own = self.paper.decisions_of(place).get(key)
        if own and own.is_locked:
            self.decide(place, key, Choice(own.value))

    @rule(place=places, decided=decided)
    def lock_and_take_it_back(self, place: Place, decided: tuple[str, Choice]) -> None:
        key, choice = decided
        if not can_lock(place, key) or self.paper.lock_over(place, key):
            return
        before, rows = self.paper.copy(), rows_but(place, key)

        self.decide(place, key, Choice(choice.value, is_locked=True))
        self.decide(place, key, before.decisions_of(place).get(key))

        assert rows_but(place, key) == rows
        assert self.paper == before

    @precondition(lambda self: self.last is not None)
    @rule()
    def undo(self) -> None:
        assert self.last
        entry, before = self.last
        self.now += timedelta(seconds=1)

        done = undoing.undo(entry, by=self.dana, back="/", now=self.now)

        assert self.confirmed(done)
        self.paper, self.last = before, None

    @rule(group=some_groups, above=st.none() | some_groups)
    def rank(self, group: int, above: int | None) -> None:
        self.happen(Rank(group, above), lambda paper: paper.move(group, above))

    @rule(group=some_groups, people=st.lists(some_people, min_size=1, max_size=3))
    def join(self, group: int, people: list[int]) -> None:
        self.happen(Join(group, tuple(people)), lambda paper: paper.join(group, people))

    @rule(group=some_groups, people=st.lists(some_people, min_size=1, max_size=3))
    def leave(self, group: int, people: list[int]) -> None:
        is_refused = not any((group, person) in self.paper.members for person in people)
        refusal = NotAMember if is_refused else None
        self.happen(Leave(group, tuple(people)), lambda paper: paper.leave(group, people), refusal=refusal)

    @rule(group=consumes(some_groups))
    def dissolve(self, group: int) -> None:
        self.happen(Dissolve(group), lambda paper: paper.dissolve(group))

    @rule(target=some_groups)
    def found_another_group(self) -> Any:
        made = groups.create(
            account=self.account, name=f"Another {self.now:%H:%M:%S}", actor=self.dana, now=self.tick()
        )
        self.paper.groups[made.pk] = {}
        self.paper.order.append(made.pk)
        self.last = None
        return made.pk

    # ── How it is done, and held against what was announced ──
    def decide(self, place: Place, key: str, choice: Choice | None) -> None:
        level, pk = Level(place[0]), place[1] or self.account.pk
        setting = SETTINGS[key]
        if level not in setting.levels:
            return
        before = self.paper.copy()
        if choice:
            change: Change = Choose(key, level, pk, setting.to_json(choice.value), choice.is_locked)
            on_paper: Callable[[Organization], None] = lambda paper: paper.choose(place, key, choice)  # noqa: E731
        else:
            change, on_paper = Inherit(key, level, pk), lambda paper: paper.inherit(place, key)
        refusal = SettingLocked if self.paper.lock_over(place, key) else None
        rows = rows_but(place, key)

        entry = self.happen(change, on_paper, refusal=refusal)

        assert rows_but(place, key) == rows
        self.last = (entry, before) if entry else None

    def happen(
        self, change: Change, on_paper: Callable[[Organization], None], *, refusal: type[Exception] | None = None
    ) -> AuditEntry | None:
        before, after, rows, entries = self.paper, self.paper.copy(), all_rows(), AuditEntry.objects.count()
        on_paper(after)
        announced = impact(self.account, change)
        if refusal:
            with pytest.raises(refusal):
                self.confirmed(self.submitted(change))
            PendingChange.objects.all().delete()
            assert (all_rows(), AuditEntry.objects.count()) == (rows, entries)
            return None

        entry = self.confirmed(self.submitted(change))

        self.paper, self.last = after, None
        assert_announced(announced, before, after, change)
        new = AuditEntry.objects.order_by("pk")[entries:]
        assert {entry.affected for entry in new} <= {len(announced.people)}
        assert bool(new) == (before != after)
        if not isinstance(change, Choose | Inherit | Dissolve):
            assert all_rows() == rows
        return entry

    def submitted(self, change: Change) -> Done | PendingChange:
        return reviewing.submit(change, by=self.dana, back="/", seen=None, now=self.tick())

    def confirmed(self, done: Done | PendingChange) -> AuditEntry | None:
        if isinstance(done, Done):
            return done.entry
        pending = PendingChange.objects.get(pk=done.pk)
        return reviewing.confirm(pending, actor=self.dana, reason="As agreed", now=self.tick())[1]

    def tick(self) -> Any:
        self.now += timedelta(seconds=1)
        return self.now

    # ── What is always so ──
    @invariant()
    def everybody_holds_what_the_oracle_says(self) -> None:
        everybody = User.objects.of(self.account)
        held = held_of(Integrations, everybody)
        assert set(held) == set(self.paper.people)
        for person, holds in held.items():
            for key in VALUES:
                name = SETTINGS[key].name
                assert getattr(holds.values, name) == self.paper.holds(person, key)
                assert (name in holds.locked) == bool(self.paper.lock_over_person(person, key))
        on = querying.holding(everybody, SETTINGS["integrations.enabled"], True, account=self.account)
        assert set(on.values_list("pk", flat=True)) == {
            person for person, value in self.paper.everybody("integrations.enabled").items() if value
        }

    @invariant()
    def the_database_is_what_is_on_paper(self) -> None:
        stored: dict[tuple[Place, str], Choice] = {}
        for row in SettingDecision.objects.all():
            place: Place = ("user", row.user_id) if row.user_id else ACCOUNT
            place = ("group", row.group_id) if row.group_id else place
            stored[place, row.key] = Choice(SETTINGS[row.key].from_json(row.value), row.is_locked)
        assert stored == {
            (at, key): one for at in self.everywhere() for key, one in self.paper.decisions_of(at).items()
        }
        assert list(Group.objects.order_by("rank").values_list("pk", flat=True)) == self.paper.order
        assert set(Membership.objects.values_list("group", "user")) == self.paper.members

    def everywhere(self) -> list[Place]:
        return [ACCOUNT, *(("group", one) for one in self.paper.groups), *(("user", one) for one in self.paper.people)]


def can_lock(place: Place, key: str) -> bool:
    return write.can_lock(SETTINGS[key], Level(place[0]))


def assert_announced(announced: Impact, before: Organization, after: Organization, change: Change) -> None:
    changing = [change.key] if isinstance(change, Choose | Inherit) else list(VALUES)
    moved = {
        key: {person for person in before.people if before.holds(person, key) != after.holds(person, key)}
        for key in VALUES
    }
    assert {key: set(people) for key, people in announced.changed.items()} == {k: v for k, v in moved.items() if v}
    assert all(len(people) == len(set(people)) for people in announced.changed.values())
    assert announced.people == set[int]().union(*moved.values())
    for key in changing:
        asleep, still_asleep = before.asleep(key), after.asleep(key)
        taken_away = {place for place in asleep if not is_there(after, place, key)}
        assert places_of(announced.falls_asleep.get(key)) == still_asleep - asleep
        assert places_of(announced.awakes.get(key)) == asleep - still_asleep - taken_away
    for one in announced.moved():
        assert one.before == before.holds(one.person, one.setting.key)
        assert one.after == after.holds(one.person, one.setting.key)


def is_there(paper: Organization, place: Place, key: str) -> bool:
    return (place[0] != "group" or place[1] in paper.groups) and key in paper.decisions_of(place)


def places_of(announced: tuple[list[int], list[int]] | None) -> set[Place]:
    in_groups, of_people = announced or ([], [])
    return {("group", group) for group in in_groups} | {("user", person) for person in of_people}


def all_rows() -> Rows:
    """Every decision, byte for byte."""
    text = "CAST(value AS TEXT), CAST(decided_at AS TEXT)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, account_id, group_id, user_id, key, {text}, is_locked, decided_by_id"  # noqa: S608
            " FROM accounts_settingdecision"
        )
        return {row[0]: row for row in cursor.fetchall()}


def rows_but(place: Place, key: str) -> Rows:
    """Every decision but the one of a place."""
    column, number = {"account": 1, "group": 2, "user": 3}[place[0]], place[1]
    is_of = (lambda row: row[1] is not None) if place == ACCOUNT else (lambda row: row[column] == number)
    return {pk: row for pk, row in all_rows().items() if not (is_of(row) and row[4] == key)}


@pytest.mark.django_db
def test_whatever_is_done_one_thing_after_another() -> None:
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=20, stateful_step_count=18, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )
