"""FindItem and GetItem: what is in a folder, and what ids name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from django.db.models import QuerySet

from integrations.simulator.ews import folders, ids, items, moments, refusals, restricting, shapes, soap
from integrations.simulator.ews.elements import el, group
from integrations.simulator.ews.entries import Entry
from integrations.simulator.ews.folders import Folder
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import recurrence
from integrations.simulator.graph.events import listing
from integrations.simulator.models import Event

MOST = 1000
LONGEST_VIEW = timedelta(days=2 * 366)
TRAVERSALS = ("Shallow", "SoftDeleted", "Associated")
_DAY = timedelta(days=1)
# Ids in one query.
_AT_ONCE = 500


@dataclass(frozen=True)
class _Page:
    entries: Sequence[Entry]
    total: int
    next_offset: int | None
    """None for a calendar view, which has no pages."""
    is_last: bool


def find(asking: Asking) -> Element:
    operation = asking.operation
    shape = shapes.read(operation, "ItemShape")
    traversal = operation.attributes.get("Traversal")
    if traversal not in TRAVERSALS:
        raise refusals.schema("The 'Traversal' attribute is invalid.")
    messages = []
    for given in folders.ids_in(operation, "ParentFolderIds"):
        try:
            folder = folders.find(asking, given)
            page = _page(asking, folder, is_usual=traversal == "Shallow")
            found = [items.element(one, shape, is_found=True) for one in page.entries]
            messages.append(soap.success("FindItem", _root(page, found)))
        except Refused as refused:
            messages.append(soap.failed("FindItem", refused))
    return soap.response("FindItem", messages)


def get(asking: Asking) -> Element:
    shape = shapes.read(asking.operation, "ItemShape")
    wanted = folders.ids_in(asking.operation, "ItemIds")
    known = _read(asking, [name for one in wanted if (name := ids.graph(one.attributes.get("Id", "")))])
    messages = []
    for given in wanted:
        try:
            found = items.element(named(asking, given, known), shape)
            messages.append(soap.success("GetItem", el("m:Items", found)))
        except Refused as refused:
            messages.append(soap.failed("GetItem", refused, el("m:Items")))
    return soap.response("GetItem", messages)


def named(asking: Asking, given: Node, known: Mapping[str, Event] | None = None) -> Entry:
    """What an `ItemId`, or one of its relatives that speak of series, names. `known` are rows that were read before."""
    if given.name == "OccurrenceItemId":
        return _by_index(asking, given)
    if given.name == "RecurringMasterItemId":
        entry = _by_id(asking, given.attributes.get("OccurrenceId", ""))
        if entry.master is None:
            raise Refused("ErrorCalendarCannotUseIdForRecurringMasterId", "The id is not of an occurrence of a series.")
        return Entry(_with_calendar(Event.objects.all()).get(pk=entry.master.pk))
    if given.name != "ItemId":
        raise refusals.schema(f"The element '{given.name[:40]}' is not expected.")
    return _by_id(asking, given.attributes.get("Id", ""), known)


def change_key_of(given: Node) -> str | None:
    return given.attributes.get("ChangeKey")


def entries_of(rows: QuerySet[Event]) -> QuerySet[Event]:
    """Single events and series: exceptions are within their series."""
    return _with_calendar(rows).exclude(kind=Event.Kind.EXCEPTION)


def within(folder: Folder, first: datetime, last: datetime) -> list[Entry]:
    """By start. Whole days are kept as if in UTC: they are looked for a day wider, and judged where they are."""
    if folder.calendar is None:
        return []
    standing = listing.inside(folder.calendar, first - _DAY, last + _DAY)
    own = folder.calendar
    found = []
    for one in standing:
        one.event.calendar = own
        entry = Entry(one.event, one.occurrence)
        if recurrence.touches(entry.starts_at, entry.ends_at, first, last):
            found.append(entry)
    return sorted(found, key=lambda one: (one.starts_at, one.event.pk))


def _read(asking: Asking, names: Sequence[str]) -> Mapping[str, Event]:
    """The rows of Graph's ids, and the series of those that are of occurrences."""
    wanted = [*names, *(split[0] for name in names if (split := recurrence.split_id(name)))]
    rows = _with_calendar(Event.objects.filter(calendar__person=asking.mailbox))
    chunks = (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE))
    return {event.graph_id: event for chunk in chunks for event in rows.filter(graph_id__in=chunk)}


def _by_id(asking: Asking, item_id: str, known: Mapping[str, Event] | None = None) -> Entry:
    graph_id = ids.graph(item_id)
    if graph_id is None:
        raise refusals.malformed_id()
    rows = _read(asking, [graph_id]) if known is None else known
    event = rows.get(graph_id)
    if event is not None:
        if event.is_removed:
            raise refusals.no_item().because("This occurrence was cancelled.")
        return Entry(event)
    split = recurrence.split_id(graph_id)
    master = rows.get(split[0]) if split else None
    if split is not None and master is not None and master.kind == Event.Kind.MASTER:
        usual = recurrence.occurrence_on(recurrence.series_of(master), split[1])
        if usual is not None:
            return Entry(master, usual)
    if Event.objects.filter(graph_id=graph_id).exists():
        raise refusals.access_denied().because("The item is in somebody else’s mailbox, who has not shared it.")
    raise refusals.no_item()


def _by_index(asking: Asking, given: Node) -> Entry:
    """The nth occurrence of a series, counted from one; what was taken out still counts."""
    master = _by_id(asking, given.attributes.get("RecurringMasterId", "")).event
    index = given.attributes.get("InstanceIndex", "")
    if master.kind != Event.Kind.MASTER:
        raise Refused("ErrorCalendarCannotUseIdForOccurrenceId", "The id is not of a series.")
    if not index.isascii() or not index.isdecimal() or not 0 < int(index[:6]) <= MOST:
        raise _no_such_occurrence()
    series = recurrence.series_of(master)
    for number, day in enumerate(recurrence.days(series, series.first_day, recurrence.LAST_DAY), start=1):
        if number == int(index):
            return _on_day(asking, recurrence.occurrence_id(master.graph_id, day))
    raise _no_such_occurrence()


def _on_day(asking: Asking, graph_id: str) -> Entry:
    try:
        return _by_id(asking, ids.exchange(graph_id))
    except Refused:
        raise Refused(
            "ErrorCalendarOccurrenceIsDeletedFromRecurrence", "The occurrence has been deleted from the recurrence."
        ) from None


def _no_such_occurrence() -> Refused:
    return Refused("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", "Occurrence index is out of recurrence range.")


def _with_calendar(rows: QuerySet[Event]) -> QuerySet[Event]:
    return rows.select_related("calendar__person", "master__calendar")


def _page(asking: Asking, folder: Folder, *, is_usual: bool) -> _Page:
    operation = asking.operation
    if operation.find("GroupBy") or operation.find("DistinguishedGroupBy"):
        raise refusals.not_simulated("grouping")
    if operation.find("QueryString"):
        raise refusals.not_simulated("QueryString")
    if folder.name == "contacts":
        raise refusals.not_simulated("contacts by Exchange Web Services: they are Graph’s")
    view = operation.find("CalendarView")
    if view is not None:
        return _calendar_view(asking, folder, view, is_usual=is_usual)
    entries: list[Entry] = []
    if is_usual and folder.calendar is not None:
        rows = entries_of(folder.calendar.events.all()).order_by("pk")
        entries = restricting.apply(operation, [Entry(row) for row in rows], asking)
    return _indexed(operation, entries)


def _calendar_view(asking: Asking, folder: Folder, view: Node, *, is_usual: bool) -> _Page:
    if folder.calendar is None:
        raise Refused("ErrorCalendarFolderIsInvalidForCalendarView", "The folder is not a calendar folder.")
    if asking.operation.find("Restriction"):
        raise Refused("ErrorUnsupportedPathForQuery", "A calendar view takes no restriction.")
    first = moments.read(view.attributes.get("StartDate"), "StartDate", asking.clock)
    last = moments.read(view.attributes.get("EndDate"), "EndDate", asking.clock)
    if last < first:
        raise refusals.view_backward()
    if last - first > LONGEST_VIEW:
        raise refusals.view_too_long()
    most = shapes.whole(view, "MaxEntriesReturned", MOST, least=1)
    found = within(folder, first, last) if is_usual else []
    if len(found) > MOST and most >= MOST:
        raise refusals.too_many_found(MOST)
    return _Page(found[:most], min(len(found), most), None, is_last=len(found) <= most)


def _indexed(operation: Node, entries: Sequence[Entry]) -> _Page:
    view = operation.find("IndexedPageItemView")
    if view is None:
        if operation.find("FractionalPageItemView") or operation.find("ContactsView"):
            raise refusals.not_simulated("views by fractions, or of contacts")
        return _Page(entries[:MOST], len(entries), None, is_last=len(entries) <= MOST)
    most = min(shapes.whole(view, "MaxEntriesReturned", MOST, least=1), MOST)
    offset = shapes.whole(view, "Offset", 0, least=0)
    base = view.attributes.get("BasePoint")
    if base not in ("Beginning", "End"):
        raise refusals.schema("The 'BasePoint' attribute is invalid.")
    if base == "End":
        end = max(len(entries) - offset, 0)
        begin = max(end - most, 0)
        return _Page(entries[begin:end], len(entries), len(entries) - begin, is_last=begin == 0)
    chosen = entries[offset : offset + most]
    return _Page(chosen, len(entries), offset + len(chosen), is_last=offset + most >= len(entries))


def _root(page: _Page, found: Sequence[Element]) -> Element:
    return el(
        "m:RootFolder",
        group("t:Items", found),
        IndexedPagingOffset=page.next_offset,
        TotalItemsInView=page.total,
        IncludesLastItemInRange=page.is_last,
    )
