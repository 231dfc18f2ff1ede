"""Long work: every row once, whatever dies on the way."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import Celery, signature
from celery.signals import before_task_publish
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import audit, deleting, importing, job_reports, jobs, nudging, tasks
from accounts.jobs import Line, Result
from accounts.models import Account, AuditEntry, Group, Job, JobRow, JobState, RowState, User
from accounts.models.audit import MASKED
from config.celery import app

# What the rows of these tests do: each creates a group with its name, so that a row that is done twice or not at
# all is seen. "fail" is refused, "old" was done before; "trouble" brings the worker down.
DONE = Result(RowState.DONE, "Created.")
REFUSED = Result(RowState.FAILED, "This may not be.")
OLD = Result(RowState.UNCHANGED, "Was there.")
LAPSED = 2 * jobs.CLAIM  # so long after a claim, another worker may take the job


class Trouble(Exception):
    pass


def _name_groups(job: Job, rows: Sequence[JobRow], *, now: datetime) -> list[Result]:
    start = Group.objects.count() + 1
    Group.objects.bulk_create(
        Group(account=job.account, name=row.given["name"], rank=start + number, created_at=now)
        for number, row in enumerate(rows)
        if row.given["name"] not in ("fail", "old")
    )
    if any(row.given["name"] == job.arguments.get("trouble_at") for row in rows):
        raise Trouble
    return [{"fail": REFUSED, "old": OLD}.get(row.given["name"], DONE) for row in rows]


KIND = jobs.declare("test-groups", work=_name_groups, shown={"name": "Name"})


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def started(by: User, now: datetime, names: Sequence[str], **more: Any) -> Job:
    rows = (Line(number, {"name": name}) for number, name in enumerate(names, start=1))
    return jobs.start(by.account, kind=KIND, title="Name groups", rows=rows, by=by, back="/", now=now, **more)


def many(number: int) -> list[str]:
    return [f"g{n}" for n in range(number)]


def again(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def failing_at(job: Job, name: str | None) -> None:
    Job.objects.filter(pk=job.pk).update(arguments={"trouble_at": name})


@pytest.mark.django_db
def test_every_row_is_done_and_counted_and_the_end_is_in_the_audit_log(dana: User, now: datetime) -> None:
    job = started(dana, now, [*many(2 * jobs.BATCH), "fail", "old"])

    assert jobs.work_on(job.pk, now=now) is False

    ended = again(job)
    assert (ended.state, ended.done, ended.failed, ended.unchanged, ended.waiting) == ("done", 2 * jobs.BATCH, 1, 1, 0)
    assert ended.ended_at and ended.claimed_until is None
    assert Group.objects.count() == 2 * jobs.BATCH
    entry = AuditEntry.objects.get(action=jobs.ENDED)
    assert entry.actor == dana
    assert entry.after == {"done": 2 * jobs.BATCH, "nothing_to_do": 1, "not_done": 1}
    assert audit.sentence(entry) == "Dana had this done: Name groups."


@pytest.mark.django_db
def test_what_is_known_beforehand_is_not_worked_on(dana: User, now: datetime) -> None:
    rows = [Line(1, {"name": ""}, RowState.FAILED, "No name."), Line(2, {"name": "a"})]
    job = jobs.start(dana.account, kind=KIND, title="Name groups", rows=rows, by=dana, back="/", now=now)

    jobs.work_on(job.pk, now=now)

    assert (again(job).done, again(job).failed) == (1, 1)
    assert list(job_reports.report(again(job))) == [[1, "", "Not done", "No name."], [2, "a", "Done", "Created."]]


@pytest.mark.django_db
def test_a_job_without_rows_simply_ends(dana: User, now: datetime) -> None:
    job = started(dana, now, [])

    jobs.work_on(job.pk, now=now)

    assert again(job).state == JobState.DONE


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["g0", "g199", "g200", "g399", "g450"])
def test_a_worker_that_dies_in_the_middle_loses_nothing_and_doubles_nothing(
    dana: User, now: datetime, where: str
) -> None:
    job = started(dana, now, many(451), arguments={"trouble_at": where})

    with pytest.raises(Trouble):
        jobs.work_on(job.pk, now=now)

    assert Group.objects.count() == again(job).done == job.rows.filter(state=RowState.DONE).count()
    assert again(job).done % jobs.BATCH == 0
    failing_at(job, None)
    jobs.work_on(job.pk, now=now + LAPSED)
    assert Group.objects.count() == again(job).done == 451
    assert again(job).state == JobState.DONE


@pytest.mark.django_db
def test_a_dead_workers_claim_holds_until_it_lapses(dana: User, now: datetime) -> None:
    job = started(dana, now, many(3), arguments={"trouble_at": "g1"})
    with pytest.raises(Trouble):
        jobs.work_on(job.pk, now=now)
    failing_at(job, None)

    jobs.work_on(job.pk, now=now + jobs.CLAIM / 2)

    assert again(job).done == 0
    assert jobs.to_work_on(now=now + jobs.CLAIM / 2) == []
    assert jobs.to_work_on(now=now + LAPSED) == [job.pk]


@pytest.mark.django_db
def test_trouble_at_the_same_place_again_and_again_ends_the_job(dana: User, now: datetime) -> None:
    job = started(dana, now, [*many(jobs.BATCH), "bad", "after"], arguments={"trouble_at": "bad"})
    # The first time it got on: that does not count.
    for attempt in range(1 + jobs.ATTEMPTS):
        with pytest.raises(Trouble):
            jobs.work_on(job.pk, now=now + attempt * LAPSED)

    assert jobs.work_on(job.pk, now=now + (1 + jobs.ATTEMPTS) * LAPSED) is False

    ended = again(job)
    assert (ended.state, ended.done, ended.waiting) == (JobState.FAILED, jobs.BATCH, 2)
    assert [line[2:] for line in job_reports.report(ended)][-2:] == [
        ["Not done", "Not done: trouble ended the work before its turn came."]
    ] * 2
    assert AuditEntry.objects.get(action=jobs.FAILED).after == {"done": 200, "nothing_to_do": 0, "not_done": 2}
    assert jobs.to_work_on(now=now + timedelta(days=1)) == []


@pytest.mark.django_db
def test_progress_forgives_former_attempts(dana: User, now: datetime) -> None:
    job = started(dana, now, many(3), arguments={"trouble_at": "g0"})
    with pytest.raises(Trouble):
        jobs.work_on(job.pk, now=now)
    failing_at(job, None)

    jobs.work_on(job.pk, now=now + LAPSED)

    assert again(job).attempts == 0


@pytest.mark.django_db
def test_one_turn_is_short_and_leaves_the_rest_to_the_next(dana: User, now: datetime) -> None:
    job = started(dana, now, many(3))

    assert jobs.work_on(job.pk, now=now, turn=timedelta(0)) is True

    assert (again(job).done, again(job).claimed_until) == (0, None)
    assert jobs.to_work_on(now=now) == [job.pk]
    jobs.work_on(job.pk, now=now)
    assert again(job).done == 3


@pytest.mark.django_db
def test_a_job_of_another_worker_is_left_alone(dana: User, now: datetime) -> None:
    job = started(dana, now, many(3))
    Job.objects.filter(pk=job.pk).update(claimed_until=now + timedelta(seconds=1))

    assert jobs.work_on(job.pk, now=now) is False

    assert again(job).done == 0


@pytest.mark.django_db
def test_a_job_that_is_gone_is_no_trouble() -> None:
    assert jobs.work_on(uuid.uuid4(), now=timezone.now()) is False


@pytest.mark.django_db
def test_stopped_in_the_middle_the_rest_is_told_as_not_done(dana: User, now: datetime) -> None:
    job = started(dana, now, many(jobs.BATCH + 2), arguments={"trouble_at": f"g{jobs.BATCH}"})
    with pytest.raises(Trouble):
        jobs.work_on(job.pk, now=now)
    failing_at(job, None)

    jobs.cancel(job, actor=dana, now=now)

    jobs.work_on(job.pk, now=now + LAPSED)
    stopped = again(job)
    assert (stopped.state, stopped.done, stopped.waiting) == (JobState.CANCELLED, jobs.BATCH, 2)
    assert list(job_reports.report(stopped))[-1][2:] == ["Not done", "Not done: stopped before its turn came."]
    assert Group.objects.count() == jobs.BATCH
    entry = AuditEntry.objects.get(action=jobs.CANCELLED)
    assert (entry.actor, entry.after) == (dana, {"done": 200, "nothing_to_do": 0, "not_done": 2})
    assert not AuditEntry.objects.filter(action=jobs.ENDED).exists()


@pytest.mark.django_db
def test_what_has_ended_cannot_be_stopped(dana: User, now: datetime) -> None:
    job = started(dana, now, many(1))
    jobs.work_on(job.pk, now=now)

    with pytest.raises(jobs.HasEnded, match="had ended before"):
        jobs.cancel(job, actor=dana, now=now)

    assert again(job).state == JobState.DONE


@pytest.mark.django_db
def test_a_job_whose_starter_is_gone_is_finished_by_meridian(dana: User, alice: User, now: datetime) -> None:
    job = started(alice, now, many(1))
    Job.objects.filter(pk=job.pk).update(by=None)

    jobs.work_on(job.pk, now=now)

    assert AuditEntry.objects.get(action=jobs.ENDED).actor_name == audit.SYSTEM


def prepared(by: User, now: datetime, names: Sequence[str]) -> Job:
    rows = [Line(number, {"name": name}) for number, name in enumerate(names, start=1)]
    return jobs.prepare(by.account, kind=KIND, title="Name groups", rows=rows, by=by, back="/", now=now)


@pytest.mark.django_db
def test_what_is_prepared_does_nothing_before_it_is_confirmed(dana: User, now: datetime) -> None:
    job = prepared(dana, now, many(2))

    jobs.work_on(job.pk, now=now)

    assert jobs.to_work_on(now=now) == []
    assert (again(job).state, Group.objects.count()) == (JobState.PREPARED, 0)


@pytest.mark.django_db
def test_confirmed_twice_it_is_done_once(dana: User, now: datetime) -> None:
    job = prepared(dana, now, many(2))

    jobs.confirm(job, now=now, more={"reason": "Spring"})
    jobs.work_on(job.pk, now=now)
    jobs.confirm(job, now=now)
    jobs.work_on(job.pk, now=now)

    assert (again(job).state, again(job).arguments, Group.objects.count()) == (JobState.DONE, {"reason": "Spring"}, 2)


@pytest.mark.django_db
def test_after_an_hour_it_can_no_longer_be_confirmed(dana: User, now: datetime) -> None:
    job = prepared(dana, now, many(2))

    with pytest.raises(jobs.Expired, match="begin again"):
        jobs.confirm(job, now=now + timedelta(hours=1))

    assert again(job).state == JobState.PREPARED


@pytest.mark.django_db
def test_prepared_anew_the_former_is_gone_and_others_are_kept(dana: User, alice: User, now: datetime) -> None:
    former, others = prepared(dana, now, many(2)), prepared(alice, now, many(2))

    prepared(dana, now, many(3))

    assert not Job.objects.filter(pk=former.pk).exists()
    with pytest.raises(jobs.Expired):
        jobs.confirm(former, now=now)
    jobs.confirm(others, now=now)


@pytest.mark.django_db
def test_old_jobs_are_forgotten_with_their_rows_and_others_kept(dana: User, alice: User, now: datetime) -> None:
    old, fresh, running = (started(dana, now, many(1)) for _ in range(3))
    Job.objects.filter(pk=old.pk).update(state="done", ended_at=now - timedelta(days=30))
    Job.objects.filter(pk=fresh.pk).update(state="done", ended_at=now - timedelta(days=29))
    Job.objects.filter(pk=running.pk).update(created_at=now - timedelta(days=40))
    expired, waiting = prepared(dana, now - timedelta(hours=1), many(1)), prepared(alice, now, many(1))

    tasks.forget_old_jobs()

    assert set(Job.objects.all()) == {fresh, running, waiting}
    assert not JobRow.objects.filter(job__in=[old.pk, expired.pk]).exists()


@pytest.mark.django_db
def test_a_deleted_persons_address_is_in_no_list_any_more(
    dana: User, alice: User, mallory: User, now: datetime
) -> None:
    def listing(by: User) -> Job:
        rows = [Line(1, {"email": alice.email, "name": "a"}), Line(2, {"email": "bob@kestrel.example", "name": "b"})]
        return jobs.start(by.account, kind=KIND, title="Name groups", rows=rows, by=by, back="/", now=now)

    ours, theirs = listing(dana), listing(mallory)

    deleting.delete(alice, actor=dana, now=now)

    assert list(ours.rows.order_by("number").values_list("given__email", flat=True)) == [MASKED, "bob@kestrel.example"]
    assert theirs.rows.get(number=1).given["email"] == alice.email


@pytest.mark.django_db
def test_it_is_silent_once_nothing_has_happened_for_half_a_minute(dana: User, now: datetime) -> None:
    job = started(dana, now, many(1))

    assert not jobs.is_silent(job, now=now + timedelta(seconds=30))
    assert jobs.is_silent(job, now=now + timedelta(seconds=31))
    jobs.work_on(job.pk, now=now + timedelta(seconds=31))
    assert not jobs.is_silent(again(job), now=now + timedelta(days=1))


@pytest.mark.django_db
def test_a_batch_costs_the_same_queries_for_few_rows_and_for_many(
    dana: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    few, full = started(dana, now, many(2)), started(dana, now, [f"h{n}" for n in range(jobs.BATCH)])
    with django_assert_num_queries(_queries_of(lambda: jobs.work_on(few.pk, now=now))):
        jobs.work_on(full.pk, now=now)

    assert again(full).done == jobs.BATCH


def _queries_of(do: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        do()
    return len(captured)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_every_row_once(dana: User, now: datetime) -> None:
    job = started(dana, now, many(5 * jobs.BATCH))
    together = threading.Barrier(4)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            together.wait()
            jobs.work_on(job.pk, now=now)
        except BaseException as problem:  # noqa: BLE001  handed to the test
            problems.append(problem)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert problems == []
    assert Group.objects.count() == again(job).done == 5 * jobs.BATCH
    assert AuditEntry.objects.filter(action=jobs.ENDED).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer: nobody can come in between")
def test_a_worker_whose_claim_lapsed_in_a_batch_keeps_it_and_the_other_waits(dana: User, now: datetime) -> None:
    """The batch of the first holds the job's row; the second finds the renewed claim once it may look."""
    job = started(dana, now, many(3))
    in_the_batch, second_is_there = threading.Event(), threading.Event()
    slow = _Slow(in_the_batch, second_is_there)
    jobs.declare("test-slow", work=slow, shown={"name": "Name"})
    Job.objects.filter(pk=job.pk).update(kind="test-slow")
    first = threading.Thread(target=_in_a_thread, args=(lambda: jobs.work_on(job.pk, now=now),))
    first.start()
    in_the_batch.wait(10)
    # The claim as everybody sees it has lapsed; the batch has renewed it, and is not committed.
    late = now + jobs.CLAIM
    second = threading.Thread(target=_in_a_thread, args=(lambda: jobs.work_on(job.pk, now=late),))
    second.start()
    second.join(0.3)
    had_to_wait = second.is_alive()
    second_is_there.set()
    first.join()
    second.join()

    assert had_to_wait
    assert slow.batches == 1
    assert again(job).done == 3


class _Slow:
    def __init__(self, begun: threading.Event, go_on: threading.Event) -> None:
        self.begun, self.go_on, self.batches = begun, go_on, 0

    def __call__(self, job: Job, rows: Sequence[JobRow], *, now: datetime) -> list[Result]:
        self.batches += 1
        self.begun.set()
        self.go_on.wait(10)
        return [DONE] * len(rows)


def _in_a_thread(do: Callable[[], object]) -> None:
    try:
        do()
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_started_it_is_nudged_once_it_is_committed(dana: User, kestrel: Account, now: datetime) -> None:
    sent: list[dict[str, Any]] = []

    def note(body: Any, headers: Any, **_: object) -> None:
        sent.append({"task": headers["task"], **body[1]})

    before_task_publish.connect(note)
    try:
        job = started(dana, now, many(1))
        later = prepared(dana, now, many(1))
        tasks.work_on_jobs()
    finally:
        before_task_publish.disconnect(note)

    assert sent == [{"task": "accounts.work_on_job", "job_id": str(job.pk)}] * 2
    assert again(later).state == JobState.PREPARED


@pytest.mark.django_db
def test_the_task_takes_its_turn(dana: User, now: datetime) -> None:
    job = started(dana, now, many(3))

    tasks.work_on_job(job_id=str(job.pk))

    assert again(job).state == JobState.DONE


def test_every_nudged_task_is_known_to_the_workers() -> None:
    assert {"accounts.work_on_job", "accounts.work_on_jobs", "accounts.forget_old_jobs"} <= set(app.tasks)


def test_without_redis_a_nudge_is_lost_quickly() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        lost = Celery("lost", broker=f"redis://127.0.0.1:{taken.getsockname()[1]}/0", set_as_current=False)
        lost.conf.broker_transport_options = app.conf.broker_transport_options
        began = time.monotonic()
        lost.set_current()
        try:
            nudging.nudge(signature(jobs.WORK), job_id="6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21")
        finally:
            app.set_current()

    assert time.monotonic() - began < 2


@pytest.mark.django_db
def test_rows_are_stored_as_they_are_given_however_odd(kestrel: Account, dana: User) -> None:
    odd = ["tab\tand\nline", "\\N", "“quoted”", "", "\\.", "{}", "\"'"]
    lines = [jobs.Line(number, {"email": text}, RowState.FAILED, text) for number, text in enumerate(odd, start=1)]

    job = jobs.start(kestrel, kind=importing.KIND, title="Odd", rows=lines, by=dana, back="/", now=timezone.now())

    stored = job.rows.order_by("number").values_list("given", "outcome", "state")
    assert list(stored) == [({"email": text}, text, "failed") for text in odd]
