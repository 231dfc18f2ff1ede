"""A process that refreshes whatever is due, both ways there are: the fleet's, and one connection at a time.

`python -m tests.soaks.refresher IN_FLIGHT STOP_FILE BEGUN_FILE`: until the first file is there, or it is killed;
the second says that it has begun.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import django

SINGLES = 2  # threads that refresh one connection at a time


def main(in_flight: int, stop: Path, begun: Path) -> None:
    django.setup()
    from integrations import refreshing

    refreshing.IN_FLIGHT = in_flight - SINGLES
    refreshing.TURN = timedelta(seconds=2)
    begun.touch()
    singles = [threading.Thread(target=_until, args=(stop, _one), daemon=True) for _ in range(SINGLES)]
    for thread in singles:
        thread.start()
    _until(stop, _turn)
    for thread in singles:
        thread.join()


def _until(stop: Path, work: Callable[[], None]) -> None:
    from django.db import DatabaseError, connection

    while not stop.exists():
        try:
            work()
        except DatabaseError:  # SQLite, when too many write at once
            connection.close()
        time.sleep(0.02)
    connection.close()


def _turn() -> None:
    from django.utils import timezone

    from integrations import refreshing

    refreshing.refresh_due(now=timezone.now())


def _one() -> None:
    """Any, whether its time has come or not: as a page or a check does it."""
    from django.utils import timezone

    from integrations import tokens
    from integrations.models import ALIVE, Connection

    pks = list(Connection.objects.filter(state__in=ALIVE).values_list("pk", flat=True))
    chosen = Connection.objects.select_related("user__account").filter(pk=random.choice(pks)).first()  # noqa: S311
    if chosen:
        tokens.refresh(chosen, now=timezone.now())


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
