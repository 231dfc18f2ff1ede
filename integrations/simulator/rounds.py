"""What is done every hour, and at the start: carry on, forget, give space back, renew."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from integrations.simulator import certificates
from integrations.simulator.entra import forgetting
from integrations.simulator.graph import trimming
from integrations.simulator.place import Place
from integrations.simulator.seeds import loader

# Of 4 KiB: at once no more than a request can wait for.
PAGES_AT_ONCE = 20_000


def go(place: Place, *, now: datetime) -> bool:
    """Whether there is a new server certificate to be loaded."""
    loader.top_up(now=now)
    forget(now=now)
    return certificates.ensure(place.data, names=place.names, now=now)


def forget(*, now: datetime) -> None:
    """What can no longer change any answer; its space goes back to the disk."""
    forgetting.forget(now=now)
    trimming.trim()
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
