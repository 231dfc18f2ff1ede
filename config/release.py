"""Which release runs, and whether the database is that of the same release."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


@cache
def version() -> str:
    """As pyproject.toml has it, which lies beside the code."""
    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    return str(tomllib.loads(path.read_text())["project"]["version"])


def pending_migrations() -> list[str]:
    """Those of this release that were not applied."""
    applied = MigrationRecorder(connection).applied_migrations()
    return [f"{app}.{name}" for app, name in _on_disk() if (app, name) not in applied]


@cache
def _on_disk() -> list[tuple[str, str]]:
    return sorted(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
