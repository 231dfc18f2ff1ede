"""The rows of a job, stored by the hundred thousand while somebody waits for the page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from django.db import connection

from accounts.job_kinds import Line
from accounts.models import Job, JobRow

_COLUMNS = ("job", "number", "given", "state", "outcome")


def insert(job: Job, lines: Iterable[Line]) -> None:
    """To be called within a transaction. On PostgreSQL by COPY, which takes a fifth of the time."""
    if connection.vendor == "postgresql":
        _copy(job, lines)
    else:
        JobRow.objects.bulk_create(
            JobRow(job=job, number=line.number, given=line.given, state=line.state, outcome=line.outcome[:300])
            for line in lines
        )


def _copy(job: Job, lines: Iterable[Line]) -> None:
    columns = ", ".join(f'"{cast(Any, JobRow._meta.get_field(name)).column}"' for name in _COLUMNS)
    into = f'COPY "{JobRow._meta.db_table}" ({columns}) FROM STDIN'
    # Django wraps the driver's cursor, and hands on what it does not know.
    with connection.cursor() as cursor, cast(Any, cursor).copy(into) as stream:
        for line in lines:
            given = json.dumps(line.given)
            stream.write_row((job.pk, line.number, given, str(line.state), line.outcome[:300]))
