"""CreateItem, UpdateItem, DeleteItem: by the one writer of events, so that Graph tells of it too."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from django.db import transaction

from integrations.simulator.ews import answering, entries, finding, folders, reading, refusals, soap
from integrations.simulator.ews.elements import el, group
from integrations.simulator.ews.entries import Entry
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import errors
from integrations.simulator.graph import writing as events
from integrations.simulator.models import Calendar

# Of UpdateItem: what becomes of a change that somebody else has made meanwhile.
_RESOLUTIONS = ("NeverOverwrite", "AutoResolve", "AlwaysOverwrite")
_DELETIONS = ("HardDelete", "SoftDelete", "MoveToDeletedItems")
_SENDING = ("SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy", "SendOnlyToChanged", "SendToChangedAndSaveCopy")


def create(asking: Asking) -> Element:
    """Each item by itself; what is refused of one stops no other."""
    operation = asking.operation
    tells = _tells(operation, "SendMeetingInvitations")
    folder = operation.find("SavedItemFolderId")
    messages = []
    for given in folders.ids_in(operation, "Items"):

        def one(given: Node = given) -> Element:
            if given.name in answering.ANSWERS:
                return _success("CreateItem", [entries.only_id(each) for each in answering.answer(asking, given)])
            return _success("CreateItem", [entries.only_id(_create(asking, folder, given, tells=tells))])

        messages.append(_carefully("CreateItem", one))
    return soap.response("CreateItem", messages)


def update(asking: Asking) -> Element:
    operation = asking.operation
    resolution = operation.attributes.get("ConflictResolution")
    if resolution not in _RESOLUTIONS:
        raise refusals.schema("The 'ConflictResolution' attribute is invalid.")
    tells = _tells(operation, "SendMeetingInvitationsOrCancellations")
    messages = []
    for given in folders.ids_in(operation, "ItemChanges"):

        def one(given: Node = given) -> Element:
            return _updated(_update(asking, given, resolution, tells=tells))

        messages.append(_carefully("UpdateItem", one))
    return soap.response("UpdateItem", messages)


def delete(asking: Asking) -> Element:
    operation = asking.operation
    if operation.attributes.get("DeleteType") not in _DELETIONS:
        raise refusals.schema("The 'DeleteType' attribute is invalid.")
    tells = _tells(operation, "SendMeetingCancellations")
    messages = []
    for given in folders.ids_in(operation, "ItemIds"):

        def one(given: Node = given) -> Element:
            _delete(asking, given, tells=tells)
            return soap.success("DeleteItem")

        messages.append(_carefully("DeleteItem", one, is_bare=True))
    return soap.response("DeleteItem", messages)


def _carefully(operation: str, one: Callable[[], Element], *, is_bare: bool = False) -> Element:
    """All of one item or nothing of it; what Graph's part refuses is said under Exchange's codes."""
    content = [] if is_bare else [el("m:Items")]
    try:
        with transaction.atomic():
            return one()
    except errors.Refused as refused:
        return soap.failed(operation, _in_exchange_words(refused), *content)
    except Refused as refused:
        return soap.failed(operation, refused, *content)


def _create(asking: Asking, folder: Node | None, given: Node, *, tells: bool | None) -> Entry:
    if given.name != "CalendarItem":
        raise refusals.not_simulated(f"item {given.name[:40]}")
    if tells is None:
        raise Refused(
            "ErrorSendMeetingInvitationsRequired", "SendMeetingInvitations attribute is required for calendar items."
        )
    calendar = _calendar(asking, folder)
    return Entry(events.create(calendar, reading.new(given, asking), now=asking.now, tells=tells))


def _calendar(asking: Asking, given: Node | None) -> Calendar:
    if given is None or not given.children:
        return asking.default_calendar()
    folder = folders.find(asking, given.children[0])
    if folder.calendar is None:
        raise Refused(
            "ErrorCannotCreateCalendarItemInNonCalendarFolder",
            "Cannot create a calendar item in a folder that is not a calendar folder.",
        )
    folder.calendar.person = folder.person
    return folder.calendar


def _update(asking: Asking, given: Node, resolution: str, *, tells: bool | None) -> Entry:
    if given.name != "ItemChange" or not given.children:
        raise refusals.schema("The element 'ItemChange' is incomplete.")
    entry = finding.named(asking, given.children[0])
    if tells is None:
        raise Refused(
            "ErrorSendMeetingInvitationsOrCancellationsRequired",
            "SendMeetingInvitationsOrCancellations attribute is required for calendar items.",
        )
    _check_change_key(given.children[0], entry, resolution)
    updates = given.find("Updates")
    fields = reading.changes(updates, entry, asking)
    if entry.occ:
        return Entry(events.change_occurrence(entry.event, entry.occ.day, fields, now=asking.now, tells=tells))
    return Entry(events.change(entry.event, fields, now=asking.now, tells=tells))


def _delete(asking: Asking, given: Node, *, tells: bool | None) -> None:
    entry = finding.named(asking, given)
    if tells is None:
        raise Refused(
            "ErrorSendMeetingCancellationsRequired",
            "SendMeetingCancellations attribute is required for calendar items.",
        )
    if entry.occ:
        events.remove_occurrence(entry.event, entry.occ.day, now=asking.now, tells=tells)
    else:
        events.remove(entry.event, now=asking.now, tells=tells)


def _check_change_key(given: Node, entry: Entry, resolution: str) -> None:
    """What was read last must still hold, unless the client says that it does not care."""
    key = finding.change_key_of(given)
    if resolution == "AlwaysOverwrite":
        return
    if not key:
        raise refusals.no_change_key()
    if resolution == "NeverOverwrite" and key != entry.event.change_key:
        raise refusals.conflict()


def _tells(operation: Node, name: str) -> bool | None:
    """Whether attendees hear of it; None where the request does not say."""
    given = operation.attributes.get(name)
    if given is not None and given not in _SENDING:
        raise refusals.schema(f"The '{name}' attribute is invalid - The value '{given[:40]}' is invalid.")
    return None if given is None else given != "SendToNone"


def _success(operation: str, found: list[Element]) -> Element:
    return soap.success(operation, group("m:Items", found))


def _updated(entry: Entry) -> Element:
    conflicts = el("m:ConflictResults", el("t:Count", 0))
    return soap.success("UpdateItem", el("m:Items", entries.only_id(entry)), conflicts)


_WORDS = {
    "RequestBodyRead": "ErrorInvalidPropertySet",
    "TimeZoneNotSupportedException": "ErrorTimeZone",
    "NotImplemented": "ErrorInvalidOperation",
    "ErrorExceededMaxRecipientLimit": "ErrorInvalidRecipients",
}


def _in_exchange_words(refused: errors.Refused) -> Refused:
    return Refused(_WORDS.get(refused.code, refused.code), refused.message).because(refused.why)
