"""The entries of a seed's calendar: what happens when, with whom."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from integrations.simulator.seeds.cast import Cast
from integrations.simulator.seeds.fields import Fields
from integrations.simulator.seeds.seed import Attendee, Change, Day, Meeting, Repeats

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RESPONSES = ("accepted", "tentativelyAccepted", "declined", "notResponded", "none")
DETAILS = {
    "show_as": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "importance": ("low", "normal", "high"),
}
UNITS = ("day", "week", "month", "year")
WHICH = ("first", "second", "third", "fourth", "last")
_SOMEBODY = re.compile(r"(.+?)\s*<([^<>\s]+@[^<>\s]+)>")


def meeting(data: Fields, cast: Cast) -> Meeting:
    found = Meeting(
        slug=data.text("slug", longest=60),
        subject=data.text("subject", longest=255),
        organizer=_who(data, "organizer", data.text("organizer"), cast, "organizer"),
        attendees=_attendees(data, cast),
        calendar=_calendar(data, cast),
        days=_weekdays(data, "days"),
        parity={None: None, "even": 0, "odd": 1}[data.optional_one_of("week", ("even", "odd"))],
        day=data.optional_day("date"),
        is_today="from_now" in data,
        from_now=data.number("from_now", 0, least=-1440, most=1440),
        starts=data.time("at"),
        minutes=data.number("minutes", 30, most=60 * 24 * 31),
        whole_days=data.number("whole_days", 0, most=366),
        is_series=data.flag("series"),
        repeats=data.under("repeats", _repeats),
        changes=data.each("changes", _change),
        zone=data.zone("zone", "Europe/London"),
        details=_details(data),
    )
    _check(data, found)
    return found


def _check(data: Fields, found: Meeting) -> None:
    """What fits together: each entry says in one way when it is."""
    if (bool(found.days), found.day is not None, found.is_today).count(True) != 1:
        raise data.wrong("", "an entry says exactly one of `days`, `date` and `from_now`.")
    if found.is_series and not found.days:
        raise data.wrong("series", "`series` goes with `days`; an entry with a `date` has `repeats`.")
    if found.repeats and found.day is None:
        raise data.wrong("repeats", "`repeats` goes with a `date`; an entry with `days` says `series: true`.")
    if found.parity is not None and not found.days:
        raise data.wrong("week", "`week` goes with `days`.")
    if found.changes and not (found.is_series or found.repeats):
        raise data.wrong("changes", "only a series (`series: true` or `repeats`) has occurrences that differ.")
    if found.whole_days and found.starts:
        raise data.wrong("at", "what takes whole days has no time of day.")
    if found.whole_days and found.is_today:
        raise data.wrong("from_now", "what takes whole days is not going on in so many minutes.")


def _attendees(data: Fields, cast: Cast) -> list[Attendee]:
    names = data.texts("attendees")
    optional = data.texts("optional")
    responses = data.named("responses")
    for name in [*responses, *optional]:
        if name not in names:
            raise data.wrong("attendees", f"“{name}” is not among them.")
    for name, response in responses.items():
        data.must_be_one_of(f"responses.{name}", str(response), RESPONSES)
    found = [
        _who(data, "attendees", name, cast, str(responses.get(name, "accepted")), is_optional=name in optional)
        for name in names
    ]
    if len({one.address.lower() for one in found}) != len(found):
        raise data.wrong("attendees", "somebody is there twice.")
    return found


def _who(data: Fields, name: str, who: str, cast: Cast, response: str, *, is_optional: bool = False) -> Attendee:
    """A key or an address of the seed's people, or `Name <address>` for somebody elsewhere."""
    kind = "optional" if is_optional else "required"
    if person := cast.find(data, name, who):
        return Attendee(person.name, person.address, response, kind)
    match = _SOMEBODY.fullmatch(who)
    if match is None:
        raise data.wrong(name, f"“{who}” is neither one of the people nor “Name <address>”.")
    return Attendee(match[1], match[2], response, kind)


def _calendar(data: Fields, cast: Cast) -> str | None:
    """One of the organiser's own; attendees have their copies in their default calendars."""
    if "calendar" not in data:
        return data.optional_text("calendar")
    name = data.text("calendar")
    organizer = cast.find(data, "organizer", data.text("organizer"))
    if organizer is None or name not in [one.name for one in organizer.calendars]:
        raise data.wrong("calendar", f"the organiser has no calendar “{name}” among their `calendars`.")
    return name


def _weekdays(data: Fields, name: str) -> list[int]:
    listed = data.texts(name)
    names = DAYS[:5] if listed == ["weekdays"] else listed
    return sorted({DAYS.index(data.must_be_one_of(name, one, DAYS)) for one in names})


def _repeats(data: Fields) -> Repeats:
    found = Repeats(
        unit=data.one_of("unit", UNITS),
        every=data.number("every", 1, least=1, most=99),
        days=_weekdays(data, "days"),
        day_of_month=data.optional_number("day_of_month", least=1, most=31),
        which=data.optional_one_of("which", WHICH),
        month=data.optional_number("month", least=1, most=12),
        times=data.optional_number("times", least=1, most=999),
        until=data.optional_day("until"),
    )
    if found.times and found.until:
        raise data.wrong("until", "a series ends after so many `times` or `until` a day, not both.")
    if found.which and not (found.days and found.unit in ("month", "year")):
        raise data.wrong("which", "`which` goes with `days`, monthly or yearly: the second Tuesday.")
    if found.days and found.unit != "week" and not found.which:
        raise data.wrong("days", "`days` are those of a week (`unit: week`), or go with `which`.")
    if found.day_of_month and (found.which or found.unit not in ("month", "year")):
        raise data.wrong("day_of_month", "this goes with `unit: month` or `year`, and not with `which`.")
    if found.month and found.unit != "year":
        raise data.wrong("month", "this goes with `unit: year`.")
    return found


def _change(data: Fields) -> Change:
    found = Change(
        day=data.day("date"),
        is_removed=data.flag("removed"),
        starts=data.time("at"),
        minutes=data.optional_number("minutes", least=0, most=60 * 24 * 31),
        subject=data.optional_text("subject", longest=255),
        location=data.optional_text("location"),
    )
    said = (found.starts, found.minutes, found.subject, found.location)
    if found.is_removed == any(one is not None for one in said):
        raise data.wrong(
            "", "an occurrence is either `removed`, or has another `at`, `minutes`, `subject` or `location`."
        )
    return found


def _details(data: Fields) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "location": data.optional_text("location"),
        "body": data.optional_text("body", longest=10_000),
        "online": data.optional_text("online", longest=500),
        "categories": data.texts("categories"),
        "cancelled": data.flag("cancelled"),
        "reminder": data.optional_number("reminder", least=0),
    }
    for name, choices in DETAILS.items():
        found[name] = data.optional_one_of(name, choices)
    return {name: value for name, value in found.items() if value not in (None, [], False)}


def on(day: Day, first: date) -> date:
    """`first` is the day of planting."""
    return day.date or date.fromordinal(first.toordinal() + day.offset)


def check_slugs(meetings: Sequence[tuple[Fields, Meeting]]) -> None:
    seen: set[str] = set()
    for data, found in meetings:
        if found.slug in seen:
            raise data.wrong("slug", f"“{found.slug}” is another entry’s already; events have their ids from it.")
        seen.add(found.slug)
