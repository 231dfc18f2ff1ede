"""Why a connection does not work, step by step from a closed list, and the one thing that helps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """`state` is done, failed, skipped or unknown."""

    name: str
    state: str
    says: str
    explains: str = ""
