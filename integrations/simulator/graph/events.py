"""An event as Graph writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import Any
from urllib.parse import quote

from integrations.simulator.graph import times, zones
from integrations.simulator.graph.asking import Asking
from integrations.simulator.models import Event

NEVER = "0001-01-01T00:00:00Z"
# fmt: off
PROPERTIES = (
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "transactionId",
    "originalStartTimeZone", "originalEndTimeZone", "iCalUId", "uid", "reminderMinutesBeforeStart", "isReminderOn",
    "hasAttachments", "subject", "bodyPreview", "importance", "sensitivity", "isAllDay", "isCancelled",
    "isOrganizer", "responseRequested", "seriesMasterId", "showAs", "type", "webLink", "onlineMeetingUrl",
    "isOnlineMeeting", "onlineMeetingProvider", "allowNewTimeProposals", "occurrenceId", "isDraft", "hideAttendees",
    "responseStatus", "body", "start", "end", "location", "locations", "recurrence", "attendees", "organizer",
    "onlineMeeting",
)
# fmt: on
# Calendars.ReadBasic shows an event without these.
NOT_BASIC = frozenset({"body", "bodyPreview"})
_BLOCK = re.compile(r"<(?:br|/p|/div|/li)\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")


def properties(asking: Asking) -> Sequence[str]:
    """What this token may see: with Calendars.ReadBasic alone, no bodies."""
    full = {"Calendars.Read", "Calendars.ReadWrite", "Calendars.Read.Shared", "Calendars.ReadWrite.Shared"}
    return PROPERTIES if asking.scopes & full else tuple(name for name in PROPERTIES if name not in NOT_BASIC)


def shown(asking: Asking, event: Event, selected: tuple[str, ...] | None) -> dict[str, Any]:
    """Whatever is selected, the id, the etag, and the times' zone come along as they do from Graph."""
    everything = {
        **_identity(event),
        **_subject(event, asking),
        **_when(event, asking),
        **_who(event, asking),
        **_online(event),
    }
    names = properties(asking) if selected is None else ["id", *(name for name in selected if name != "id")]
    return {"@odata.etag": f'W/"{event.change_key}"', **{name: everything[name] for name in names}}


def as_text(html: str) -> str:
    return unescape(_TAG.sub("", _BLOCK.sub("\r\n", html))).strip()


def _identity(event: Event) -> dict[str, Any]:
    is_of_series = event.kind == Event.Kind.EXCEPTION
    master = event.master
    return {
        "id": event.graph_id,
        "createdDateTime": times.stamp(event.created_at),
        "lastModifiedDateTime": times.stamp(event.modified_at),
        "changeKey": event.change_key,
        "transactionId": None,
        "iCalUId": event.ical_uid,
        "uid": event.uid,
        "type": event.kind,
        "seriesMasterId": master.graph_id if master else None,
        "occurrenceId": (f"OID.{master.graph_id}.{event.starts_at:%Y-%m-%d}" if master and is_of_series else None),
        "recurrence": event.recurrence,
        "webLink": f"https://outlook.office365.com/owa/?itemid={quote(event.graph_id)}&exvsurl=1&path=/calendar/item",
    }


def _subject(event: Event, asking: Asking) -> dict[str, Any]:
    is_text = asking.prefer.body_type == "text"
    preview = as_text(event.body)
    return {
        "subject": event.subject,
        "bodyPreview": preview[:255],
        "body": {
            "contentType": asking.prefer.body_type,
            "content": preview if is_text else event.body,
        },
        "categories": event.categories,
        "importance": event.importance,
        "sensitivity": event.sensitivity,
        "hasAttachments": False,
    }


def _when(event: Event, asking: Asking) -> dict[str, Any]:
    zone, name = asking.prefer.zone, asking.prefer.zone_name
    original = zones.windows_name(event.time_zone)
    return {
        "start": times.shown(event.starts_at, zone, name, is_all_day=event.is_all_day),
        "end": times.shown(event.ends_at, zone, name, is_all_day=event.is_all_day),
        "originalStartTimeZone": original,
        "originalEndTimeZone": original,
        "isAllDay": event.is_all_day,
        "isCancelled": event.is_cancelled,
        "showAs": event.show_as,
        "isReminderOn": not event.is_all_day,
        "reminderMinutesBeforeStart": event.reminder_minutes,
        "location": _location(event),
        "locations": [_location(event)] if event.locations else [],
    }


def _who(event: Event, asking: Asking) -> dict[str, Any]:
    is_organizer = event.organizer_address == (asking.person.mail or asking.person.upn)
    answered = NEVER if event.response in ("organizer", "none", "notResponded") else times.stamp(event.modified_at)
    return {
        "isOrganizer": is_organizer,
        "organizer": {"emailAddress": {"name": event.organizer_name, "address": event.organizer_address}},
        "attendees": [
            {
                "type": attendee["type"],
                "status": {"response": attendee["response"], "time": NEVER},
                "emailAddress": {"name": attendee["name"], "address": attendee["address"]},
            }
            for attendee in event.attendees
        ],
        "responseStatus": {"response": event.response, "time": answered},
        "responseRequested": True,
        "allowNewTimeProposals": True,
        "hideAttendees": False,
        "isDraft": False,
    }


def _online(event: Event) -> dict[str, Any]:
    url = event.online_meeting_url
    return {
        "isOnlineMeeting": bool(url),
        "onlineMeetingProvider": "teamsForBusiness" if url else "unknown",
        "onlineMeetingUrl": None,
        "onlineMeeting": {"joinUrl": url} if url else None,
    }


def _location(event: Event) -> dict[str, Any]:
    if not event.locations:
        nowhere: dict[str, Any] = {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"}
        return nowhere | {"address": {}, "coordinates": {}}
    return {
        "displayName": event.locations[0]["displayName"],
        "locationType": "default",
        "uniqueId": event.locations[0]["displayName"],
        "uniqueIdType": "private",
    }
