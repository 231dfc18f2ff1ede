"""What is inside `$skiptoken` and `$deltatoken`: sealed, so that nobody reads or makes one.

The key lies in the data directory: links outlive a restart, and are worth nothing at another simulator.
"""

from __future__ import annotations

import base64
import json
import os
from binascii import Error as NotBase64
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Literal, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integrations.simulator import certificates, place

# Outlook's have no fixed lifetime; an unused one does not live for ever.
LIFETIME = timedelta(days=30)
_NONCE = 12

Kind = Literal["skip", "delta"]


class Cursor(NamedTuple):
    """How far a round has come: see `delta_items` for the stages and what the numbers count in each."""

    stage: int = 0
    major: int = 0
    minor: int = 0
    day: str = ""


@dataclass(frozen=True)
class State:
    kind: Kind
    calendar: int
    first: str
    """The window, in ISO 8601."""
    last: str
    since: int
    """Changes up to this number are known to the client; 0 at the first round."""
    until: int
    """The round tells of changes up to this number; what changes meanwhile belongs to the next round."""
    generation: int
    issued: float
    aged: int
    """By how much the tenant had been aged when it was issued."""
    cursor: Cursor = Cursor()

    @property
    def window(self) -> tuple[datetime, datetime]:
        return datetime.fromisoformat(self.first), datetime.fromisoformat(self.last)

    def is_too_old(self, *, now: datetime, aged: int) -> bool:
        return now.timestamp() - self.issued + aged - self.aged > LIFETIME.total_seconds()

    def after(self, cursor: Cursor, *, now: datetime, aged: int) -> State:
        return replace(self, kind="skip", cursor=cursor, issued=now.timestamp(), aged=aged)

    def done(self, *, now: datetime, aged: int) -> State:
        return replace(self, kind="delta", cursor=Cursor(), issued=now.timestamp(), aged=aged)

    def next_round(self, until: int) -> State:
        return replace(self, since=self.until, until=until, cursor=Cursor())


def seal(state: State) -> str:
    return seal_text(json.dumps(asdict(state), separators=(",", ":")))


def unseal(token: str) -> State | None:
    """None for what was not sealed here, or was changed on the way."""
    text = unseal_text(token)
    kept = json.loads(text) if text is not None else None
    # Exchange's sync states are sealed alike, and are no tokens.
    if kept is None or "cursor" not in kept:
        return None
    return State(**{**kept, "cursor": Cursor(*kept["cursor"])})


def seal_text(text: str) -> str:
    nonce = os.urandom(_NONCE)
    return base64.urlsafe_b64encode(nonce + _cipher().encrypt(nonce, text.encode(), None)).decode().rstrip("=")


def unseal_text(token: str) -> str | None:
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()
    except (NotBase64, ValueError, InvalidTag):
        return None


def _cipher() -> AESGCM:
    with _making:
        return _cipher_of(place.here().data / "delta-key")


@lru_cache(maxsize=4)
def _cipher_of(path: Path) -> AESGCM:
    if not path.exists():
        certificates.write_private(path, AESGCM.generate_key(256))
    return AESGCM(path.read_bytes())


# The key is made once, by whoever comes first.
_making = Lock()
