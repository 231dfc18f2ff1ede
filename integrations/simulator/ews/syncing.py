"""SyncFolderItems and SyncFolderHierarchy: what has changed since the state that the client brings.

A state says up to which change the client was told, and which rows existed when it was: what is younger is created,
what is older was updated. Exceptions are within their series, as an exception's change is one of its series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from xml.etree.ElementTree import Element

from django.db.models import Max, Q

from integrations.simulator.ews import finding, folders, ids, items, refusals, shapes, soap, sync_states
from integrations.simulator.ews.elements import el, group
from integrations.simulator.ews.entries import Entry
from integrations.simulator.ews.folders import Folder
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import recurrence
from integrations.simulator.models import Calendar, Event, Tombstone

MOST = 512
_SCOPES = ("NormalItems", "NormalAndAssociatedItems")


@dataclass(frozen=True)
class _State:
    folder: str
    generation: int = 0
    number: int = 0
    """Of the last change that the client was told of, and the row that it was of."""
    row: int = 0
    grave: int = 0
    """The last of the deletions that the client was told of."""
    known: int = 0
    """The youngest row when the last round ended: 0 in the first, in which all is new."""


@dataclass(frozen=True)
class _Change:
    element: Element
    state: _State


def folder_items(asking: Asking) -> Element:
    operation = asking.operation
    shape = shapes.read(operation, "ItemShape")
    most = _most(operation)
    if (operation.value("SyncScope") or _SCOPES[0]) not in _SCOPES:
        raise refusals.schema("The 'SyncScope' element is invalid.")
    try:
        folder = folders.find(asking, folders.ids_in(operation, "SyncFolderId")[0])
        state = _resumed(folder, operation)
        ignored = frozenset(one.attributes.get("Id", "") for one in operation.all("Ignore", "ItemId"))
        found, is_last, after = _round(folder.calendar, state, most, shape) if folder.calendar else ([], True, state)
    except Refused as refused:
        return _refused("SyncFolderItems", "IncludesLastItemInRange", refused)
    shown = [one.element for one in found if _item_id(one.element) not in ignored]
    return soap.response(
        "SyncFolderItems",
        [
            soap.success(
                "SyncFolderItems",
                el("m:SyncState", sync_states.seal("items", asdict(after))),
                el("m:IncludesLastItemInRange", is_last),
                group("m:Changes", shown),
            )
        ],
    )


def folder_hierarchy(asking: Asking) -> Element:
    """Folders are few: the state has all of them, and each name."""
    operation = asking.operation
    shape = shapes.read(operation, "FolderShape")
    try:
        given = operation.find("SyncFolderId")
        root = (
            folders.find(asking, given.children[0])
            if given and given.children
            else folders.named(asking.mailbox, folders.ROOT)
        )
        before = sync_states.unseal("folders", operation.value("SyncState"))
        present = {one.id: one for one in root.descendants()}
        known: dict[str, str] = before["folders"] if before else {}
    except Refused as refused:
        return _refused("SyncFolderHierarchy", "IncludesLastFolderInRange", refused)
    only_id = shape.base == "IdOnly" and not shape.fields
    changes = [
        el("t:Update" if one.id in known else "t:Create", folders.element(one, only_id=only_id))
        for one in present.values()
        if known.get(one.id) != _looks(one)
    ]
    changes += [el("t:Delete", el("t:FolderId", Id=gone)) for gone in known if gone not in present]
    state = {"folders": {one.id: _looks(one) for one in present.values()}}
    return soap.response(
        "SyncFolderHierarchy",
        [
            soap.success(
                "SyncFolderHierarchy",
                el("m:SyncState", sync_states.seal("folders", state)),
                el("m:IncludesLastFolderInRange", True),
                group("m:Changes", changes),
            )
        ],
    )


def _round(calendar: Calendar, state: _State, most: int, shape: shapes.Shape) -> tuple[Sequence[_Change], bool, _State]:
    """Deletions first, then what is there, by change; one more than wanted tells whether there is more."""
    youngest = calendar.events.aggregate(youngest=Max("pk"))["youngest"] or 0
    if state.number == 0 and state.row == 0 and state.known == 0:
        last = calendar.tombstones.aggregate(last=Max("pk"))["last"] or 0
        state = _State(state.folder, calendar.sync_generation, grave=max(state.grave, last))
    found = _gone(calendar, state, most + 1)
    if len(found) <= most:
        found += _there(calendar, found[-1].state if found else state, most + 1 - len(found), shape)
    chosen = found[:most]
    after = chosen[-1].state if chosen else state
    is_last = len(found) <= most
    if is_last:
        after = _State(after.folder, after.generation, after.number, after.row, after.grave, max(youngest, 1))
    return chosen, is_last, after


def _gone(calendar: Calendar, state: _State, most: int) -> list[_Change]:
    """Of series that went with their exceptions, the series alone."""
    found = []
    rows = Tombstone.objects.filter(calendar=calendar, pk__gt=state.grave).order_by("pk")
    for pk, graph_id in rows.values_list("pk", "graph_id").iterator():
        if recurrence.split_id(graph_id):
            continue
        after = _State(state.folder, state.generation, state.number, state.row, pk, state.known)
        found.append(_Change(el("t:Delete", el("t:ItemId", Id=ids.exchange(graph_id))), after))
        if len(found) == most:
            break
    return found


def _there(calendar: Calendar, state: _State, most: int, shape: shapes.Shape) -> list[_Change]:
    later = Q(change_number__gt=state.number) | Q(change_number=state.number, pk__gt=state.row)
    rows = finding.entries_of(Event.objects.filter(later, calendar=calendar)).order_by("change_number", "pk")
    found = []
    for row in rows[:most]:
        tag = "t:Create" if row.pk > state.known else "t:Update"
        after = _State(state.folder, state.generation, row.change_number, row.pk, state.grave, state.known)
        found.append(_Change(el(tag, items.element(Entry(row), shape)), after))
    return found


def _resumed(folder: Folder, operation: Node) -> _State:
    kept = sync_states.unseal("items", operation.value("SyncState"))
    generation = folder.calendar.sync_generation if folder.calendar else 0
    if kept is None:
        return _State(folder.id, generation)
    state = _State(**kept)
    if state.folder != folder.id:
        raise refusals.bad_sync_state().because("The sync state is of another folder.")
    if state.generation != generation:
        raise refusals.bad_sync_state().because("The trainer let what clients know of this calendar expire.")
    return state


def _refused(operation: str, last: str, refused: Refused) -> Element:
    """Also a refusal has a state, which is empty, and an end."""
    failed = soap.failed(operation, refused, el("m:SyncState"), el(f"m:{last}", True))
    return soap.response(operation, [failed])


def _most(operation: Node) -> int:
    text = operation.value("MaxChangesReturned") or ""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:6]) <= MOST:
        raise refusals.schema(f"The 'MaxChangesReturned' element is invalid - The value '{text[:20]}' is invalid.")
    return int(text)


def _item_id(change: Element) -> str:
    found = next(change.iter("t:ItemId"), None)
    return found.get("Id", "") if found is not None else ""


def _looks(folder: Folder) -> str:
    """What of a folder would be a change of it."""
    return f"{folder.change_key} {folder.shown}"
