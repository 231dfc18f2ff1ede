"""Writing in a mailbox as its person would in Outlook: change numbers, copies and notices follow as ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit, choice, number
from integrations.simulator.control.subjects import Appointment
from integrations.simulator.graph import writing, zones
from integrations.simulator.graph.errors import Refused
from integrations.simulator.models import Calendar, Person

GROUP = "Calendar"
REPEATS = {"never": "Never", "daily": "Daily", "weekly": "Weekly"}
SHOWN_AS = {"busy": "Busy", "free": "Free", "tentative": "Tentative", "oof": "Away", "workingElsewhere": "Elsewhere"}
MOST_TIMES = 500


def create(
    person: Person,
    *,
    subject: str,
    starts: datetime,
    minutes: int,
    location: str,
    body: str,
    show_as: str,
    attendees: list[str],
    repeat: str,
    times: int,
    now: datetime,
) -> str:
    calendar = Calendar.objects.select_related("person__tenant").filter(person=person, is_default=True).first()
    if calendar is None:
        raise Unfit(f"{person.name} has no calendar.", 409)
    zone = _zone(person)
    starts_at = _in_zone(starts, zone)
    fields = {
        "subject": subject,
        "body": body,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "time_zone": person.time_zone,
        "end_time_zone": person.time_zone,
        "locations": _locations(location),
        "show_as": show_as,
        "attendees": _attendees(attendees),
        "recurrence": _recurrence(repeat, times, starts_at.astimezone(zone), person.time_zone),
    }
    with _in_our_words():
        event = writing.create(calendar, fields, now=now)
    return f"“{event.subject}” is in {person.name}’s calendar, {_when(event.starts_at, zone)}."


def change(
    appointment: Appointment,
    *,
    subject: str | None,
    starts: datetime | None,
    minutes: int | None,
    location: str | None,
    body: str | None,
    show_as: str | None,
    now: datetime,
) -> str:
    fields: dict[str, Any] = {}
    given = {"subject": subject, "body": body, "show_as": show_as}
    fields |= {name: value for name, value in given.items() if value is not None}
    if location is not None:
        fields["locations"] = _locations(location)
    fields |= _times(appointment, starts, minutes)
    if not fields:
        raise Unfit("Say what changes.")
    with _in_our_words():
        if appointment.day is not None:
            event = writing.change_occurrence(appointment.event, appointment.day, fields, now=now)
        else:
            event = writing.change(appointment.event, fields, now=now)
    return f"“{event.subject}” is changed, {_when(event.starts_at, _zone(appointment.owner))}."


def remove(appointment: Appointment, *, now: datetime) -> str:
    with _in_our_words():
        if appointment.day is not None:
            writing.remove_occurrence(appointment.event, appointment.day, now=now)
        else:
            writing.remove(appointment.event, now=now)
    return f"“{appointment.event.subject}” is gone from {appointment.owner.name}’s calendar."


def _times(appointment: Appointment, starts: datetime | None, minutes: int | None) -> Mapping[str, datetime]:
    if starts is None and minutes is None:
        return {}
    starts_at = _in_zone(starts, _zone(appointment.owner)) if starts is not None else appointment.starts_at
    length = timedelta(minutes=minutes) if minutes is not None else appointment.ends_at - appointment.starts_at
    return {"starts_at": starts_at, "ends_at": starts_at + length}


def _zone(person: Person) -> ZoneInfo:
    return zones.find(person.time_zone) or ZoneInfo("UTC")


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """What was written without an offset is the mailbox's local time."""
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _when(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y} at {local:%H:%M}"


def _locations(name: str) -> list[dict[str, Any]]:
    return [{"displayName": name}] if name else []


def _attendees(addresses: list[str]) -> list[dict[str, Any]]:
    for address in addresses:
        if "@" not in address:
            raise Unfit(f"“{address[:100]}” is no address.")
    known = {person.address.lower(): person.name for person in Person.objects.filter(mail__in=addresses)}
    return [
        {
            "name": known.get(address.lower(), address),
            "address": address,
            "type": "required",
            "response": "none",
            "time": None,
        }
        for address in addresses
    ]


def _recurrence(repeat: str, times: int, starts: datetime, time_zone: str) -> dict[str, Any] | None:
    if repeat == "never":
        return None
    pattern: dict[str, Any] = {"type": repeat, "interval": 1}
    if repeat == "weekly":
        pattern |= {"daysOfWeek": [f"{starts:%A}".lower()], "firstDayOfWeek": "monday"}
    bounds = {
        "type": "numbered",
        "startDate": starts.date().isoformat(),
        "endDate": "0001-01-01",
        "numberOfOccurrences": times,
        "recurrenceTimeZone": time_zone,
    }
    return {"pattern": pattern, "range": bounds}


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Unfit(refused.message, 404 if refused.status == 404 else 400) from None


def _optional(name: str, label: str, kind: Kind, current: Any = None) -> Parameter:
    return Parameter(name=name, label=label, kind=kind, is_required=False, current=current)


def _of(name: str) -> Any:
    return lambda appointment: getattr(appointment, name)


ACTIONS = (
    Action(
        on="people",
        name="create-event",
        label="Create an event",
        group=GROUP,
        effect="As the person would in Outlook: delta tells of it, subscribers are notified, and attendees of this "
        "simulation find a copy in their calendars.",
        do=create,
        parameters=(
            Parameter(name="subject", label="Subject"),
            Parameter(name="starts", label="Starts (local time)", kind=Kind.MOMENT),
            number("minutes", "Minutes", 30, least=0, most=10_080),
            Parameter(name="location", label="Location", is_required=False, default=""),
            Parameter(name="body", label="Text", kind=Kind.LONG_TEXT, is_required=False, default=""),
            choice("show_as", "Shown as", SHOWN_AS, default="busy"),
            Parameter(name="attendees", label="Attendees", kind=Kind.WORDS, is_required=False, default=[]),
            choice("repeat", "Repeats", REPEATS, default="never"),
            number("times", "How many times", 10, least=1, most=MOST_TIMES),
        ),
        fits=lambda person: person.has_mailbox,
    ),
    Action(
        on="events",
        name="change",
        label="Change",
        group=GROUP,
        effect="As the person would in Outlook: the change key changes, delta tells of it, subscribers are notified.",
        do=change,
        parameters=(
            _optional("subject", "Subject", Kind.TEXT, _of("subject")),
            _optional("starts", "Starts (local time)", Kind.MOMENT, _of("local_start")),
            Parameter(
                name="minutes",
                label="Minutes",
                kind=Kind.NUMBER,
                is_required=False,
                most=100_000,
                current=_of("minutes"),
            ),
            _optional("location", "Location", Kind.TEXT, _of("location")),
            _optional("body", "Text", Kind.LONG_TEXT),
            Parameter(
                name="show_as",
                label="Shown as",
                kind=Kind.CHOICE,
                is_required=False,
                choices=SHOWN_AS,
                current=_of("show_as"),
            ),
        ),
    ),
    Action(
        on="events",
        name="delete",
        label="Delete",
        group=GROUP,
        effect="As the person would in Outlook: delta tells of it as @removed, subscribers are notified. If they "
        "organized "
        "it, the attendees’ copies are cancelled.",
        do=remove,
        is_harmful=True,
    ),
)
