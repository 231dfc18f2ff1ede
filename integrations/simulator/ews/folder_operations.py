"""GetFolder and FindFolder."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from integrations.simulator.ews import folders, refusals, shapes, soap
from integrations.simulator.ews.elements import el, group
from integrations.simulator.ews.folders import Folder
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.refusals import Refused


def get(asking: Asking) -> Element:
    only_id = is_only_id(asking)
    messages = []
    for given in folders.ids_in(asking.operation, "FolderIds"):
        try:
            found = folders.element(folders.find(asking, given), only_id=only_id)
            messages.append(soap.success("GetFolder", el("m:Folders", found)))
        except Refused as refused:
            messages.append(soap.failed("GetFolder", refused, el("m:Folders")))
    return soap.response("GetFolder", messages)


def find(asking: Asking) -> Element:
    traversal = asking.operation.attributes.get("Traversal")
    if traversal not in ("Shallow", "Deep", "SoftDeleted"):
        raise refusals.schema("The 'Traversal' attribute is invalid.")
    if asking.operation.find("Restriction"):
        raise refusals.not_simulated("restriction of folders")
    only_id = is_only_id(asking)
    messages = []
    for given in folders.ids_in(asking.operation, "ParentFolderIds"):
        try:
            found = _below(folders.find(asking, given), traversal)
            messages.append(soap.success("FindFolder", _page(asking, found, only_id=only_id)))
        except Refused as refused:
            messages.append(soap.failed("FindFolder", refused))
    return soap.response("FindFolder", messages)


def is_only_id(asking: Asking) -> bool:
    """Folders are small: whoever names one property more gets them all."""
    shape = shapes.read(asking.operation, "FolderShape")
    return shape.base == "IdOnly" and not shape.fields


def _below(folder: Folder, traversal: str) -> list[Folder]:
    if traversal == "SoftDeleted":
        return []
    return folder.children() if traversal == "Shallow" else [*folder.descendants()]


def _page(asking: Asking, found: Sequence[Folder], *, only_id: bool) -> Element:
    view = asking.operation.find("IndexedPageFolderView")
    offset = shapes.whole(view, "Offset", 0, least=0) if view else 0
    most = shapes.whole(view, "MaxEntriesReturned", len(found) or 1, least=1) if view else len(found)
    chosen = found[offset : offset + most]
    return el(
        "m:RootFolder",
        group("t:Folders", [folders.element(one, only_id=only_id) for one in chosen]),
        IndexedPagingOffset=offset + len(chosen) if view else None,
        TotalItemsInView=len(found),
        IncludesLastItemInRange=offset + most >= len(found),
    )
