"""POST calendar/getSchedule: when people and rooms of one's own organization are free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from integrations.simulator.graph import meetings, times, zones
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import listing, moments, refusals
from integrations.simulator.models import Event, Person

MOST_SCHEDULES = 20
MOST_DAYS = 62
SHORTEST, USUAL, LONGEST = 5, 30, 1440
# As digits of the availabilityView, from the weakest to the strongest.
_DIGITS = {"free": "0", "workingElsewhere": "4", "unknown": "0", "tentative": "1", "busy": "2", "oof": "3"}
_STRENGTH = [*_DIGITS]


@dataclass(frozen=True)
class Asked:
    schedules: Sequence[str]
    first: datetime
    last: datetime
    interval: timedelta


def show(asking: Asking) -> dict[str, Any]:
    asked = _read(asking.body)
    context = f"{asking.base}/$metadata#Collection(microsoft.graph.scheduleInformation)"
    return {"@odata.context": context, "value": [_schedule(asking, one, asked) for one in asked.schedules]}


def _read(body: Mapping[str, Any]) -> Asked:
    given = {name.lower(): value for name, value in body.items() if "@odata" not in name}
    for name in given:
        if name not in ("schedules", "starttime", "endtime", "availabilityviewinterval"):
            raise refusals.unknown_parameter(name)
    schedules = given.get("schedules")
    if not isinstance(schedules, list) or not schedules or not all(isinstance(one, str) for one in schedules):
        raise refusals.invalid("There is nobody to look for.")
    if len(schedules) > MOST_SCHEDULES:
        raise refusals.invalid(f"At most {MOST_SCHEDULES} schedules are looked at.")
    interval = given.get("availabilityviewinterval", USUAL)
    if isinstance(interval, bool) or not isinstance(interval, int) or not SHORTEST <= interval <= LONGEST:
        raise refusals.invalid(f"The interval has {SHORTEST} to {LONGEST} minutes.")
    first, last = (moments.one({name: given.get(name.lower())}, name).at for name in ("startTime", "endTime"))
    if not first < last <= first + timedelta(days=MOST_DAYS):
        raise refusals.invalid(f"The time to look at has at most {MOST_DAYS} days, and ends after it starts.")
    return Asked(schedules, first, last, timedelta(minutes=interval))


def _schedule(asking: Asking, address: str, asked: Asked) -> dict[str, Any]:
    person = meetings.somebody(address)
    if person is None or person.tenant_id != asking.person.tenant_id:
        return _nobody(address)
    calendar = person.calendars.filter(is_default=True).first()
    found = listing.inside(calendar, asked.first, asked.last) if calendar else []
    return {
        "scheduleId": address,
        "availabilityView": _view(found, asked),
        "scheduleItems": [_item(asking, person, one) for one in found],
        "workingHours": {
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": zones.windows_name(person.time_zone)},
        },
    }


def _nobody(address: str) -> dict[str, Any]:
    message = f"Unable to resolve e-mail address {address} to an Active Directory object."
    return {
        "scheduleId": address,
        "availabilityView": "",
        "scheduleItems": [],
        "error": {"message": message, "responseCode": "ErrorMailRecipientNotFound"},
    }


def _item(asking: Asking, person: Person, one: listing.Standing) -> dict[str, Any]:
    """Colleagues see when, not what: that is how organizations share calendars unless they say otherwise."""
    event, prefer = one.event, asking.prefer
    is_private = event.sensitivity in ("private", "personal", "confidential")
    detail = {"subject": event.subject, "location": _place(event)} if person.pk == asking.person.pk else {}
    return {
        "isPrivate": is_private,
        "status": event.show_as,
        **detail,
        "start": times.shown(one.starts_at, prefer.zone, prefer.zone_name, is_all_day=event.is_all_day),
        "end": times.shown(one.ends_at, prefer.zone, prefer.zone_name, is_all_day=event.is_all_day),
    }


def _place(event: Event) -> str:
    return str(event.locations[0].get("displayName", "")) if event.locations else ""


def _view(found: Iterable[listing.Standing], asked: Asked) -> str:
    """One digit for each interval: the strongest of what touches it."""
    standing, digits, at = list(found), [], asked.first
    while at < asked.last:
        until = at + asked.interval
        states = [one.event.show_as for one in standing if one.starts_at < until and one.ends_at > at]
        digits.append(_DIGITS[max(states, key=_STRENGTH.index, default="free")])
        at = until
    return "".join(digits)
