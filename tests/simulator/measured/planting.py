"""Plants a crowd and resets it, in a process of its own; says as JSON how long each took.

`python -m tests.simulator.measured.planting DIRECTORY SEED`
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

TOUCHED = 10
TABLE = "simulator_event"
PRAGMAS = (
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA journal_size_limit=16777216",
    "PRAGMA foreign_keys=OFF",
)


def main(directory: Path, seed: Path) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "integrations.simulator.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from integrations.simulator import place
    from integrations.simulator.models import Tenant
    from integrations.simulator.seeds import loader

    database = directory / "simulator.sqlite3"
    place.settle(place.Place(data=directory))
    connection.settings_dict["NAME"] = str(database)
    call_command("migrate", verbosity=0)
    loader.use(seed)
    found: dict[str, float] = {"planted": _seconds(lambda: loader.plant(now=timezone.now()))}
    found["bare"] = _bare(database, directory / "bare.sqlite3")
    found["events"] = _count(database)
    _touch()
    for name in ("reset", "reset again"):
        found[name] = _seconds(lambda: loader.reset(tenant=Tenant.objects.get(), now=timezone.now()))
    assert _count(database) == found["events"], "A reset brings back what was there, no more and no less."
    sys.stdout.write(json.dumps(found))


def _touch() -> None:
    """In every mailbox some events change, through the door that all changes go through, and one goes."""
    from django.utils import timezone

    from integrations.simulator.graph import writing
    from integrations.simulator.models import Calendar

    for calendar in Calendar.objects.select_related("person__tenant"):
        for number, event in enumerate(calendar.events.select_related("calendar__person__tenant")[: TOUCHED + 1]):
            if number:
                writing.change(event, {"subject": f"Changed {number}"}, now=timezone.now())
            else:
                writing.remove(event, now=timezone.now())


def _bare(source: Path, target: Path) -> float:
    """The same rows into the same table with the same indices, by plain sqlite3 and one executemany."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, isolation_level=None)) as new:
        schema = old.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (TABLE,)
        ).fetchall()
        rows: list[tuple[Any, ...]] = old.execute(f"SELECT * FROM {TABLE}").fetchall()  # noqa: S608
        for statement in (*PRAGMAS, *(sql for (sql,) in schema), "BEGIN IMMEDIATE"):
            new.execute(statement)
        places = ", ".join("?" * len(rows[0]))

        def insert() -> None:
            new.executemany(f"INSERT INTO {TABLE} VALUES ({places})", rows)  # noqa: S608
            new.execute("COMMIT")

        return _seconds(insert)


def _count(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0])  # noqa: S608


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
