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


class Parcel(Protocol):
    """An errand for up to PARCEL rows at once, where the outside takes many questions in one, and what is written down
    costs little more for many than for one; answers one for each row.

    It bounds its own time, and doing it twice must do no more than doing it once, as an errand's.
    """

    def __call__(self, job: Job, rows: Sequence[JobRow], *, now: datetime) -> Sequence[Result]: ...


PARCEL = 100

_works: dict[str, Work] = {}
_errands: dict[str, Errand] = {}
_parcels: dict[str, Parcel] = {}
_shown: dict[str, Mapping[str, str]] = {}
_rows: dict[str, RowWords] = {}


def declare(
    name: str,
    *,
    shown: Mapping[str, str],
    work: Work | None = None,
    errand: Errand | None = None,
    parcel: Parcel | None = None,
    rows: RowWords = LINES,
) -> str:
    """Make a kind of job known, where workers import it: work on batches, an errand for each row, or for a parcel of
    them. `shown`: the fields of `given` that the report shows, with their headings. Returns its name, for `start` and
    `prepare`."""
    if sum(way is not None for way in (work, errand, parcel)) != 1:
        raise ValueError(f"{name} is either work on batches or an errand for each row, or for each parcel of them")
    if work:
        _works[name] = work
    if errand:
        _errands[name] = errand
    if parcel:
        _parcels[name] = parcel
    _shown[name], _rows[name] = shown, rows
    return name


def work_of(job: Job) -> Work:
    return _works[job.kind]


def errand_of(job: Job) -> Errand | None:
    return _errands.get(job.kind)


def parcel_of(job: Job) -> Parcel | None:
    return _parcels.get(job.kind)


def fields(kind: str) -> Mapping[str, str]:
    """The fields of `given` that people are shown, with their headings. Raises KeyError for no kind of ours."""
    return _shown[kind]


def row_words(kind: str) -> RowWords:
    return _rows[kind]
