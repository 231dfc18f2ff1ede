"""The rows of a page, in one query written by hand: building it anew with the ORM costs more than running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

from integrations.simulator.graph.delta_tokens import Cursor, State
from integrations.simulator.models import Event

# An edge of the window is outside, unless the event has no length at all.
_INSIDE = """(
    (starts_at < %(last)s AND ends_at > %(first)s AND starts_at <> ends_at)
    OR (starts_at = ends_at AND starts_at >= %(first)s AND starts_at < %(last)s)
)"""
# Later rounds also tell of what is outside the window: it may have been inside.
_FIRST_ROUND = f"""AND NOT is_removed AND (
    (kind = 'seriesMaster' AND starts_at < %(last)s AND (lasts_until IS NULL OR lasts_until >= %(first)s))
    OR (kind <> 'seriesMaster' AND {_INSIDE})
)"""
_QUERY = """
    SELECT id, change_number, kind, is_removed, {ids}, document, {inside}
    FROM {table}
    WHERE calendar_id = %(calendar)s AND change_number <= %(until)s
      AND change_number >= %(major)s AND (change_number, id) > (%(major)s, %(minor)s)
      {more}
    ORDER BY change_number, id
    LIMIT %(most)s
"""
_BEYOND_ALL_ROWS = 2**62


class Row(NamedTuple):
    pk: int
    change_number: int
    kind: str
    is_removed: int
    event_id: str
    document: str
    is_inside: int


def behind(state: State, cursor: Cursor, *, is_immutable: bool, most: int) -> Sequence[Row]:
    """Events and series of the round after the cursor, by change. Of a series that was begun, the series itself."""
    first, last = (connection.ops.adapt_datetimefield_value(at) for at in state.window)
    major, minor = (cursor.major, cursor.minor) if cursor.minor else (state.since, _BEYOND_ALL_ROWS)
    values = {
        "calendar": state.calendar,
        "until": state.until,
        "first": first,
        "last": last,
        "major": major,
        "minor": minor - 1 if cursor.day else minor,
        "most": most,
    }
    with connection.cursor() as asked:
        asked.execute(_QUERIES[state.since == 0, is_immutable], values)
        return [Row(*row) for row in asked.fetchall()]


def _query(*, is_first: bool, is_immutable: bool) -> str:
    return _QUERY.format(
        ids="immutable_id" if is_immutable else "graph_id",
        inside=_INSIDE,
        table=Event._meta.db_table,
        more=_FIRST_ROUND if is_first else "",
    )


_QUERIES = {
    (is_first, is_immutable): _query(is_first=is_first, is_immutable=is_immutable)
    for is_first in (True, False)
    for is_immutable in (True, False)
}
