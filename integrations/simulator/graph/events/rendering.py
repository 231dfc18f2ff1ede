"""An event as Graph writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

from integrations.simulator.graph import extended, recurrence, times, zones
from integrations.simulator.graph.asking import Asking, Preferences
from integrations.simulator.graph.events import html, properties
from integrations.simulator.graph.events.expanding import Expand
from integrations.simulator.graph.recurrence import Occurrence
from integrations.simulator.models import Event

NEVER = "0001-01-01T00:00:00Z"
PLAIN = Preferences()
# Where an event's iCalUId has the day of the occurrence it stands for.
_PREFIX = "040000008200E00074C5B7101A82E008"


def document(event: Event) -> str:
    """The event for who asks for nothing special; `Event.document` keeps it, written anew with every change."""
    return as_json(_without_unset(_members(event, PLAIN)))


def shown(
    event: Event,
    asking: Asking,
    selected: tuple[str, ...] | None = None,
    expand: Expand | None = None,
) -> dict[str, Any]:
    """A row: whatever is selected, the id and the etag come along, as they do from Graph."""
    everything = _members(event, asking.prefer)
    return {**_chosen(everything, asking, selected), **_asked_for(event, asking, selected, expand)}


def occurrence(
    master: Event,
    occ: Occurrence,
    asking: Asking,
    selected: tuple[str, ...] | None = None,
    expand: Expand | None = None,
) -> dict[str, Any]:
    """An ordinary occurrence: its series' properties at its own time."""
    everything = {**_members(master, asking.prefer), **_of_occurrence(master, occ, asking.prefer)}
    more = extended.shown(master, expand.extended) if expand and expand.extended else {}
    return {**_chosen(everything, asking, selected), **more}


def stub(master: Event, occ: Occurrence, asking: Asking) -> dict[str, Any]:
    """What delta says of an occurrence: the rest is its master's."""
    prefer = asking.prefer
    return {
        "@odata.type": "#microsoft.graph.event",
        "@odata.etag": etag(master),
        "id": recurrence.occurrence_id(id_of(master, prefer), occ.day),
        "seriesMasterId": id_of(master, prefer),
        "type": "occurrence",
        "start": times.shown(occ.starts_at, prefer.zone, prefer.zone_name, is_all_day=master.is_all_day),
        "end": times.shown(occ.ends_at, prefer.zone, prefer.zone_name, is_all_day=master.is_all_day),
    }


def text(event: Event, asking: Asking) -> str:
    """A row as JSON; the kept document where that says the same."""
    if is_plain(asking):
        return event.document or document(event)
    return as_json(shown(event, asking))


def context(asking: Asking, what: str, *, of_one: bool = False) -> str:
    """Whose, what, and which properties, if some were selected."""
    selected = properties.selected(asking)
    names = f"({','.join(selected)})" if selected else ""
    return f"{asking.base}/$metadata#{asking.owner}/{what}{names}{'/$entity' if of_one else ''}"


def is_plain(asking: Asking) -> bool:
    """Whether the kept documents are the answer."""
    prefer = asking.prefer
    is_usual = (prefer.zone_name, prefer.body_type, prefer.immutable_ids) == ("UTC", "html", False)
    return is_usual and not properties.is_basic(asking)


def etag(event: Event) -> str:
    return f'W/"{event.change_key}"'


def id_of(event: Event, prefer: Preferences) -> str:
    return str(event.immutable_id if prefer.immutable_ids else event.graph_id)


def web_link(event_id: str) -> str:
    return f"https://outlook.office365.com/owa/?itemid={quote(event_id)}&exvsurl=1&path=/calendar/item"


def occurrence_uid(ical_uid: str, day: date) -> str:
    """A series' iCalUId with the day in it: the same in all mailboxes, another for each occurrence."""
    if not ical_uid.startswith(_PREFIX):
        return f"{ical_uid}-{day:%Y%m%d}"
    start = len(_PREFIX)
    return f"{_PREFIX}{day.year:04X}{day.month:02X}{day.day:02X}{ical_uid[start + 8 :]}"


def as_json(members: Mapping[str, Any]) -> str:
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def _members(event: Event, prefer: Preferences) -> dict[str, Any]:
    return {
        "@odata.etag": etag(event),
        **_identity(event, prefer),
        **_subject(event, prefer),
        **_when(event, prefer),
        **_where(event),
        **_who(event),
        **_online(event),
    }


def _without_unset(everything: dict[str, Any]) -> dict[str, Any]:
    """Graph leaves these two out unless they mean something."""
    return {
        name: value
        for name, value in everything.items()
        if value is not None or name not in ("transactionId", "originalStart")
    }


def _chosen(everything: dict[str, Any], asking: Asking, selected: tuple[str, ...] | None) -> dict[str, Any]:
    if selected is None:
        whole = _without_unset(everything)
        if not properties.is_basic(asking):
            return whole
        return {name: value for name, value in whole.items() if name not in properties.NOT_BASIC}
    names = dict.fromkeys(("@odata.etag", "id", *selected))
    return {name: everything[name] for name in names if name in everything}


def _asked_for(event: Event, asking: Asking, selected: tuple[str, ...] | None, expand: Expand | None) -> dict[str, Any]:
    """What comes only when it is named."""
    names = {*(selected or ()), *(expand.names if expand else ())}
    more = extended.shown(event, expand.extended) if expand and expand.extended else {}
    if event.kind != Event.Kind.MASTER:
        return {**more, **({"exceptionOccurrences": []} if "exceptionOccurrences" in names else {})}
    if "cancelledOccurrences" in names:
        gone = event.exceptions.filter(is_removed=True).order_by("original_date")
        more["cancelledOccurrences"] = [_occurrence_name(event, one.original_date, asking.prefer) for one in gone]
    if "exceptionOccurrences" in names:
        kept = event.exceptions.filter(is_removed=False).order_by("original_date")
        more["exceptionOccurrences"] = [shown(one, asking) for one in kept.select_related("master")]
    return more


def _identity(event: Event, prefer: Preferences) -> dict[str, Any]:
    master = event.master
    return {
        "id": id_of(event, prefer),
        "createdDateTime": times.stamp(event.created_at),
        "lastModifiedDateTime": times.stamp(event.modified_at),
        "changeKey": event.change_key,
        "transactionId": event.transaction_id,
        "iCalUId": event.ical_uid,
        "uid": event.uid,
        "type": str(event.kind),
        "seriesMasterId": id_of(master, prefer) if master else None,
        "occurrenceId": _occurrence_name(master, event.original_date, prefer) if master else None,
        "originalStart": _original_start(master, event.original_date) if master else None,
        "recurrence": event.recurrence,
        "webLink": web_link(event.graph_id),
    }


def _of_occurrence(master: Event, occ: Occurrence, prefer: Preferences) -> dict[str, Any]:
    event_id = recurrence.occurrence_id(id_of(master, prefer), occ.day)
    return {
        "id": event_id,
        "transactionId": None,
        "iCalUId": occurrence_uid(master.ical_uid, occ.day),
        "type": "occurrence",
        "seriesMasterId": id_of(master, prefer),
        "occurrenceId": _occurrence_name(master, occ.day, prefer),
        "originalStart": times.second_stamp(occ.starts_at),
        "recurrence": None,
        "webLink": web_link(recurrence.occurrence_id(master.graph_id, occ.day)),
        "start": times.shown(occ.starts_at, prefer.zone, prefer.zone_name, is_all_day=master.is_all_day),
        "end": times.shown(occ.ends_at, prefer.zone, prefer.zone_name, is_all_day=master.is_all_day),
    }


def _occurrence_name(master: Event, day: date | None, prefer: Preferences) -> str:
    return f"OID.{id_of(master, prefer)}.{day}"


def _original_start(master: Event, day: date | None) -> str | None:
    if master.recurrence is None or day is None:
        return None
    usual = recurrence.occurrence_on(recurrence.series_of(master), day)
    return times.second_stamp(usual.starts_at) if usual else None


def _subject(event: Event, prefer: Preferences) -> dict[str, Any]:
    plain = html.as_text(event.body)
    return {
        "subject": event.subject,
        "bodyPreview": plain[:255],
        "body": {"contentType": prefer.body_type, "content": plain if prefer.body_type == "text" else event.body},
        "categories": event.categories,
        "importance": event.importance,
        "sensitivity": event.sensitivity,
        "hasAttachments": False,
    }


def _when(event: Event, prefer: Preferences) -> dict[str, Any]:
    return {
        "start": times.shown(event.starts_at, prefer.zone, prefer.zone_name, is_all_day=event.is_all_day),
        "end": times.shown(event.ends_at, prefer.zone, prefer.zone_name, is_all_day=event.is_all_day),
        "originalStartTimeZone": zones.windows_name(event.time_zone),
        "originalEndTimeZone": zones.windows_name(event.end_time_zone or event.time_zone),
        "isAllDay": event.is_all_day,
        "isCancelled": event.is_cancelled,
        "showAs": event.show_as,
        "isReminderOn": event.is_reminder_on,
        "reminderMinutesBeforeStart": event.reminder_minutes,
    }


def _where(event: Event) -> dict[str, Any]:
    locations = [_location(one) for one in event.locations]
    nowhere = {
        "displayName": "",
        "locationType": "default",
        "uniqueIdType": "unknown",
        "address": {},
        "coordinates": {},
    }
    return {"location": locations[0] if locations else nowhere, "locations": locations}


def _location(one: Mapping[str, Any]) -> dict[str, Any]:
    usual = {
        "displayName": "",
        "locationType": "default",
        "uniqueId": one.get("displayName", ""),
        "uniqueIdType": "private",
    }
    return {**usual, **one}


def _who(event: Event) -> dict[str, Any]:
    return {
        "isOrganizer": event.response == "organizer",
        "organizer": {"emailAddress": {"name": event.organizer_name, "address": event.organizer_address}},
        "attendees": [_attendee(one) for one in event.attendees],
        "responseStatus": {
            "response": event.response,
            "time": times.second_stamp(event.responded_at) if event.responded_at else NEVER,
        },
        "responseRequested": event.is_response_requested,
        "allowNewTimeProposals": event.allows_new_times,
        "hideAttendees": event.hides_attendees,
        "isDraft": False,
    }


def _attendee(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": one["type"],
        "status": {"response": one["response"], "time": one.get("time") or NEVER},
        "emailAddress": {"name": one["name"], "address": one["address"]},
    }


def _online(event: Event) -> dict[str, Any]:
    url = event.online_meeting_url
    return {
        "isOnlineMeeting": bool(url),
        "onlineMeetingProvider": "teamsForBusiness" if url else "unknown",
        "onlineMeetingUrl": None,
        "onlineMeeting": {"joinUrl": url} if url else None,
    }
