"""What became of each row of a job, for its page and its download."""

from __future__ import annotations

from collections.abc import Iterator

from accounts import job_kinds, jobs
from accounts.jobs import Result
from accounts.models import Job, JobRow, JobState, RowState

READ_AT_ONCE = 2000


def headings(job: Job) -> list[str]:
    number = "Line" if job_kinds.row_words(job.kind) is job_kinds.LINES else "No."
    return [number, *jobs.fields(job).values(), "Outcome", "What happened"]


def report(job: Job) -> Iterator[list[object]]:
    """Every row, beneath `headings`; read from the database as it is read here."""
    for row in job.rows.order_by("number").iterator(READ_AT_ONCE):
        result = _told(job, row)
        yield [row.number, *cells(job, row), result.state.label, result.outcome]


def cells(job: Job, row: JobRow) -> list[object]:
    return [row.given.get(name, "") for name in jobs.fields(job)]


def _told(job: Job, row: JobRow) -> Result:
    """Rows that the end of the job overtook are not written again: there may be very many."""
    if row.state == RowState.WAITING and job.state == JobState.CANCELLED:
        return Result(RowState.FAILED, "Not done: stopped before its turn came.")
    if row.state == RowState.WAITING and job.state == JobState.FAILED:
        return Result(RowState.FAILED, "Not done: trouble ended the work before its turn came.")
    return Result(RowState(row.state), row.outcome)
