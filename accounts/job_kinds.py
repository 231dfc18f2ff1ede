"""The kinds of long work, and what the rows of one are: declared where workers import it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from accounts.models import Job, JobRow, RowState


@dataclass(frozen=True)
class Line:
    """A row to be done, or one of which it is known beforehand what becomes of it."""

    number: int
    given: Mapping[str, Any]
    state: RowState = RowState.WAITING
    outcome: str = ""


@dataclass(frozen=True)
class Result:
    state: RowState
    outcome: str


@dataclass(frozen=True)
class RowWords:
    """What a row is called on the page of the job and in its report."""

    one: str
    many: str

    @property
    def counting(self) -> str:
        """For the template filter that chooses between them."""
        return f"{self.one},{self.many}"


LINES, PEOPLE = RowWords("line", "lines"), RowWords("person", "people")


class Work(Protocol):
    """Does a batch of rows, inside the transaction that writes their results down; answers one for each row.

    It works on sets, so that a batch costs the same few queries whatever is in it, and raises for trouble alone:
    what a rule forbids is the result of a row.
    """

    def __call__(self, job: Job, rows: Sequence[JobRow], *, now: datetime) -> Sequence[Result]: ...


class Errand(Protocol):
    """Does one row that needs the network: in a thread of its own, outside any transaction, several at once.

    It bounds its own time. A worker that dies may have done it without a word, and then it is asked again: so doing
    it twice must do no more than doing it once.
    """

    def __call__(self, job: Job, row: JobRow, *, now: datetime) -> Result: ...


_works: dict[str, Work] = {}
_errands: dict[str, Errand] = {}
_shown: dict[str, Mapping[str, str]] = {}
_rows: dict[str, RowWords] = {}


def declare(
    name: str,
    *,
    shown: Mapping[str, str],
    work: Work | None = None,
    errand: Errand | None = None,
    rows: RowWords = LINES,
) -> str:
    """Make a kind of job known, where workers import it: work on batches, or an errand for each row. `shown`: the
    fields of `given` that the report shows, with their headings. Returns its name, for `start` and `prepare`."""
    if (work is None) == (errand is None):
        raise ValueError(f"{name} is either work on batches or an errand for each row")
    if work:
        _works[name] = work
    if errand:
        _errands[name] = errand
    _shown[name], _rows[name] = shown, rows
    return name


def work_of(job: Job) -> Work:
    return _works[job.kind]


def errand_of(job: Job) -> Errand | None:
    return _errands.get(job.kind)


def fields(kind: str) -> Mapping[str, str]:
    """The fields of `given` that people are shown, with their headings. Raises KeyError for no kind of ours."""
    return _shown[kind]


def row_words(kind: str) -> RowWords:
    return _rows[kind]
