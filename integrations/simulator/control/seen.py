"""The request log: who asked what, what was answered, why, and what a client could do better.

In memory, as one process serves all: the last 1,000 entries, each of bounded size. No token, code, secret, password
or body is ever part of it: paths are cleaned (`paths.py`), and what is said of a request is said in sentences.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

from django.http import HttpRequest

KEPT = 1000
LONGEST_SENTENCE = 400
LONGEST_NAME = 120
LONGEST_PATH = 300
MOST_REMARKS = 5
MOST_WAITS = 2000
# Clocks and networks are not exact: who comes back half a second early did wait.
GRACE = timedelta(milliseconds=500)


@dataclass(frozen=True)
class Entry:
    number: int
    at: datetime
    kind: str
    """token, graph, ews, sign_in, other (discovery, keys), dns; notice: what the simulator sends; trainer: actions."""
    method: str
    path: str
    operation: str
    """The grant type of a token request, the operation of Exchange Web Services; else empty."""
    status: int
    """0: the connection was reset, or (of an action, and of DNS, which has codes) there is none."""
    code: str
    why: str
    remarks: tuple[str, ...]
    who: str
    """A sign-in name, or the object id in a token."""
    app: str
    """A client id, or a name."""
    tenant: str
    took_ms: int


@dataclass
class Notes:
    """What is said about one request while it is being answered."""

    why: str = ""
    who: str = ""
    app: str = ""
    tenant: str = ""
    code: str = ""
    operation: str = ""
    remarks: list[str] = field(default_factory=list)


def explain(
    request: HttpRequest,
    *,
    why: str = "",
    who: object = "",
    app: object = "",
    tenant: object = "",
    code: object = "",
    operation: str = "",
) -> None:
    """Say why this answer, in a sentence, and who asked. What is left empty stays as it was said before."""
    notes = notes_of(request)
    notes.why = why[:LONGEST_SENTENCE] or notes.why
    notes.who = _name(who) or notes.who
    notes.app = _name(app) or notes.app
    notes.tenant = _name(tenant) or notes.tenant
    notes.code = _name(code) or notes.code
    notes.operation = _name(operation) or notes.operation


def remark(request: HttpRequest, text: str) -> None:
    """A mistake of the client, in a sentence that says what would be right."""
    remarks = notes_of(request).remarks
    if text not in remarks and len(remarks) < MOST_REMARKS:
        remarks.append(text[:LONGEST_SENTENCE])


def notes_of(request: HttpRequest) -> Notes:
    notes = getattr(request, _NOTES, None)
    if not isinstance(notes, Notes):
        notes = Notes()
        setattr(request, _NOTES, notes)
    return notes


def told_to_wait(key: str, until: datetime) -> None:
    """Whoever asks by this key was answered with `Retry-After`."""
    with _lock:
        _waits.pop(key, None)
        _waits[key] = until
        while len(_waits) > MOST_WAITS:
            _waits.pop(next(iter(_waits)))


def too_early(key: str, *, now: datetime) -> timedelta | None:
    """How much too early this is, if it is; what was waited for is forgotten."""
    with _lock:
        until = _waits.get(key)
        if until is not None and until <= now:
            del _waits[key]
    return until - now if until is not None and until - now > GRACE else None


def record(
    *,
    at: datetime,
    kind: str,
    method: str = "",
    path: str = "",
    operation: str = "",
    status: int = 0,
    notes: Notes,
    took_ms: int = 0,
) -> None:
    with _lock:
        _entries.append(
            Entry(
                number=next(_numbers),
                at=at,
                kind=kind,
                method=method[:LONGEST_NAME],
                path=path[:LONGEST_PATH],
                operation=operation[:LONGEST_NAME],
                status=status,
                code=notes.code,
                why=notes.why,
                remarks=tuple(notes.remarks),
                who=notes.who,
                app=notes.app,
                tenant=notes.tenant,
                took_ms=took_ms,
            )
        )


def sent(
    *, at: datetime, where: str, status: int, why: str, who: object = "", app: object = "", tenant: object = ""
) -> None:
    """A notice that the simulator sent to an application. `where` is the address without its query."""
    notes = Notes(why=why[:LONGEST_SENTENCE], who=_name(who), app=_name(app), tenant=_name(tenant))
    record(at=at, kind="notice", method="POST", path=where, status=status, notes=notes)


def acted(*, at: datetime, what: str, who: object = "", app: object = "", tenant: object = "") -> None:
    """An action of the trainer, so that what follows can be read."""
    notes = Notes(why=what[:LONGEST_SENTENCE], who=_name(who), app=_name(app), tenant=_name(tenant))
    record(at=at, kind="trainer", notes=notes)


def entries(*, since: int = 0) -> Iterator[Entry]:
    """Newest first, those with a greater number than `since`."""
    with _lock:
        kept = list(_entries)
    return (entry for entry in reversed(kept) if entry.number > since)


def clear() -> None:
    """Numbers go on: who follows the log does not miss what comes after."""
    with _lock:
        _entries.clear()
        _waits.clear()


def _name(value: object) -> str:
    return str(value or "")[:LONGEST_NAME]


_NOTES = "simulator_notes"
_lock = Lock()
_numbers = count(1)
_entries: deque[Entry] = deque(maxlen=KEPT)
_waits: dict[str, datetime] = {}
