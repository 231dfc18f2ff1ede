"""The properties of a calendar item, each by itself, in the order of the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any
from xml.etree.ElementTree import Element

from integrations.simulator.ews import folders, ids, moments, recurring
from integrations.simulator.ews.elements import el, group
from integrations.simulator.ews.entries import FREE_BUSY, RESPONSES, Entry, item_id, location
from integrations.simulator.ews.shapes import Shape
from integrations.simulator.graph import recurrence, zones
from integrations.simulator.graph.events import html
from integrations.simulator.graph.recurrence import Occurrence
from integrations.simulator.models import Event

# Bits of AppointmentState.
_MEETING, _RECEIVED, _CANCELLED = 1, 2, 4


def mailbox(name: str, address: str) -> Element:
    return el(
        "t:Mailbox",
        el("t:Name", name),
        el("t:EmailAddress", address),
        el("t:RoutingType", "SMTP"),
        el("t:MailboxType", "Mailbox"),
    )


def _body(entry: Entry, shape: Shape) -> Element:
    kept = entry.event.body
    if (url := entry.event.online_meeting_url) and url not in kept:
        # As Teams writes it into each meeting that it makes.
        invitation = f'<div>Microsoft Teams meeting<br><a href="{escape(url)}">Join the meeting now</a><br>{url}</div>'
        kept = f"{kept}{invitation}" if kept else html.kept(invitation, "html")
    if shape.body == "Text":
        return el("t:Body", html.as_text(kept), BodyType="Text", IsTruncated=False)
    return el("t:Body", kept, BodyType="HTML", IsTruncated=False)


def _parent(entry: Entry, _: Shape) -> Element:
    calendar = entry.event.calendar
    return el("t:ParentFolderId", Id=ids.exchange(calendar.graph_id), ChangeKey=calendar.change_key)


def _item_class(entry: Entry, _: Shape) -> Element:
    is_exception = entry.kind == "Exception"
    return el(
        "t:ItemClass", "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}" if is_exception else "IPM.Appointment"
    )


def _categories(entry: Entry, _: Shape) -> Element | None:
    given = entry.event.categories
    return el("t:Categories", None, *(el("t:String", name) for name in given)) if given else None


def _attendees(tag: str, kind: str) -> Callable[[Entry, Shape], Element | None]:
    def write(entry: Entry, _: Shape) -> Element | None:
        people = [_attendee(one) for one in entry.event.attendees if one["type"] == kind]
        return group(f"t:{tag}", people) if people else None

    return write


def _attendee(one: Mapping[str, Any]) -> Element:
    return el(
        "t:Attendee",
        mailbox(one["name"], one["address"]),
        el("t:ResponseType", RESPONSES.get(one["response"], "Unknown")),
        el("t:LastResponseTime", one["time"]) if one.get("time") else None,
    )


def _state(entry: Entry) -> int:
    event = entry.event
    received = _RECEIVED if event.response != "organizer" else 0
    return (_MEETING if entry.is_meeting else 0) + received + (_CANCELLED if event.is_cancelled else 0)


def _recurrence(entry: Entry, _: Shape) -> Element | None:
    kept = entry.event.recurrence
    return recurring.element(kept) if kept and entry.kind == "RecurringMaster" else None


def _duration(entry: Entry) -> str:
    minutes = int((entry.ends_at - entry.starts_at).total_seconds()) // 60
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    return f"P{f'{days}D' if days else ''}{f'T{time}' if time else ''}" if days or time else "PT0S"


def _occurrence_info(tag: str, master: Event, occ: Occurrence) -> Element:
    entry = Entry(master, occ)
    return _info(tag, entry, entry.starts_at)


def _info(tag: str, entry: Entry, original: datetime) -> Element:
    return el(
        tag,
        item_id(entry),
        el("t:Start", moments.shown(entry.starts_at)),
        el("t:End", moments.shown(entry.ends_at)),
        el("t:OriginalStart", moments.shown(original)),
    )


def _first(entry: Entry, _: Shape) -> Element | None:
    if entry.kind != "RecurringMaster":
        return None
    series = recurrence.series_of(entry.event)
    found = recurrence.occurrence_on(series, series.first_day)
    return _occurrence_info("t:FirstOccurrence", entry.event, found) if found else None


def _last(entry: Entry, _: Shape) -> Element | None:
    if entry.kind != "RecurringMaster":
        return None
    series = recurrence.series_of(entry.event)
    day = recurrence.last_day(series)
    found = recurrence.occurrence_on(series, day) if day else None
    return _occurrence_info("t:LastOccurrence", entry.event, found) if found else None


def _exceptions(entry: Entry, *, is_removed: bool) -> list[tuple[Entry, datetime]]:
    if entry.kind != "RecurringMaster":
        return []
    rows = entry.event.exceptions.filter(is_removed=is_removed).select_related("calendar", "master")
    found = [Entry(row) for row in rows.order_by("original_date")]
    return [(one, one.original_start) for one in found if one.original_start is not None]


def _modified(entry: Entry, _: Shape) -> Element | None:
    found = _exceptions(entry, is_removed=False)
    return group("t:ModifiedOccurrences", [_info("t:Occurrence", one, at) for one, at in found]) if found else None


def _deleted(entry: Entry, _: Shape) -> Element | None:
    found = _exceptions(entry, is_removed=True)
    gone = [el("t:DeletedOccurrence", el("t:Start", moments.shown(at))) for _, at in found]
    return group("t:DeletedOccurrences", gone) if gone else None


def _zone(tag: str, name: str) -> Element:
    shown = zones.windows_name(name or "UTC")
    return el(f"t:{tag}", Id=shown, Name=shown)


def _value(tag: str, value: Callable[[Entry], object]) -> Callable[[Entry, Shape], Element | None]:
    """A property of one word; None is none at all."""

    def write(entry: Entry, _: Shape) -> Element | None:
        found = value(entry)
        if found is None:
            return None
        return el(f"t:{tag}", moments.shown(found) if isinstance(found, datetime) else found)

    return write


def _rights(entry: Entry, _: Shape) -> Element:
    return folders.rights()


PROPERTIES: Mapping[str, Callable[[Entry, Shape], Element | None]] = {
    "item:ParentFolderId": _parent,
    "item:ItemClass": _item_class,
    "item:Subject": _value("Subject", lambda one: one.event.subject),
    "item:Sensitivity": _value("Sensitivity", lambda one: one.event.sensitivity.capitalize()),
    "item:Body": _body,
    "item:DateTimeReceived": _value("DateTimeReceived", lambda one: one.event.created_at),
    "item:Size": _value("Size", lambda one: 4096 + len(one.event.body)),
    "item:Categories": _categories,
    "item:Importance": _value("Importance", lambda one: one.event.importance.capitalize()),
    "item:IsSubmitted": _value("IsSubmitted", lambda one: False),
    "item:IsDraft": _value("IsDraft", lambda one: False),
    "item:IsFromMe": _value("IsFromMe", lambda one: False),
    "item:IsResend": _value("IsResend", lambda one: False),
    "item:IsUnmodified": _value("IsUnmodified", lambda one: False),
    "item:DateTimeSent": _value("DateTimeSent", lambda one: one.event.created_at),
    "item:DateTimeCreated": _value("DateTimeCreated", lambda one: one.event.created_at),
    "item:ReminderDueBy": _value("ReminderDueBy", lambda one: one.starts_at),
    "item:ReminderIsSet": _value("ReminderIsSet", lambda one: one.event.is_reminder_on),
    "item:ReminderMinutesBeforeStart": _value("ReminderMinutesBeforeStart", lambda one: one.event.reminder_minutes),
    "item:HasAttachments": _value("HasAttachments", lambda one: False),
    "item:Culture": _value("Culture", lambda one: "en-US"),
    "item:EffectiveRights": _rights,
    "item:LastModifiedName": _value("LastModifiedName", lambda one: one.event.organizer_name),
    "item:LastModifiedTime": _value("LastModifiedTime", lambda one: one.event.modified_at),
    "calendar:UID": _value("UID", lambda one: one.event.uid),
    "calendar:RecurrenceId": _value("RecurrenceId", lambda one: one.original_start),
    "calendar:DateTimeStamp": _value("DateTimeStamp", lambda one: one.event.modified_at),
    "calendar:Start": _value("Start", lambda one: one.starts_at),
    "calendar:End": _value("End", lambda one: one.ends_at),
    "calendar:OriginalStart": _value("OriginalStart", lambda one: one.original_start),
    "calendar:IsAllDayEvent": _value("IsAllDayEvent", lambda one: one.event.is_all_day),
    "calendar:LegacyFreeBusyStatus": _value("LegacyFreeBusyStatus", lambda one: FREE_BUSY[one.event.show_as]),
    "calendar:Location": _value("Location", location),
    "calendar:IsMeeting": _value("IsMeeting", lambda one: one.is_meeting),
    "calendar:IsCancelled": _value("IsCancelled", lambda one: one.event.is_cancelled),
    "calendar:IsRecurring": _value("IsRecurring", lambda one: one.master is not None),
    "calendar:MeetingRequestWasSent": _value("MeetingRequestWasSent", lambda one: bool(one.event.attendees)),
    "calendar:IsResponseRequested": _value("IsResponseRequested", lambda one: one.event.is_response_requested),
    "calendar:CalendarItemType": _value("CalendarItemType", lambda one: one.kind),
    "calendar:MyResponseType": _value("MyResponseType", lambda one: RESPONSES.get(one.event.response, "Unknown")),
    "calendar:Organizer": lambda one, _: el(
        "t:Organizer", mailbox(one.event.organizer_name, one.event.organizer_address)
    ),
    "calendar:RequiredAttendees": _attendees("RequiredAttendees", "required"),
    "calendar:OptionalAttendees": _attendees("OptionalAttendees", "optional"),
    "calendar:Resources": _attendees("Resources", "resource"),
    "calendar:Duration": _value("Duration", _duration),
    "calendar:AppointmentReplyTime": _value("AppointmentReplyTime", lambda one: one.event.responded_at),
    "calendar:AppointmentSequenceNumber": _value("AppointmentSequenceNumber", lambda one: 0),
    "calendar:AppointmentState": _value("AppointmentState", _state),
    "calendar:Recurrence": _recurrence,
    "calendar:FirstOccurrence": _first,
    "calendar:LastOccurrence": _last,
    "calendar:ModifiedOccurrences": _modified,
    "calendar:DeletedOccurrences": _deleted,
    "calendar:StartTimeZone": lambda one, _: _zone("StartTimeZone", one.event.time_zone),
    "calendar:EndTimeZone": lambda one, _: _zone("EndTimeZone", one.event.end_time_zone),
    "calendar:ConferenceType": _value("ConferenceType", lambda one: 0),
    "calendar:AllowNewTimeProposal": _value("AllowNewTimeProposal", lambda one: one.event.allows_new_times),
    "calendar:IsOnlineMeeting": _value("IsOnlineMeeting", lambda one: bool(one.event.online_meeting_url)),
    "calendar:JoinOnlineMeetingUrl": _value("JoinOnlineMeetingUrl", lambda one: one.event.online_meeting_url),
    "calendar:IsOrganizer": _value("IsOrganizer", lambda one: one.event.response == "organizer"),
}
