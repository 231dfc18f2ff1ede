"""What a round of a delta query hands out, in order; it can be taken up again behind any item.

The stages, and what their cursors count:

0. events that are gone: (0, the tombstone's number);
1. occurrences that a series had before it changed or went, and has no longer: (1, the number of its oldest version
   in this round, _, the day);
2. events that are new or changed, by change: (2, change number, row number, ""), and within a series
   (2, change number, row number, the day of the last occurrence handed out).

What is gone comes before what is there, as an occurrence can be both: taken away by one change and given back by
another. Rows that change while a round is paged get a number beyond it and come in the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain

from django.db.models import F, Q

from integrations.simulator.graph import delta_rows, recurrence
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.delta_rows import Row
from integrations.simulator.graph.delta_tokens import Cursor, State
from integrations.simulator.graph.events import rendering
from integrations.simulator.graph.replies import text_of
from integrations.simulator.models import Calendar, Event, SeriesVersion, Tombstone

Item = tuple[Cursor, str]
_GONE, _LOST, _THERE = 0, 1, 2
_TYPE = '"@odata.type":"#microsoft.graph.event"'
# The day of the cursor behind a master: before any occurrence.
_MASTER_ONLY = date.min.isoformat()


@dataclass(frozen=True)
class Round:
    asking: Asking
    calendar: Calendar
    state: State
    is_plain: bool
    """Nothing special was asked for: events are handed out as they are kept."""
    chunk: int
    """How many rows to fetch at a time."""

    @property
    def is_first(self) -> bool:
        return self.state.since == 0

    @property
    def ids(self) -> str:
        """The column that events are named by."""
        return "immutable_id" if self.asking.prefer.immutable_ids else "graph_id"


def items(asked: Round) -> Iterator[Item]:
    stages = [_there] if asked.is_first else [_gone, _lost, _there]
    todo = [stage for stage in stages if asked.state.cursor.stage <= _STAGES[stage]]
    return chain.from_iterable(stage(asked) for stage in todo)


def _gone(asked: Round) -> Iterator[Item]:
    state = asked.state
    behind = state.cursor.major if state.cursor.stage == _GONE else 0
    buried = Tombstone.objects.filter(
        calendar=asked.calendar, change_number__gt=state.since, change_number__lte=state.until
    ).order_by("pk")
    while chunk := list(buried.filter(pk__gt=behind).values_list("pk", asked.ids)[: asked.chunk]):
        for behind, event_id in chunk:
            yield Cursor(_GONE, behind), _removed(event_id)


def _lost(asked: Round) -> Iterator[Item]:
    cursor = asked.state.cursor if asked.state.cursor.stage == _LOST else Cursor(_LOST)
    for number, versions in _changed_series(asked):
        if number < cursor.major:
            continue
        after = cursor.day if number == cursor.major else ""
        for day in sorted(_lost_days(asked, versions)):
            if day.isoformat() > after:
                event_id = recurrence.occurrence_id(getattr(versions[0], asked.ids), day)
                yield Cursor(_LOST, number, 0, day.isoformat()), _removed(event_id)


def _changed_series(asked: Round) -> list[tuple[int, list[SeriesVersion]]]:
    """Versions that ended in this round, of one series together, by the number of the oldest."""
    series: dict[str, list[SeriesVersion]] = {}
    for version in SeriesVersion.objects.filter(
        calendar=asked.calendar, ended_by__gt=asked.state.since, ended_by__lte=asked.state.until
    ).order_by("pk"):
        series.setdefault(version.graph_id, []).append(version)
    return [(versions[0].pk, versions) for versions in series.values()]


def _lost_days(asked: Round, versions: list[SeriesVersion]) -> set[date]:
    """Exceptions speak for their days themselves."""
    first, last = asked.state.window
    had = {
        one.day for version in versions for one in recurrence.occurrences(recurrence.series_of(version), first, last)
    }
    master = Event.objects.filter(
        calendar=asked.calendar, graph_id=versions[0].graph_id, kind=Event.Kind.MASTER
    ).first()
    if master is None:
        return had
    has = {one.day for one in recurrence.occurrences(recurrence.series_of(master), first, last)}
    return had - has - set(master.exceptions.values_list("original_date", flat=True))


def _there(asked: Round) -> Iterator[Item]:
    cursor = asked.state.cursor if asked.state.cursor.stage == _THERE else Cursor(_THERE)
    is_immutable = asked.asking.prefer.immutable_ids
    while rows := delta_rows.behind(asked.state, cursor, is_immutable=is_immutable, most=asked.chunk):
        events = _needed(asked, rows)
        for row in rows:
            at = Cursor(_THERE, row.change_number, row.pk)
            if row.kind == Event.Kind.MASTER:
                is_begun = (row.change_number, row.pk) == (cursor.major, cursor.minor)
                yield from _series(asked, at, events.get(row.pk), cursor.day if is_begun else "")
            elif row.is_removed or not row.is_inside:
                yield at, _removed(row.event_id)
            elif asked.is_plain and row.document:
                yield at, f"{{{_TYPE},{row.document[1:]}"
            elif row.pk in events:
                yield at, _full(asked, events[row.pk])
        cursor = at


def _needed(asked: Round, rows: Sequence[Row]) -> dict[int, Event]:
    """Whole events, where the kept text is not enough."""
    wanted = [row.pk for row in rows if row.kind == Event.Kind.MASTER or not asked.is_plain or not row.document]
    return Event.objects.select_related("master").in_bulk(wanted) if wanted else {}


def _series(asked: Round, at: Cursor, master: Event | None, day: str) -> Iterator[Item]:
    """The master whole, its occurrences as stubs. Nothing of a master that went after its row was read."""
    if master is None:
        return
    stubs = _stubs(asked, at, master, day)
    if not day:
        one = next(stubs, None)
        if one is None and not _has_exceptions_inside(asked, master):
            if not asked.is_first:
                yield at, _removed(getattr(master, asked.ids))
            return
        yield at._replace(day=_MASTER_ONLY), _full(asked, master)
        if one is not None:
            yield one
    yield from stubs


def _stubs(asked: Round, at: Cursor, master: Event, day: str) -> Iterator[Item]:
    first, last = asked.state.window
    excepted = set(master.exceptions.values_list("original_date", flat=True))
    series = recurrence.series_of(master)
    for one in recurrence.occurrences(series, _from(first, series, day), last):
        if one.day not in excepted and (not day or one.day.isoformat() > day):
            yield at._replace(day=one.day.isoformat()), text_of(rendering.stub(master, one, asked.asking))


def _from(first: datetime, series: recurrence.Series, day: str) -> datetime:
    """Occurrences that were handed out need not be computed again."""
    if not day or day == _MASTER_ONLY:
        return first
    near = datetime.combine(date.fromisoformat(day), datetime.min.time(), first.tzinfo)
    return max(first, near - timedelta(days=2)) if near.year > 1 else first


def _has_exceptions_inside(asked: Round, master: Event) -> bool:
    return master.exceptions.filter(_inside(*asked.state.window), is_removed=False).exists()


def _inside(first: datetime, last: datetime) -> Q:
    """As `delta_rows` has it."""
    touching = Q(starts_at__lt=last, ends_at__gt=first) & ~Q(starts_at=F("ends_at"))
    return touching | Q(starts_at=F("ends_at"), starts_at__gte=first, starts_at__lt=last)


def _full(asked: Round, event: Event) -> str:
    return f"{{{_TYPE},{rendering.text(event, asked.asking)[1:]}"


def _removed(event_id: str) -> str:
    return f'{{{_TYPE},"id":{json.dumps(event_id)},"@removed":{{"reason":"deleted"}}}}'


_STAGES = {_gone: _GONE, _lost: _LOST, _there: _THERE}
