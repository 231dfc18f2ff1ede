"""A calendar item as a client sends it, turned into what a client of Graph would send: one set of rules for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulator.ews import entries, extended, moments, recurring, refusals
from integrations.simulator.ews.entries import Entry
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import extended as graph_extended
from integrations.simulator.graph import zones
from integrations.simulator.graph.events import reading, storing
from integrations.simulator.models import Event

Body = dict[str, Any]
_KINDS = {"RequiredAttendees": "required", "OptionalAttendees": "optional", "Resources": "resource"}
_ZONES = ("StartTimeZone", "EndTimeZone", "MeetingTimeZone")
_TIMES = ("Start", "End", "IsAllDayEvent", *_ZONES)
# Sent along by clients, and decided by Exchange all the same.
_IGNORED = frozenset({
    "ItemClass", "UID", "DateTimeStamp", "ConferenceType", "MimeContent", "Culture", "ReminderDueBy", "When",
    "MeetingWorkspaceUrl", "NetShowUrl", "IsDraft", "Flag",
})  # fmt: skip
_FREE_BUSY = {exchange: graph for graph, exchange in entries.FREE_BUSY.items()}
# What taking a property away leaves behind.
_EMPTY: Mapping[str, Body] = {
    "item:Body": {"body": None},
    "item:Categories": {"categories": []},
    "item:Subject": {"subject": ""},
    "calendar:Location": {"location": None},
    "calendar:Recurrence": {"recurrence": None},
}


def new(item: Node, asking: Asking) -> dict[str, Any]:
    given = {one.name: one for one in item if one.name != "ExtendedProperty"}
    body = _body(given, None)
    if "Start" not in given or "End" not in given:
        raise Refused("ErrorCalendarInvalidPropertyState", "A calendar item needs a start and an end.")
    body |= _times(given, None, asking)
    body |= _recurrence(given, body, None)
    body |= _extended([one for one in item if one.name == "ExtendedProperty"])
    return reading.new(body)


def changes(updates: Node | None, entry: Entry, asking: Asking) -> dict[str, Any]:
    """Of `SetItemField`, `AppendToItemField` and `DeleteItemField`; an attendee changes only what is their own."""
    if updates is None or not updates.children:
        raise refusals.schema("The element 'Updates' is incomplete.")
    event = storing.exception_of(entry.event, entry.occ.day) if entry.occ else entry.event
    given: dict[str, Node] = {}
    body: Body = {}
    properties: list[Node] = []
    for one in updates:
        if one.name == "DeleteItemField":
            body |= _deleted(one, {**event_people(event), **body})
        elif one.name in ("SetItemField", "AppendToItemField"):
            field = _set(one)
            if field.name == "ExtendedProperty":
                properties.append(field)
            else:
                given[field.name] = _appended(field, event) if one.name == "AppendToItemField" else field
        else:
            raise refusals.schema(f"The element '{one.name[:40]}' is not expected.")
    body |= _body(given, event)
    if set(_TIMES) & set(given):
        body |= _times(given, event, asking)
    body |= _recurrence(given, body, event)
    body |= _extended(properties)
    fields = reading.changes(body, event)
    _check_is_theirs(event, fields)
    return fields


def event_people(event: Event) -> Body:
    """Attendees come in three lists: those that are not sent stay."""
    return {"attendees": [_person(one["name"], one["address"], one["type"]) for one in event.attendees]}


def _body(given: Mapping[str, Node], event: Event | None) -> Body:
    body: Body = {}
    for name, node in given.items():
        if name in _TIMES or name == "Recurrence" or name in _IGNORED:
            continue
        if name in _KINDS:
            body |= _attendees(node, body, event)
            continue
        reader = _READERS.get(name)
        if reader is None:
            raise Refused("ErrorInvalidPropertySet", "Set action is invalid for property.").because(
                f"{name[:40]} cannot be set."
            )
        body |= reader(node)
    return body


def _times(given: Mapping[str, Node], event: Event | None, asking: Asking) -> Body:
    """Local time and zone, as Graph has them; days that are whole begin and end at midnight there."""
    start_zone = _zone_of(given, "StartTimeZone") or (event.time_zone if event else asking.zone or "UTC")
    end_zone = _zone_of(given, "EndTimeZone") or (event.end_time_zone if event else start_zone)
    is_all_day = _flag(given["IsAllDayEvent"]) if "IsAllDayEvent" in given else bool(event and event.is_all_day)
    if is_all_day:
        end_zone = start_zone
    entry = Entry(event) if event else None
    start = _moment(given, "Start", start_zone) or (entry.starts_at if entry else None)
    end = _moment(given, "End", end_zone) or (entry.ends_at if entry else None)
    if start is None or end is None:
        raise Refused("ErrorCalendarInvalidPropertyState", "A calendar item needs a start and an end.")
    if end < start:
        raise refusals.view_backward()
    starts, ends = start.astimezone(_clock(start_zone)), end.astimezone(_clock(end_zone))
    if is_all_day:
        starts, ends = _whole_days(starts, ends)
    return {
        "start": {"dateTime": f"{starts:%Y-%m-%dT%H:%M:%S}", "timeZone": start_zone},
        "end": {"dateTime": f"{ends:%Y-%m-%dT%H:%M:%S}", "timeZone": end_zone},
        "isAllDay": is_all_day,
    }


def _whole_days(starts: datetime, ends: datetime) -> tuple[datetime, datetime]:
    """A start is pushed to the midnight before it, an end to the one after it, as Exchange does."""
    first = datetime.combine(starts.date(), time())
    last = datetime.combine(ends.date(), time())
    if ends.replace(tzinfo=None) > last:
        last += timedelta(days=1)
    return first, max(last, first + timedelta(days=1))


def _moment(given: Mapping[str, Node], name: str, zone: str) -> datetime | None:
    return moments.read(given[name].text, name, _clock(zone)) if name in given else None


def _zone_of(given: Mapping[str, Node], name: str) -> str | None:
    """The oldest schema has one zone for both, under another name."""
    node = given.get(name) or given.get("MeetingTimeZone")
    if node is None:
        return None
    named = node.attributes.get("Id") or node.attributes.get("TimeZoneName") or ""
    _clock(named)
    return named


def _clock(name: str) -> ZoneInfo:
    found = zones.find(name)
    if found is None:
        raise refusals.unknown_zone(name)
    return found


def _recurrence(given: Mapping[str, Node], body: Body, event: Event | None) -> Body:
    node = given.get("Recurrence")
    if node is None:
        return {}
    zone = body["start"]["timeZone"] if "start" in body else (event.time_zone if event else "UTC")
    found = recurring.read(node, zone)
    start = body["start"]["dateTime"][:10] if "start" in body else _first_day(event, zone)
    if found["range"]["startDate"] != start:
        # Exchange takes the day of the start; a range that begins on another is put right.
        found["range"]["startDate"] = start
    return {"recurrence": found}


def _first_day(event: Event | None, zone: str) -> str:
    if event is None:
        raise Refused("ErrorCalendarInvalidPropertyState", "A calendar item needs a start and an end.")
    return Entry(event).starts_at.astimezone(_clock(zone)).date().isoformat()


def _attendees(node: Node, body: Body, event: Event | None) -> Body:
    kind = _KINDS[node.name]
    present = body.get("attendees") or (event_people(event)["attendees"] if event else [])
    return {"attendees": [one for one in present if one["type"] != kind] + [_attendee(one, kind) for one in node]}


def _attendee(node: Node, kind: str) -> Body:
    address = node.value("Mailbox", "EmailAddress")
    if not address:
        raise Refused("ErrorInvalidRecipients", "At least one recipient is not valid.")
    return _person(node.value("Mailbox", "Name") or address, address.removeprefix("SMTP:"), kind)


def _person(name: str, address: str, kind: str) -> Body:
    return {"type": kind, "emailAddress": {"name": name, "address": address}}


def _set(update: Node) -> Node:
    """The one property that it sets, which is in a copy of the item."""
    item = update.find("CalendarItem") or update.find("Item")
    if item is None or len(item.children) != 1:
        raise Refused(
            "ErrorIncorrectUpdatePropertyCount",
            "An object within a change description must contain one and only one property to modify.",
        )
    return item.children[0]


def _appended(field: Node, event: Event) -> Node:
    if field.name == "Body":
        return Node("", "Body", field.attributes, [], f"{event.body}{field.text}")
    raise Refused("ErrorInvalidPropertyAppend", "Append action is invalid for property.")


def _deleted(update: Node, body: Body) -> Body:
    path = update.find("FieldURI")
    name = path.attributes.get("FieldURI", "") if path else ""
    kind = _KINDS.get(name.removeprefix("calendar:"))
    if kind:
        return {"attendees": [one for one in body["attendees"] if one["type"] != kind]}
    if name not in _EMPTY:
        raise Refused("ErrorInvalidPropertyDelete", "Delete action is invalid for property.")
    return dict(_EMPTY[name])


def _extended(properties: list[Node]) -> Body:
    found = {name: value for one in properties for name, value in extended.read(one).items()}
    return {graph_extended.NAME: [{"id": name, "value": value} for name, value in found.items()]} if found else {}


def _check_is_theirs(event: Event, fields: Mapping[str, Any]) -> None:
    """An attendee's copy has the organizer's time, place and people."""
    if event.response == "organizer":
        return
    foreign = [name for name in storing.CONTENT if name in fields and fields[name] != getattr(event, name)]
    if foreign or "attendees" in fields:
        raise refusals.access_denied().because("Only the organizer of a meeting can change what all of them have.")


def _flag(node: Node) -> bool:
    value = {"true": True, "1": True, "false": False, "0": False}.get(node.text.strip())
    if value is None:
        raise refusals.schema(f"The '{node.name[:40]}' element is invalid.")
    return value


def _whole(node: Node) -> int:
    text = node.text.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise refusals.schema(f"The '{node.name[:40]}' element is invalid.")
    return int(text)


def _one_of(words: Mapping[str, str], node: Node) -> str:
    value = words.get(node.text.strip())
    if value is None:
        raise refusals.schema(f"The '{node.name[:40]}' element is invalid - The value '{node.text[:40]}' is invalid.")
    return value


def _html(node: Node) -> Body:
    return {"contentType": "text" if node.attributes.get("BodyType") == "Text" else "html", "content": node.text}


_SENSITIVITY = {name.capitalize(): name for name in reading.SENSITIVITY}
_IMPORTANCE = {name.capitalize(): name for name in reading.IMPORTANCE}
_READERS: Mapping[str, Callable[[Node], Body]] = {
    "Subject": lambda node: {"subject": node.text},
    "Body": lambda node: {"body": _html(node)},
    "Sensitivity": lambda node: {"sensitivity": _one_of(_SENSITIVITY, node)},
    "Importance": lambda node: {"importance": _one_of(_IMPORTANCE, node)},
    "Categories": lambda node: {"categories": [one.text for one in node]},
    "Location": lambda node: {"location": {"displayName": node.text}},
    "LegacyFreeBusyStatus": lambda node: {"showAs": _one_of(_FREE_BUSY, node)},
    "ReminderIsSet": lambda node: {"isReminderOn": _flag(node)},
    "ReminderMinutesBeforeStart": lambda node: {"reminderMinutesBeforeStart": _whole(node)},
    "IsResponseRequested": lambda node: {"responseRequested": _flag(node)},
    "AllowNewTimeProposal": lambda node: {"allowNewTimeProposals": _flag(node)},
}
