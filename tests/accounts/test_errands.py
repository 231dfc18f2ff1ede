"""Rows that need the network: several at once, each counted once, whatever dies or dawdles on the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.db import OperationalError, connection, connections
from django.utils import timezone

from accounts import errands, job_reports, jobs
from accounts.jobs import Line, Result
from accounts.models import AuditEntry, Job, JobRow, JobState, RowState, User

pytestmark = pytest.mark.django_db(transaction=True)

LAPSED = 2 * jobs.CLAIM
DONE = Result(RowState.DONE, "It answered.")
DAWDLE = 0.15  # seconds


class _Errands:
    """What the rows of a test do, by their name; and what was seen while they did it."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.in_transaction = False
        self.most_at_once = self._at_once = 0
        self.do: Callable[[str], Result] = lambda name: DONE
        self._lock = threading.Lock()

    def __call__(self, job: Job, row: JobRow, *, now: datetime) -> Result:
        name = row.given["name"]
        with self._lock:
            self.asked[name] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.in_transaction |= connection.in_atomic_block
        JobRow.objects.filter(pk=row.pk).exists()  # a connection of its own
        try:
            return self.do(name)
        finally:
            with self._lock:
                self._at_once -= 1


@pytest.fixture
def seen() -> _Errands:
    made = _Errands()
    jobs.declare("test-errand", errand=made, shown={"name": "Name"})
    return made


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def started(by: User, now: datetime, names: Sequence[str], **more: Any) -> Job:
    rows = (Line(number, {"name": name}) for number, name in enumerate(names, start=1))
    kind = more.pop("kind", "test-errand")
    return jobs.start(by.account, kind=kind, title="Ask all", rows=rows, by=by, back="/", now=now, arguments=more)


def many(number: int) -> list[str]:
    return [f"r{n}" for n in range(number)]


def again(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def dawdling(_: str) -> Result:
    time.sleep(DAWDLE)
    return DONE


def in_a_thread(do: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            do()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_every_row_is_asked_once_and_outside_any_transaction(dana: User, now: datetime, seen: _Errands) -> None:
    job = started(dana, now, many(20))

    assert jobs.work_on(job.pk, now=now) is False

    ended = again(job)
    assert (ended.state, ended.done, ended.waiting, ended.claimed_until) == (JobState.DONE, 20, 0, None)
    assert seen.asked == Counter(many(20))
    assert not seen.in_transaction
    assert AuditEntry.objects.get(action=jobs.ENDED).after == {"done": 20, "nothing_to_do": 0, "not_done": 0}


def test_eight_are_asked_at_once_and_no_more(dana: User, now: datetime, seen: _Errands) -> None:
    seen.do = dawdling
    job = started(dana, now, many(2 * errands.AT_ONCE))
    began = time.monotonic()

    jobs.work_on(job.pk, now=now)

    assert seen.most_at_once == errands.AT_ONCE == 8
    assert time.monotonic() - began < DAWDLE * 2 * errands.AT_ONCE


def test_its_threads_end_with_the_turn_and_leave_no_connection(dana: User, now: datetime, seen: _Errands) -> None:
    job = started(dana, now, many(20))
    before = _backends() if connection.vendor == "postgresql" else 0  # other tests' servers may be among them

    jobs.work_on(job.pk, now=now)

    assert [thread for thread in threading.enumerate() if thread.name == "errand"] == []
    if connection.vendor == "postgresql":
        until(lambda: _backends() <= before)


def _backends() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_each_result_is_told_as_the_row_gave_it(dana: User, now: datetime, seen: _Errands) -> None:
    told = {
        "good": DONE,
        "bad": Result(RowState.FAILED, "Microsoft refused. " + "x" * 400),
        "same": Result(RowState.UNCHANGED, "As before."),
    }
    seen.do = lambda name: told[name]
    job = started(dana, now, list(told))

    jobs.work_on(job.pk, now=now)

    assert (again(job).done, again(job).failed, again(job).unchanged) == (1, 1, 1)
    assert [line[1:] for line in job_reports.report(again(job))] == [
        ["good", "Done", "It answered."],
        ["bad", "Not done", ("Microsoft refused. " + "x" * 400)[:300]],
        ["same", "Nothing to do", "As before."],
    ]


def test_trouble_of_ours_with_one_row_does_not_keep_the_others_from_it(
    dana: User, now: datetime, seen: _Errands
) -> None:
    def do(name: str) -> Result:
        if name == "r3":
            raise ValueError("a mistake of ours")
        return DONE

    seen.do = do
    job = started(dana, now, many(9))

    jobs.work_on(job.pk, now=now)

    assert (again(job).state, again(job).done, again(job).failed) == (JobState.DONE, 8, 1)
    assert job.rows.get(state=RowState.FAILED).outcome == errands.TROUBLE.outcome


def test_a_database_that_goes_away_leaves_the_row_to_the_next_worker(dana: User, now: datetime, seen: _Errands) -> None:
    def do(name: str) -> Result:
        if name == "r3" and seen.asked[name] == 1:
            raise OperationalError("server closed the connection")
        return DONE

    seen.do = do
    job = started(dana, now, many(9))
    with pytest.raises(OperationalError):
        jobs.work_on(job.pk, now=now)
    assert again(job).state == JobState.RUNNING

    jobs.work_on(job.pk, now=now + LAPSED)

    assert (again(job).state, again(job).done, again(job).failed) == (JobState.DONE, 9, 0)


@pytest.mark.parametrize("where", ["r0", "r7", "r20", "r39"])
def test_a_killed_workers_job_goes_on_with_the_rows_that_are_not_done(
    dana: User, now: datetime, tmp_path: Path, where: str
) -> None:
    """A worker in a process of its own, killed while it asks for one row."""
    asked = tmp_path / "asked"
    jobs.declare("test-deadly", errand=_deadly, shown={"name": "Name"})
    job = started(dana, now, many(40), kind="test-deadly", asked=str(asked), deadly=where)

    assert _in_a_process(lambda: jobs.work_on(job.pk, now=now)) == -signal.SIGKILL

    left = again(job)
    assert left.state == JobState.RUNNING
    assert left.done == job.rows.filter(state=RowState.DONE).count() < 40
    assert jobs.to_work_on(now=now) == []
    Job.objects.filter(pk=job.pk).update(arguments={"asked": str(asked), "deadly": ""})
    jobs.work_on(job.pk, now=timezone.now() + LAPSED)
    ended = again(job)
    assert (ended.state, ended.done, ended.waiting) == (JobState.DONE, 40, 0)
    counts = Counter(asked.read_text().split())
    assert set(counts) == set(many(40))
    # Only those on their way when it died, and those whose answer it had not yet written down.
    assert sum(counts.values()) == 40 + sum(1 for count in counts.values() if count == 2)
    assert max(counts.values()) <= 2


def _deadly(job: Job, row: JobRow, *, now: datetime) -> Result:
    name = row.given["name"]
    with Path(job.arguments["asked"]).open("a") as asked:
        asked.write(f"{name}\n")
    if name == job.arguments["deadly"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return DONE


def _in_a_process(do: Callable[[], object]) -> int:
    """How it ended. Its database connections are its own: what it inherits it never touches, for a session that two
    processes share stays in the transaction in which one of them was killed."""
    connections.close_all()
    child = os.fork()
    if not child:
        connections._connections = Local()  # type: ignore[attr-defined]  # where Django keeps those of a thread
        try:
            do()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def test_a_row_that_kills_every_worker_ends_the_job(dana: User, now: datetime, tmp_path: Path) -> None:
    jobs.declare("test-deadly", errand=_deadly, shown={"name": "Name"})
    job = started(dana, now, many(3), kind="test-deadly", asked=str(tmp_path / "asked"), deadly="r1")
    moment = now
    # The first may get something done; then nobody gets on.
    for _ in range(2 * jobs.ATTEMPTS):
        if again(job).attempts == jobs.ATTEMPTS:
            break
        moment += LAPSED
        _in_a_process(lambda: jobs.work_on(job.pk, now=moment))  # noqa: B023  ended before the next moment

    assert jobs.work_on(job.pk, now=moment + LAPSED) is False

    assert again(job).state == JobState.FAILED
    assert job.rows.get(given__name="r1").state == RowState.WAITING


def test_slow_answers_do_not_lose_the_claim(
    dana: User, now: datetime, seen: _Errands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is shortened: the claim is looked after every few milliseconds, and the answer waits until it was seen."""
    monkeypatch.setattr(errands, "HOLD_EVERY", timedelta(milliseconds=20))
    go_on = threading.Event()

    def do(_: str) -> Result:
        go_on.wait(10)
        return DONE

    seen.do = do
    job = started(dana, now, many(1))
    worker = in_a_thread(lambda: jobs.work_on(job.pk, now=now))
    try:
        until(lambda: bool(seen.asked))
        first = again(job).claimed_until or now
        until(lambda: (again(job).claimed_until or now) > first)
    finally:
        go_on.set()
        worker.join()

    assert again(job).done == seen.asked.total() == 1


def test_two_workers_at_once_ask_every_row_once(dana: User, now: datetime, seen: _Errands) -> None:
    seen.do = dawdling
    job = started(dana, now, many(24))

    workers = [in_a_thread(lambda: jobs.work_on(job.pk, now=now)) for _ in range(3)]
    for worker in workers:
        worker.join()

    assert seen.asked == Counter(many(24))
    assert again(job).done == 24


def test_a_row_that_two_workers_asked_is_counted_once(dana: User, now: datetime, seen: _Errands) -> None:
    """The first is so slow that its claim is taken for lapsed; then both come with their answers."""
    go_on = threading.Event()
    answers = iter([Result(RowState.DONE, "The second."), Result(RowState.FAILED, "The first.")])

    def do(_: str) -> Result:
        if seen.asked.total() == 1:
            go_on.wait(10)
        return next(answers)

    seen.do = do
    job = started(dana, now, many(1))
    first = in_a_thread(lambda: jobs.work_on(job.pk, now=now))
    until(lambda: bool(seen.asked))

    jobs.work_on(job.pk, now=now + LAPSED)
    go_on.set()
    first.join()

    ended = again(job)
    assert seen.asked.total() == 2
    assert (ended.state, ended.done, ended.failed, ended.handled) == (JobState.DONE, 1, 0, 1)
    assert job.rows.get().outcome == "The second."
    assert AuditEntry.objects.filter(action=jobs.ENDED).count() == 1


def test_stopped_no_further_row_is_asked_and_those_on_their_way_are_told(
    dana: User, now: datetime, seen: _Errands
) -> None:
    go_on = threading.Event()

    def do(_: str) -> Result:
        go_on.wait(10)
        return DONE

    seen.do = do
    job = started(dana, now, many(30))
    worker = in_a_thread(lambda: jobs.work_on(job.pk, now=now))
    until(lambda: seen.asked.total() == errands.AT_ONCE)

    jobs.cancel(job, actor=dana, now=now)
    go_on.set()
    worker.join()

    assert seen.asked.total() < 30
    stopped = again(job)
    assert stopped.state == JobState.CANCELLED
    assert stopped.done == seen.asked.total()
    assert list(job_reports.report(stopped))[-1][3] == "Not done: stopped before its turn came."


def test_one_turn_is_short_and_leaves_the_rest_to_the_next(dana: User, now: datetime, seen: _Errands) -> None:
    seen.do = dawdling
    job = started(dana, now, many(30))

    assert jobs.work_on(job.pk, now=now, turn=timedelta(seconds=DAWDLE / 2)) is True

    assert 0 < again(job).done == seen.asked.total() < 30
    assert again(job).claimed_until is None
    assert jobs.to_work_on(now=now) == [job.pk]


def test_a_job_without_rows_simply_ends(dana: User, now: datetime, seen: _Errands) -> None:
    job = started(dana, now, [])

    jobs.work_on(job.pk, now=now)

    assert again(job).state == JobState.DONE


def test_a_kind_is_either_work_or_an_errand() -> None:
    with pytest.raises(ValueError, match="either work on batches or an errand"):
        jobs.declare("test-neither", shown={})
