"""An event as a client sends it: checked, and turned into columns of `Event`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from integrations.simulator.graph import extended
from integrations.simulator.graph.events import (
    attending,
    html,
    moments,
    patterns,
    places,
    properties,
    read_only,
    refusals,
    shapes,
)
from integrations.simulator.models import Event

SHOW_AS = ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown")
SENSITIVITY = ("normal", "personal", "private", "confidential")
IMPORTANCE = ("low", "normal", "high")
PROVIDERS = ("unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness")
LONGEST_SUBJECT = 255
LONGEST_TRANSACTION = 160
_MOST_MINUTES = 1_000_000
# Graph has these and the simulator lacks them: said so, instead of dropping them silently.
_NOT_SIMULATED = ("attachments", "extensions", "multiValueExtendedProperties")
_OTHERS = ("calendar", "instances", "cancelledOccurrences", "exceptionOccurrences")

Fields = dict[str, Any]


def new(body: Mapping[str, Any]) -> Fields:
    fields = _fields(body, None)
    if "starts_at" not in fields or "ends_at" not in fields:
        raise refusals.invalid("An event needs a start and an end.")
    return fields


def changes(body: Mapping[str, Any], event: Event) -> Fields:
    """Against the event as it is: a new start alone must still fit its end."""
    return _fields(body, event)


def _fields(body: Mapping[str, Any], event: Event | None) -> Fields:
    _check_names(body)
    fields: Fields = {}
    for name, reader in _READERS.items():
        if name in body:
            fields |= reader(body[name], name)
    if "locations" in body and body["locations"] is not None:
        fields |= places.read(body["locations"], "locations")
    fields |= _online(body, event)
    fields |= moments.read(body, event)
    fields |= _recurrence(body, fields, event)
    return fields


def _check_names(body: Mapping[str, Any]) -> None:
    shapes.check_type(body, "event")
    read_only.check(body)
    known = {*properties.PROPERTIES, *_OTHERS, extended.NAME}
    for name in body:
        if name in _NOT_SIMULATED and body[name]:
            raise refusals.not_simulated(name)
        if name not in known and name not in _NOT_SIMULATED and "@odata" not in name:
            raise refusals.unknown_property(name, "event")


def _recurrence(body: Mapping[str, Any], fields: Mapping[str, Any], event: Event | None) -> Fields:
    if "recurrence" not in body:
        return _moved_range(fields, event)
    if body["recurrence"] is None:
        return {"recurrence": None}
    zone = fields.get("time_zone") or (event.time_zone if event else "UTC")
    starts_at = fields.get("starts_at") or (event.starts_at if event else None)
    is_all_day = fields.get("is_all_day", event.is_all_day if event else False)
    if starts_at is None:
        raise refusals.invalid("An event needs a start and an end.")
    return {"recurrence": patterns.read(body["recurrence"], starts_at=starts_at, zone=zone, is_all_day=is_all_day)}


def _moved_range(fields: Mapping[str, Any], event: Event | None) -> Fields:
    """A series that starts on another day without being given another range: its range starts with it."""
    if event is None or event.recurrence is None or "starts_at" not in fields:
        return {}
    bounds = event.recurrence["range"]
    is_all_day = fields.get("is_all_day", event.is_all_day)
    zone = moments.zone("UTC" if is_all_day else bounds["recurrenceTimeZone"])
    start = fields["starts_at"].astimezone(zone).date().isoformat()
    if bounds["type"] == "endDate" and bounds["endDate"] < start:
        raise refusals.invalid("The series would start after its end.")
    return {"recurrence": {**event.recurrence, "range": {**bounds, "startDate": start}}}


def _online(body: Mapping[str, Any], event: Event | None) -> Fields:
    """Teams makes the meeting; once made it stays."""
    provider = body.get("onlineMeetingProvider")
    if provider is not None:
        shapes.enumerated(provider, "onlineMeetingProvider", PROVIDERS, "onlineMeetingProviderType")
    wanted = body.get("isOnlineMeeting")
    if wanted is None:
        return {}
    if not shapes.flag(wanted, "isOnlineMeeting") or (event and event.online_meeting_url):
        return {}
    meeting = quote(f"19:meeting_{secrets.token_urlsafe(36)}@thread.v2", safe="")
    return {"online_meeting_url": f"https://teams.microsoft.com/l/meetup-join/{meeting}/0"}


def _subject(value: object, name: str) -> Fields:
    text = shapes.text(value, name)
    if len(text) > LONGEST_SUBJECT:
        raise refusals.invalid(f"A subject has at most {LONGEST_SUBJECT} characters.")
    return {"subject": text}


def _body(value: object, name: str) -> Fields:
    if value is None:
        return {"body": ""}
    if not isinstance(value, Mapping):
        raise refusals.unreadable(name)
    kind = shapes.enumerated(value.get("contentType") or "text", "contentType", ("text", "html"), "bodyType")
    return {"body": html.kept(shapes.text(value.get("content"), "content"), kind)}


def _categories(value: object, name: str) -> Fields:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise refusals.unreadable(name)
    return {"categories": [*dict.fromkeys(value)]}


def _transaction(value: object, name: str) -> Fields:
    text = shapes.text(value, name)
    if len(text) > LONGEST_TRANSACTION:
        raise refusals.invalid(f"A transactionId has at most {LONGEST_TRANSACTION} characters.")
    return {"transaction_id": text or None}


def _reminder(value: object, name: str) -> Fields:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusals.unreadable(name)
    if not 0 <= value <= _MOST_MINUTES:
        raise refusals.invalid("The reminder is too far from the start.")
    return {"reminder_minutes": value}


def _yes_or_no(column: str) -> Callable[[object, str], Fields]:
    def read(value: object, name: str) -> Fields:
        return {column: shapes.flag(value, name)}

    return read


def _one_of(column: str, values: Sequence[str], enumeration: str) -> Callable[[object, str], Fields]:
    def read(value: object, name: str) -> Fields:
        return {column: shapes.enumerated(value, name, values, enumeration)}

    return read


_READERS: Mapping[str, Callable[[Any, str], Fields]] = {
    "subject": _subject,
    "body": _body,
    "location": places.read_one,
    "showAs": _one_of("show_as", SHOW_AS, "freeBusyStatus"),
    "sensitivity": _one_of("sensitivity", SENSITIVITY, "sensitivity"),
    "importance": _one_of("importance", IMPORTANCE, "importance"),
    "attendees": attending.read,
    "categories": _categories,
    "transactionId": _transaction,
    "reminderMinutesBeforeStart": _reminder,
    "isReminderOn": _yes_or_no("is_reminder_on"),
    "responseRequested": _yes_or_no("is_response_requested"),
    "allowNewTimeProposals": _yes_or_no("allows_new_times"),
    "hideAttendees": _yes_or_no("hides_attendees"),
    extended.NAME: lambda value, name: {"extended": extended.read(value)},
}
