"""Members of a group by a list: what is announced is what happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection, connections
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import groups, importing, jobs, openings
from accounts.cascade import declare
from accounts.cascade.declare import Section
from accounts.cascade.facts import Facts
from accounts.cascade.write import choose, placed
from accounts.groups import membership
from accounts.importing import Preview
from accounts.member_lists import Wish, read_pasted
from accounts.models import Account, AuditEntry, Group, Job, Membership, Role, RowState, User
from accounts.openings import Effect, Outcome
from integrations.preferences import Integrations
from tests.cast import Cast, crowd, joined

pytestmark = pytest.mark.django_db

UNKNOWN = "Nobody in this account has this address."


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def table(*lines: tuple[str, str]) -> list[Wish]:
    return read_pasted("\n".join(["email,action", *(f"{email},{action}" for email, action in lines)]))


def prepared(group: Group, by: User, now: datetime, *lines: tuple[str, str]) -> Job:
    return importing.prepare(group, table(*lines), by=by, back="/", now=now)


def outcomes(job: Job) -> list[str]:
    return list(job.rows.order_by("number").values_list("outcome", flat=True))


def done(job: Job, now: datetime, *, reason: str = "") -> list[str]:
    importing.confirm(job, reason=reason, now=now)
    jobs.work_on(job.pk, now=now)
    assert Job.objects.get(pk=job.pk).state == "done"
    return outcomes(job)


def members(group: Group) -> set[User]:
    return set(User.objects.filter(memberships__group=group))


def test_people_are_added_and_removed_as_the_list_says(cast: Cast, now: datetime) -> None:
    job = prepared(cast.sales, cast.dana, now, (cast.bob.email.upper(), "add"), (cast.alice.email, "remove"))

    told = done(job, now)

    assert told == ["Added to the group.", "Removed from the group."]
    assert members(cast.sales) == {cast.gus, cast.bob}


def test_each_line_that_changes_nothing_says_why(cast: Cast, now: datetime) -> None:
    left = joined(cast.kestrel, name="Left", email="left@kestrel.example")
    User.objects.filter(pk=left.pk).update(is_active=False)
    job = prepared(
        cast.sales,
        cast.dana,
        now,
        (cast.alice.email, "add"),
        (cast.bob.email, "remove"),
        (cast.mallory.email, "add"),
        ("nobody@kestrel.example", "remove"),
        (left.email, "add"),
        ("bob", "add"),
        (cast.alice.email, "add"),
        (cast.alice.email, "remove"),
    )

    told = done(job, now)

    assert told == [
        "Was in the group already.",
        "Was not in the group.",
        UNKNOWN,
        UNKNOWN,
        groups.Deactivated.sentence,
        "This is not an e-mail address.",
        "The same as line 2.",
        "Line 2 says something else for this address.",
    ]
    counted = Job.objects.get(pk=job.pk)
    assert (counted.done, counted.unchanged, counted.failed) == (0, 3, 5)
    assert members(cast.sales) == {cast.gus, cast.alice}


def test_somebody_invited_who_has_not_joined_can_be_in_a_group(cast: Cast, now: datetime) -> None:
    invited = User.objects.create(account=cast.kestrel, email="new@kestrel.example", invited_at=now)

    assert done(prepared(cast.sales, cast.dana, now, (invited.email, "add")), now) == ["Added to the group."]


def test_a_group_admin_brings_in_no_admin_and_removes_no_group_admin(cast: Cast, now: datetime) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    Membership.objects.filter(user=cast.alice).update(is_admin=True)
    lines = [(ada.email, "add"), (cast.alice.email, "remove"), (cast.gus.email, "remove"), (cast.bob.email, "add")]

    told = done(prepared(cast.sales, cast.gus, now, *lines), now)

    assert told == [groups.AboveGroupAdmins.sentence, *[importing.ABOVE.outcome] * 2, "Added to the group."]
    assert members(cast.sales) == {cast.gus, cast.alice, cast.bob}
    assert done(prepared(cast.sales, cast.dana, now, *lines[:3]), now) == [
        "Added to the group.",
        "Removed from the group.",
        "Removed from the group.",
    ]


@pytest.mark.parametrize("lost", ["right", "role", "account", "person"])
def test_who_loses_the_right_on_the_way_changes_nothing_more(cast: Cast, now: datetime, lost: str) -> None:
    job = prepared(cast.sales, cast.gus, now, (cast.bob.email, "add"))
    if lost == "right":
        groups.dismiss_admin(cast.sales, cast.gus, actor=cast.dana, now=now)
    elif lost == "role":
        groups.remove_members(cast.sales, [cast.gus.pk], actor=cast.dana, now=now)
    elif lost == "account":
        User.objects.filter(pk=cast.gus.pk).update(is_active=False)
    else:
        Job.objects.filter(pk=job.pk).update(by=None)

    told = done(job, now)

    assert told == ["Whoever began this may no longer manage the group."]
    assert cast.bob not in members(cast.sales)


def test_a_group_that_is_deleted_on_the_way_is_told(cast: Cast, now: datetime) -> None:
    job = prepared(cast.sales, cast.dana, now, (cast.bob.email, "add"))
    groups.delete(cast.sales, actor=cast.dana, now=now)

    assert done(job, now) == ["The group was deleted meanwhile."]


def test_everybody_who_is_moved_stands_in_the_audit_log_by_name(cast: Cast, now: datetime) -> None:
    job = prepared(cast.sales, cast.dana, now, (cast.bob.email, "add"), (cast.alice.email, "remove"))

    done(job, now, reason="Spring")

    added = AuditEntry.objects.get(action=membership.ADDED)
    removed = AuditEntry.objects.get(action=membership.REMOVED)
    assert (added.actor, added.after, added.about_id, added.reason) == (
        cast.dana,
        {"person": "Bob"},
        cast.bob.pk,
        "Spring",
    )
    assert (removed.before, removed.about_id, removed.reason) == ({"person": "Alice"}, cast.alice.pk, "Spring")


def test_the_first_group_becomes_the_primary_one_and_another_takes_its_place(cast: Cast, now: datetime) -> None:
    ops = groups.create(account=cast.kestrel, name="Ops", actor=cast.dana, now=now)

    done(prepared(cast.sales, cast.dana, now, (cast.bob.email, "add")), now)
    done(prepared(ops, cast.dana, now, (cast.bob.email, "add")), now)
    assert Membership.objects.get(user=cast.bob, is_primary=True).group == cast.sales
    done(prepared(cast.sales, cast.dana, now, (cast.bob.email, "remove")), now)

    assert Membership.objects.get(user=cast.bob, is_primary=True).group == ops


def test_those_who_act_on_settings_hear_of_it(
    cast: Cast, now: datetime, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    heard: list[Account] = []

    def hear(account: Account, **_: object) -> None:
        heard.append(account)

    placed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]  # a context manager
            done(prepared(cast.sales, cast.dana, now, (cast.bob.email, "add")), now)
    finally:
        placed.disconnect(hear)

    assert heard == [cast.kestrel]


def previewed(job: Job, group: Group) -> Preview:
    return importing.preview(Job.objects.select_related("by").get(pk=job.pk), group)


def test_what_is_announced_is_what_is_done(cast: Cast, now: datetime) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    left = joined(cast.kestrel, name="Left", email="left@kestrel.example")
    User.objects.filter(pk=left.pk).update(is_active=False)
    everybody = [ada, left, cast.dana, cast.gus, cast.alice, cast.bob, cast.wilhelmina, cast.mallory]
    for by in (cast.gus, cast.dana):
        for action in ("add", "remove"):
            job = prepared(cast.sales, by, now, *((person.email, action) for person in everybody))

            shown = previewed(job, cast.sales)
            before = members(cast.sales)
            done(job, now)

            counted = Job.objects.get(pk=job.pk)
            moved = len(shown.joining) + len(shown.leaving)
            assert (moved, shown.nothing_to_do, shown.not_done) == (counted.done, counted.unchanged, counted.failed)
            changed = {person.pk for person in before ^ members(cast.sales)}
            assert changed == {*shown.joining, *shown.leaving}
            told = job.rows.filter(state=RowState.FAILED).order_by("number").values_list("number", "outcome")
            assert [(line.number, line.sentence) for line in shown.troubles] == list(told)


def test_those_whose_settings_change_are_counted_and_named(cast: Cast, now: datetime) -> None:
    enabled = declare.by_key("integrations.enabled")
    assert enabled is not None
    choose(enabled, False, at=cast.sales, actor=cast.dana, now=now)
    choose(enabled, True, at=cast.wilhelmina, actor=cast.dana, now=now)
    lines = [(cast.bob.email, "add"), (cast.wilhelmina.email, "add"), (cast.alice.email, "remove")]
    shown = previewed(prepared(cast.sales, cast.dana, now, *lines), cast.sales)

    told = {one.person: one.changes for one in importing.affected(shown, shown.affected)}

    label = enabled.label
    assert shown.changed == 2
    assert told == {cast.bob: (f"{label}: On → Off",), cast.alice: (f"{label}: Off → On",)}


def test_what_would_be_blocked_or_come_back_is_counted_and_named_first(cast: Cast, now: datetime) -> None:
    enabled = declare.by_key("integrations.enabled")
    assert enabled is not None
    choose(enabled, False, at=cast.sales, actor=cast.dana, now=now)
    lines = [(cast.bob.email, "add"), (cast.wilhelmina.email, "add"), (cast.alice.email, "remove")]
    job = prepared(cast.sales, cast.dana, now, *lines)
    asked = _Tied(blocked=cast.wilhelmina, back=cast.alice)

    openings.consequences.append(asked)
    try:
        shown = previewed(job, cast.sales)
    finally:
        openings.consequences.remove(asked)

    assert (shown.ends, shown.changed) == (1, 3)
    assert importing.Tally(("tie", "ties"), ("cut", "cut"), 1, 1, "For good.") in shown.tallies
    assert shown.affected[0] == cast.wilhelmina.pk
    told = {one.person: one.moves for one in importing.affected(shown, shown.affected)}
    assert told == {
        cast.wilhelmina: ("Tie cut (off)",),
        cast.alice: ("Tie comes back (on again)",),
        cast.bob: (),
    }


class _Tied:
    """Something that hangs on people, as the floors above register it."""

    sections: tuple[type[Section], ...] = (Integrations,)
    things = ("tie", "ties")
    verb = ("cut", "cut")

    def __init__(self, *, blocked: User, back: User) -> None:
        self.blocked, self.back = blocked, back

    def __call__(self, account: Account, *, people: QuerySet[User] | None, before: Facts, after: Facts) -> Outcome:
        assert people is not None
        here = set(people.values_list("pk", flat=True))
        ends = [Effect(self.blocked.pk, "w@tied.example", "off")] if self.blocked.pk in here else []
        returns = [Effect(self.back.pk, "a@tied.example", "on again")] if self.back.pk in here else []
        return Outcome(tuple(ends), tuple(returns), note="For good." if ends else "")


def test_a_preview_changes_nothing(cast: Cast, now: datetime) -> None:
    job = prepared(cast.sales, cast.dana, now, (cast.bob.email, "add"))
    before = AuditEntry.objects.count()

    previewed(job, cast.sales)

    assert members(cast.sales) == {cast.gus, cast.alice}
    assert AuditEntry.objects.count() == before
    assert outcomes(job) == [""]


def _queries(do: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        do()
    return len(captured)


def test_a_preview_and_a_batch_cost_the_same_for_few_and_for_many(cast: Cast, now: datetime) -> None:
    ops = groups.create(account=cast.kestrel, name="Ops", actor=cast.dana, now=now)
    people = crowd(cast.kestrel, jobs.BATCH)
    crowd_in = people[: jobs.BATCH // 2]
    Membership.objects.bulk_create(Membership(group=ops, user=person) for person in crowd_in)
    lines = [(person.email, "remove" if person in crowd_in else "add") for person in people]
    few = prepared(ops, cast.dana, now, lines[0], lines[-1])
    of_few = _queries(lambda: previewed(few, ops)), _queries(lambda: done(few, now))

    many = prepared(ops, cast.dana, now, *lines[1:-1])
    of_many = _queries(lambda: previewed(many, ops)), _queries(lambda: done(many, now))

    assert of_many[0] == of_few[0]
    # SQLite takes long INSERTs in pieces.
    assert of_many[1] - of_few[1] <= (4 if connection.vendor == "sqlite" else 0)
    assert Job.objects.get(pk=many.pk).done == jobs.BATCH - 2


def test_a_list_longer_than_one_statement_takes_is_previewed_whole(cast: Cast, now: datetime) -> None:
    people = crowd(cast.kestrel, importing.AT_ONCE + 10)
    enabled = declare.by_key("integrations.enabled")
    assert enabled is not None
    choose(enabled, False, at=cast.sales, actor=cast.dana, now=now)
    job = prepared(cast.sales, cast.dana, now, *((person.email, "add") for person in people))

    shown = previewed(job, cast.sales)

    assert (len(shown.joining), shown.changed, len(shown.affected)) == (len(people),) * 3
    assert [one.person.pk for one in importing.affected(shown, shown.affected)] == sorted(p.pk for p in people)


@pytest.mark.django_db(transaction=True)
def test_two_lists_of_the_same_people_at_once_wait_for_each_other(cast: Cast, now: datetime) -> None:
    people = crowd(cast.kestrel, 2 * jobs.BATCH)
    ops = groups.create(account=cast.kestrel, name="Ops", actor=cast.dana, now=now)
    lines = [(person.email, "add") for person in people]
    same = [prepared(cast.sales, by, now, *order) for by, order in ((cast.dana, lines), (cast.gus, lines[::-1]))]
    others = importing.prepare(ops, table(*lines), by=cast.bob, back="/", now=now)
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    begun = [*same, others]
    for job in begun:
        importing.confirm(job, reason="", now=now)
    problems: list[BaseException] = []

    def work(job: Job) -> None:
        try:
            jobs.work_on(job.pk, now=now)
        except BaseException as problem:  # noqa: BLE001  handed to the test
            problems.append(problem)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, args=(job,)) for job in begun]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert problems == []
    first, second = (Job.objects.get(pk=job.pk) for job in same)
    assert (first.done + second.done, first.unchanged + second.unchanged) == (len(people),) * 2
    assert Membership.objects.filter(user__in=people).count() == 2 * len(people)
    assert Membership.objects.filter(user__in=people, is_primary=True).count() == len(people)
