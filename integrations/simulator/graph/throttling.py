"""How much one application may ask of one mailbox: 10,000 requests in ten minutes, four at a time.

In memory, as one process serves all; what was counted longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from integrations.simulator.graph import errors

REMEMBERED = 5000
# Somebody else's request is over soon.
SOON = 1

Key = tuple[UUID, UUID]
"""An application's client id and a person's object id."""


@dataclass(frozen=True)
class Limits:
    requests: int = 10_000
    seconds: int = 600
    concurrent: int = 4


@dataclass(slots=True)
class _Window:
    ends: datetime
    count: int = 0


def limits(*, requests: int | None = None, seconds: int | None = None, concurrent: int | None = None) -> Limits:
    """Those in force; what is named is changed, and counting begins anew."""
    global _limits
    with _lock:
        if requests is None and seconds is None and concurrent is None:
            return _limits
        _limits = Limits(
            requests=_limits.requests if requests is None else requests,
            seconds=_limits.seconds if seconds is None else seconds,
            concurrent=_limits.concurrent if concurrent is None else concurrent,
        )
        _windows.clear()
        return _limits


def as_documented() -> None:
    """Microsoft's own numbers, and nothing counted yet."""
    usual = Limits()
    limits(requests=usual.requests, seconds=usual.seconds, concurrent=usual.concurrent)


@contextmanager
def slot(key: Key | None, *, now: datetime) -> Iterator[None]:
    """One of the places for this application at this mailbox; None is no mailbox, and not limited."""
    if key is None:
        yield
        return
    _enter(key, now)
    try:
        yield
    finally:
        _leave(key)


def _enter(key: Key, now: datetime) -> None:
    with _lock:
        _count(key, now)
        if _busy.get(key, 0) >= _limits.concurrent:
            raise errors.over_the_limit(SOON).because(
                f"{_limits.concurrent} requests of this application to this mailbox are being answered already."
            )
        _busy[key] = _busy.get(key, 0) + 1


def _leave(key: Key) -> None:
    with _lock:
        _busy[key] -= 1
        if not _busy[key]:
            del _busy[key]


def _count(key: Key, now: datetime) -> None:
    window = _windows.get(key)
    if window is None or window.ends <= now:
        window = _windows[key] = _Window(now + timedelta(seconds=_limits.seconds))
    _windows.move_to_end(key)
    while len(_windows) > REMEMBERED:
        _windows.popitem(last=False)
    if window.count >= _limits.requests:
        wait = max(1, -int((now - window.ends).total_seconds() // 1))
        raise errors.over_the_limit(wait, which="Mailbox").because(
            f"{_limits.requests} requests in {_limits.seconds} seconds are all that one mailbox answers an application."
        )
    window.count += 1


_lock = Lock()
_limits = Limits()
_windows: OrderedDict[Key, _Window] = OrderedDict()
_busy: dict[Key, int] = {}
"""How many are being answered: never more entries than threads."""
