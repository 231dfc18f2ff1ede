"""What a client did before, as far as a remark needs it. In memory, bounded, digests instead of tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

KEPT = 2000
# From this many answers 401 to the same access token it is no race any more.
MANY = 3

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dictionary of the last so many keys that were set."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._lock = Lock()
        self._held: dict[K, V] = {}

    def swap(self, key: K, value: V) -> V | None:
        """Set it; what it was before."""
        with self._lock:
            before = self._held.pop(key, None)
            self._held[key] = value
            if len(self._held) > self._most:
                del self._held[next(iter(self._held))]
            return before

    def find(self, key: K) -> V | None:
        with self._lock:
            return self._held.get(key)

    def __iter__(self) -> Iterator[K]:
        with self._lock:
            return iter(list(self._held))

    def drop(self, key: K) -> None:
        with self._lock:
            self._held.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._held.clear()


@dataclass(frozen=True)
class _Issued:
    at: datetime
    until: datetime


def refreshed(app: str, who: str, scope: str, *, seconds: int, now: datetime) -> str:
    """A token was given for a refresh token: a remark if the last one had more than half its time before it."""
    last = _issued.swap((app, who, scope), _Issued(now, now + timedelta(seconds=seconds)))
    if last is None or last.until - now < (last.until - last.at) / 2:
        return ""
    return (
        f"Refreshed a token that was still fresh: the one from {_span(now - last.at)} ago is good for "
        f"{_span(last.until - now)} more. Keep it and use it again."
    )


def was_refused(app: str, who: str) -> None:
    """After a 401 a new token is what is wanted."""
    for key in list(_issued):
        if key[:2] == (app, who):
            _issued.drop(key)


def used_refresh_token(token: str) -> str:
    """A remark if the same one was used before."""
    if _used.swap(_digest(token), True) is None:
        return ""
    return (
        "Used a refresh token a second time. Each answer brings a newer one: store it, and use that. (Entra lets the "
        "old one live; strict rotation would not.)"
    )


def refused_token(token: str) -> str:
    """After an answer 401: a remark from the third one on."""
    digest = _digest(token)
    times = (_refusals.swap(digest, 0) or 0) + 1
    _refusals.swap(digest, times)
    if times < MANY:
        return ""
    return f"The same access token was refused with 401 for the {_ordinal(times)} time. Get a new one instead."


def clear() -> None:
    for memory in (_issued, _used, _refusals):
        memory.clear()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _span(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


_issued: Recent[tuple[str, str, str], _Issued] = Recent()
_used: Recent[str, bool] = Recent()
_refusals: Recent[str, int] = Recent()
