"""Settings of a mailbox: to read; its time zone also to change."""

from __future__ import annotations

from typing import Any

from integrations.simulator.graph import errors, zones
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.errors import Refused
from integrations.simulator.models import Person

# fmt: off
PROPERTIES = (
    "archiveFolder", "automaticRepliesSetting", "dateFormat", "delegateMeetingMessageDeliveryOptions", "language",
    "timeFormat", "timeZone", "userPurpose", "workingHours",
)
# fmt: on


def show(asking: Asking) -> dict[str, Any]:
    asking.check_options(["$select"])
    selected = asking.selected(PROPERTIES, "mailboxSettings") or PROPERTIES
    everything = _settings(asking)
    return {"@odata.context": _context(asking), **{name: everything[name] for name in selected}}


def one(asking: Asking, name: str) -> dict[str, Any]:
    """`mailboxSettings/timeZone`: a plain value, or an object with its own context."""
    known = {each.lower(): each for each in PROPERTIES}
    if name.lower() not in known:
        raise errors.no_such_segment(name)
    name = known[name.lower()]
    value = _settings(asking)[name]
    context = {"@odata.context": f"{_context(asking)}/{name}"}
    return {**context, **value} if isinstance(value, dict) else {**context, "value": value}


def change(asking: Asking) -> dict[str, Any]:
    for name in asking.body:
        if name.startswith("@"):
            continue
        if name.lower() not in {each.lower() for each in PROPERTIES}:
            raise errors.no_such_property(name, "mailboxSettings")
        if name != "timeZone":
            raise errors.not_simulated(name)
    if "timeZone" in asking.body:
        _move(asking.person, asking.body["timeZone"])
    return show(asking)


def _move(person: Person, zone: object) -> None:
    if not isinstance(zone, str) or zones.find(zone) is None:
        raise Refused(400, "ErrorInvalidTimeZone", f"The time zone '{str(zone)[:60]}' is not valid.")
    Person.objects.filter(pk=person.pk).update(time_zone=zone)
    person.time_zone = zone


def _settings(asking: Asking) -> dict[str, Any]:
    zone = zones.windows_name(asking.person.time_zone)
    return {
        "archiveFolder": None,
        "timeZone": zone,
        "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
        "dateFormat": "dd/MM/yyyy",
        "timeFormat": "HH:mm",
        "userPurpose": "user",
        "automaticRepliesSetting": _replies(asking),
        "language": {"locale": "en-GB", "displayName": "English (United Kingdom)"},
        "workingHours": {
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": zone},
        },
    }


def _replies(asking: Asking) -> dict[str, Any]:
    today = {"dateTime": f"{asking.now:%Y-%m-%dT%H}:00:00.0000000", "timeZone": "UTC"}
    return {
        "status": "disabled",
        "externalAudience": "all",
        "internalReplyMessage": "",
        "externalReplyMessage": "",
        "scheduledStartDateTime": today,
        "scheduledEndDateTime": today,
    }


def _context(asking: Asking) -> str:
    return f"{asking.base}/$metadata#{asking.owner}/mailboxSettings"
