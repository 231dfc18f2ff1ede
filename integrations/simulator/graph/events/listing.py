"""Events in collections: `/events`, `/calendarView`, `/instances`; pages of them, joined from kept documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import F, Q, QuerySet

from integrations.simulator.graph import paging, recurrence, times
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import expanding, filters, properties, refusals, rendering
from integrations.simulator.graph.events.filters import Filter
from integrations.simulator.graph.recurrence import Occurrence
from integrations.simulator.graph.replies import Reply
from integrations.simulator.models import Calendar, Event

OPTIONS = ("$select", "$top", "$skip", "$orderby", "$count", "$filter", "$expand")
# Five years.
MOST_DAYS = 1825
Rows = QuerySet[Event]


@dataclass(frozen=True)
class _Line:
    """Something to sort and to show: a row by its number, or an occurrence of a series."""

    keys: tuple[Any, ...]
    pk: int
    master: Event | None = None
    occ: Occurrence | None = None


def events(asking: Asking, rows: Rows, what: str) -> Reply:
    """Single events and series, not expanded."""
    asking.check_options(OPTIONS)
    kept = rows.filter(kind__in=(Event.Kind.SINGLE, Event.Kind.MASTER), is_removed=False)
    return _answer(asking, what, Filter(asking).rows(kept), [])


def view(asking: Asking, calendar: Calendar, what: str) -> Reply:
    """What touches the window: series expanded, exceptions in their place, masters never listed."""
    asking.check_options(OPTIONS)
    first, last = _window(asking)
    wanted = Filter(asking)
    rows = calendar.events.exclude(kind=Event.Kind.MASTER).filter(_inside(first, last), is_removed=False)
    series = calendar.events.filter(_lasting(first, last), kind=Event.Kind.MASTER)
    return _answer(asking, what, wanted.rows(rows), _expanded(series, first, last, wanted))


def instances(asking: Asking, master: Event, what: str) -> Reply:
    asking.check_options(OPTIONS)
    if master.kind != Event.Kind.MASTER:
        raise refusals.no_series()
    first, last = _window(asking)
    wanted = Filter(asking)
    rows = Event.objects.filter(_inside(first, last), master=master, is_removed=False)
    return _answer(asking, what, wanted.rows(rows), _expanded([master], first, last, wanted))


@dataclass(frozen=True)
class Standing:
    """An event or an occurrence, at its time; of an occurrence `event` is its series."""

    event: Event
    starts_at: datetime
    ends_at: datetime
    occurrence: Occurrence | None = None


def inside(calendar: Calendar, first: datetime, last: datetime) -> list[Standing]:
    """All of a window, by start."""
    rows = calendar.events.exclude(kind=Event.Kind.MASTER).filter(_inside(first, last), is_removed=False)
    series = calendar.events.filter(_lasting(first, last), kind=Event.Kind.MASTER)
    found = [Standing(row, row.starts_at, row.ends_at) for row in rows]
    found += [Standing(master, occ.starts_at, occ.ends_at, occ) for master, occ in _expanded(series, first, last, None)]
    return sorted(found, key=lambda one: (one.starts_at, one.event.pk))


def _answer(asking: Asking, what: str, rows: Rows, expanded: Sequence[tuple[Event, Occurrence]]) -> Reply:
    order, page = filters.order(asking), paging.read(asking)
    show = _shower(asking)
    if expanded:
        lines = _sorted(rows, expanded, order)
        total, chosen = len(lines), lines[page.skip : page.skip + page.size]
        texts = _texts(chosen, show)
        is_more = total > page.skip + page.size
    else:
        columns = [f"-{name}" if is_turned else name for name, is_turned in order]
        found = rows.order_by(*columns, "pk")
        texts, is_more = show.page(found, page.skip, page.size)
        total = found.count() if asking.flag("$count") else 0
    return Reply(_joined(asking, what, texts, total, page.next_link(asking) if is_more else ""))


def _joined(asking: Asking, what: str, texts: Sequence[str], total: int, next_link: str) -> str:
    about: dict[str, Any] = {"@odata.context": rendering.context(asking, what)}
    if asking.flag("$count"):
        about["@odata.count"] = total
    begin = rendering.as_json(about)[:-1]
    end = f",{rendering.as_json({'@odata.nextLink': next_link})[1:]}" if next_link else "}"
    return f'{begin},"value":[{",".join(texts)}]{end}'


@dataclass(frozen=True)
class _Shower:
    is_plain: bool
    row: Callable[[Event], str]
    occurrence: Callable[[Event, Occurrence], str]

    def page(self, rows: Rows, skip: int, size: int) -> tuple[list[str], bool]:
        """One page, and whether there is another."""
        part = slice(skip, skip + size + 1)
        if self.is_plain:
            documents = list(rows.values_list("document", flat=True)[part])
            if all(documents):
                return documents[:size], len(documents) > size
        found = list(rows.select_related("master", "calendar")[part])
        return [self.row(one) for one in found[:size]], len(found) > size


def _shower(asking: Asking) -> _Shower:
    selected, expand = properties.selected(asking), expanding.read(asking)
    is_plain = selected is None and expand is None and rendering.is_plain(asking)
    if is_plain:
        return _Shower(
            True,
            lambda event: event.document or rendering.document(event),
            lambda master, occ: rendering.as_json(rendering.occurrence(master, occ, asking)),
        )
    return _Shower(
        False,
        lambda event: rendering.as_json(rendering.shown(event, asking, selected, expand)),
        lambda master, occ: rendering.as_json(rendering.occurrence(master, occ, asking, selected, expand)),
    )


def _texts(lines: Sequence[_Line], show: _Shower) -> list[str]:
    rows = Event.objects.select_related("master", "calendar").in_bulk([line.pk for line in lines if line.occ is None])
    texts = []
    for line in lines:
        if line.master and line.occ:
            texts.append(show.occurrence(line.master, line.occ))
        elif line.pk in rows:
            texts.append(show.row(rows[line.pk]))
    return texts


def _sorted(rows: Rows, expanded: Sequence[tuple[Event, Occurrence]], order: Sequence[tuple[str, bool]]) -> list[_Line]:
    columns = [name for name, _ in order]
    lines = [_Line(tuple(keys), pk) for pk, *keys in rows.values_list("pk", *columns)]
    for master, occ in expanded:
        lines.append(_Line(tuple(_key(master, occ, name) for name in columns), master.pk, master, occ))
    # The last one decides between equals, so that pages never overlap.
    lines.sort(key=lambda line: (line.pk, line.occ.day.toordinal() if line.occ else 0))
    for index, (_, is_turned) in reversed([*enumerate(order)]):
        lines.sort(key=partial(_nth_key, index), reverse=is_turned)
    return lines


def _nth_key(index: int, line: _Line) -> Any:
    return line.keys[index]


def _key(master: Event, occ: Occurrence, column: str) -> Any:
    if column in ("starts_at", "ends_at"):
        return getattr(occ, column)
    return getattr(master, column)


def _expanded(
    series: Rows | Sequence[Event], first: datetime, last: datetime, wanted: Filter | None
) -> list[tuple[Event, Occurrence]]:
    """Ordinary occurrences; a day that has an exception, or was cancelled, speaks for itself."""
    masters = {master.pk: master for master in series}
    own_way: dict[int, set[object]] = {}
    for pk, day in Event.objects.filter(master__in=masters).values_list("master_id", "original_date"):
        own_way.setdefault(pk, set()).add(day)
    return [
        (master, occ)
        for master in masters.values()
        for occ in recurrence.occurrences(recurrence.series_of(master), first, last)
        if occ.day not in own_way.get(master.pk, ()) and (wanted is None or wanted.takes(master, occ))
    ]


def _window(asking: Asking) -> tuple[datetime, datetime]:
    first, last = times.window(asking.options.get("startdatetime"), asking.options.get("enddatetime"))
    if last - first > timedelta(days=MOST_DAYS):
        raise refusals.range_too_big(MOST_DAYS)
    return first, last


def _inside(first: datetime, last: datetime) -> Q:
    """What touches the window only at an edge is outside, unless it has no length at all."""
    touching = Q(starts_at__lt=last, ends_at__gt=first) & ~Q(starts_at=F("ends_at"))
    return touching | Q(starts_at=F("ends_at"), starts_at__gte=first, starts_at__lt=last)


def _lasting(first: datetime, last: datetime) -> Q:
    return Q(starts_at__lt=last) & (Q(lasts_until__isnull=True) | Q(lasts_until__gte=first))
