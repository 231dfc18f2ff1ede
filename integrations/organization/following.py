"""An organisation's people against its directory: who is new, who was renamed, who left, whom the settings name now."""

from __future__ import annotations

from datetime import datetime


def follow(link_id: int, *, now: datetime) -> None:
    """Look once, and write down only what has changed. Raises nothing that belongs to Microsoft."""
