"""A calendar item as Exchange writes it: those of its properties that were asked for."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from integrations.simulator.ews import extended, refusals
from integrations.simulator.ews.elements import group
from integrations.simulator.ews.entries import Entry, item_id
from integrations.simulator.ews.properties import PROPERTIES
from integrations.simulator.ews.shapes import Shape


def element(entry: Entry, shape: Shape, *, is_found: bool = False) -> Element:
    """`is_found`: in an answer of FindItem, which has the plain properties only."""
    asked_too_much = sorted(shape.fields & _NOT_FOUND) if is_found else []
    if asked_too_much:
        raise refusals.not_in_this_request(asked_too_much[0])
    wanted = shape.fields | _BASES[shape.base]
    if is_found:
        wanted -= _NOT_FOUND
    parts = [write(entry, shape) for name, write in PROPERTIES.items() if name in wanted]
    more = [extended.element(entry.event, uri) for uri in shape.extended]
    return group("t:CalendarItem", [item_id(entry), *(one for one in (*parts, *more) if one is not None)])


def property_of(entry: Entry, name: str) -> Element | None:
    return PROPERTIES[name](entry, _PLAIN)


def is_searchable(name: str) -> bool:
    return name in PROPERTIES and name not in _NOT_FOUND - {"item:Body"}


_PLAIN = Shape("IdOnly", "Text", frozenset(), ())
# These FindItem never has: GetItem is for them.
_NOT_FOUND = frozenset({
    "item:Body", "item:MimeContent", "item:Attachments", "item:ResponseObjects", "item:InternetMessageHeaders",
    "item:UniqueBody", "item:TextBody", "item:NormalizedBody",
    "calendar:RequiredAttendees", "calendar:OptionalAttendees", "calendar:Resources", "calendar:Recurrence",
    "calendar:FirstOccurrence", "calendar:LastOccurrence", "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences", "calendar:ConflictingMeetings", "calendar:AdjacentMeetings",
})  # fmt: skip
_BASES = {
    "IdOnly": frozenset[str](),
    "Default": frozenset({
        "item:Subject", "item:HasAttachments", "item:ReminderIsSet", "item:Body", "calendar:Start", "calendar:End",
        "calendar:LegacyFreeBusyStatus", "calendar:Location", "calendar:IsRecurring", "calendar:CalendarItemType",
        "calendar:MyResponseType", "calendar:Organizer", "calendar:RequiredAttendees", "calendar:OptionalAttendees",
        "calendar:Resources", "calendar:IsMeeting", "calendar:IsCancelled", "calendar:IsAllDayEvent",
    }),
    # Newer than what the base knows: Exchange has these only for who names them.
    "AllProperties": frozenset(PROPERTIES) - {"calendar:JoinOnlineMeetingUrl", "calendar:IsOrganizer"},
}  # fmt: skip
