"""What a provider publishes, kept for an hour; and for a day where it cannot be read anew: a provider whose
description cannot be read for a moment is not down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache

from accounts.single_sign_on import wire
from accounts.single_sign_on.causes import Refused

FRESH = timedelta(hours=1)
STALE = timedelta(days=1)
AGAIN = 30  # seconds between two readings out of turn

Sound = Callable[[dict[str, Any]], object]


def read(url: str, *, what: str, sound: Sound, now: datetime) -> dict[str, Any]:
    """The JSON object there, or as it was when it was read last. Raises Refused, as `sound` does of what is not worth
    keeping."""
    kept = cache.get(_key(url))
    if kept and 0 <= now.timestamp() - kept["at"] < FRESH.total_seconds():
        return dict(kept["document"])
    if kept and not cache.add(_key(url, "tried"), 1, AGAIN):
        return dict(kept["document"])
    try:
        return read_anew(url, what=what, sound=sound, now=now)
    except Refused:
        if kept:
            return dict(kept["document"])
        raise


def read_anew(url: str, *, what: str, sound: Sound, now: datetime) -> dict[str, Any]:
    found = wire.get(url, what=what)
    sound(found)
    cache.set(_key(url), {"at": now.timestamp(), "document": found}, STALE.total_seconds())
    return found


def may_read_out_of_turn(url: str) -> bool:
    """Once in a while only: whoever sends us answers with invented keys must not make us ask the provider each time."""
    return bool(cache.add(_key(url, "again"), 1, AGAIN))


def _key(url: str, of: str = "document") -> str:
    return f"single-sign-on:{of}:{hashlib.sha256(url.encode()).hexdigest()}"
