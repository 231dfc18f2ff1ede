"""Copies of meetings: what an organizer does comes to the calendars of the attendees, and their answers back.

All tenants of this process are one world: whoever has a mailbox here gets a copy. Everybody else is only a name.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower

from integrations.simulator.graph import times
from integrations.simulator.graph.events import storing
from integrations.simulator.models import Calendar, Event, Person

CANCELLED = "Canceled: "
_UNANSWERED = {"response": "notResponded", "responded_at": None, "show_as": "tentative"}


def invite(event: Event, *, now: datetime) -> None:
    for calendar, address in _calendars(event, _addresses(event)):
        _deliver(event, calendar, address, now=now)


def follow(before: Event, event: Event, *, now: datetime) -> None:
    """After the organizer's change: the new are invited, the removed called off, the others see what changed."""
    if event.response != "organizer":
        return
    earlier, present = _addresses(before), _addresses(event)
    moved = is_moved(before, event)
    for calendar, _ in _calendars(event, earlier - present):
        _cancel(event, calendar, now=now)
    for calendar, address in _calendars(event, present - earlier):
        _deliver(event, calendar, address, now=now)
    if moved or _content(before) != _content(event) or earlier != present:
        for calendar, address in _calendars(event, present & earlier):
            _renew(event, calendar, address, moved=moved, now=now)


def call_off(event: Event, *, now: datetime) -> None:
    """Before the organizer's is deleted."""
    if event.response != "organizer":
        return
    for calendar, _ in _calendars(event, _addresses(event)):
        _cancel(event, calendar, now=now)
    if event.kind == Event.Kind.MASTER:
        call_off_strays(event, now=now)


def call_off_strays(master: Event, *, now: datetime) -> None:
    """Those who were invited to single occurrences of a series, which are no more."""
    if master.response != "organizer":
        return
    for exception in master.exceptions.filter(is_removed=False).select_related("calendar"):
        for calendar, _ in _calendars(exception, _addresses(exception) - _addresses(master)):
            _cancel(exception, calendar, now=now)


def carry_on(before: Event, master: Event, *, now: datetime) -> None:
    """What a series changes, its exceptions change too, where they had not gone their own way."""
    for exception in master.exceptions.filter(is_removed=False).select_related("calendar", "master"):
        changed = False
        for name in (*storing.CONTENT, *storing.OWN):
            old, new = getattr(before, name), getattr(master, name)
            if name not in storing.TIMES and old != new and getattr(exception, name) == old:
                setattr(exception, name, new)
                changed = True
        if before.attendees != master.attendees and _who(exception) == _who(before):
            exception.attendees = _answers_carried(before, master, exception)
            changed = True
        if changed:
            storing.update(exception, now=now)


def _answers_carried(before: Event, master: Event, exception: Event) -> list[dict[str, Any]]:
    """Who answered for the one occurrence alone keeps that answer."""
    usual = {one["address"].lower(): one["response"] for one in before.attendees}
    own = {
        one["address"].lower(): one
        for one in exception.attendees
        if one["response"] != usual.get(one["address"].lower())
    }
    return [copy.deepcopy(own.get(one["address"].lower(), one)) for one in master.attendees]


def respond(mine: Event, answer: str, *, now: datetime, tells_organizer: bool) -> None:
    """`answer` is accepted, tentativelyAccepted or declined. A declined meeting leaves the calendar, as in Outlook.

    `mine` is the attendee's copy, which for one occurrence may be a row that is not there yet.
    """
    theirs = of_organizer(mine)
    if answer == "declined":
        _leave(mine, now=now)
    else:
        before = copy.copy(mine)
        usual = theirs.show_as if theirs else "busy"
        mine.response, mine.responded_at = answer, now
        mine.show_as = "tentative" if answer == "tentativelyAccepted" else usual
        mine.attendees = _answered(mine.attendees, mine.calendar.person, answer, now=now)
        storing.put(mine, now=now)
        if mine.kind == Event.Kind.MASTER:
            carry_on(before, mine, now=now)
    if theirs and tells_organizer:
        earlier = copy.copy(theirs)
        theirs.attendees = _answered(theirs.attendees, mine.calendar.person, answer, now=now)
        storing.put(theirs, now=now)
        if theirs.kind == Event.Kind.MASTER:
            carry_on(earlier, theirs, now=now)


def of_organizer(mine: Event) -> Event | None:
    """The organizer's own row, if their mailbox is here."""
    rows = Event.objects.select_related("calendar__person", "master__calendar").filter(
        uid=mine.uid, response="organizer", is_removed=False
    )
    same = rows.filter(ical_uid=mine.ical_uid).first()
    if same or mine.kind != Event.Kind.EXCEPTION or mine.original_date is None:
        return same
    series = rows.filter(kind=Event.Kind.MASTER).first()
    if series is None or series.exceptions.filter(original_date=mine.original_date).exists():
        return None
    return storing.exception_of(series, mine.original_date)


def is_moved(before: Event, event: Event) -> bool:
    return any(getattr(before, name) != getattr(event, name) for name in storing.TIMES)


def somebody(address: str) -> Person | None:
    """With a mailbox here."""
    return next(iter(_people([address.lower()])), None) if address.isprintable() else None


def is_one_of(person: Person, address: str) -> bool:
    return address.lower() in _all_addresses(person)


def _leave(mine: Event, *, now: datetime) -> None:
    if mine.kind == Event.Kind.EXCEPTION:
        storing.take_out(mine, now=now)
    else:
        storing.erase(copy.copy(mine))


def _deliver(event: Event, calendar: Calendar, address: str, *, now: datetime) -> None:
    """A copy that nobody has answered; one that is there from before is made anew."""
    present = _counterpart(event, calendar)
    mine = present or storing.blank(calendar, {"ical_uid": event.ical_uid}, now=now, uid=event.uid)
    before = copy.copy(mine) if present and present.pk else None
    mine.is_removed = False
    for name, value in _UNANSWERED.items():
        setattr(mine, name, value)
    _copy_content(event, mine, address)
    _put(mine, before, now=now)
    if event.kind == Event.Kind.MASTER:
        for exception in event.exceptions.select_related("calendar"):
            _deliver_exception(exception, calendar, address, now=now)


def _deliver_exception(exception: Event, calendar: Calendar, address: str, *, now: datetime) -> None:
    if not exception.is_removed:
        _deliver(exception, calendar, address, now=now)
        return
    mine = _counterpart(exception, calendar)
    if mine:
        storing.take_out(mine, now=now)


def _renew(event: Event, calendar: Calendar, address: str, *, moved: bool, now: datetime) -> None:
    """Who declined or deleted it hears again only of another time."""
    mine = _counterpart(event, calendar)
    if mine is None or mine.is_removed or moved:
        if moved:
            _deliver(event, calendar, address, now=now)
        return
    before = copy.copy(mine)
    _copy_content(event, mine, address)
    _put(mine, before, now=now)
    if mine.kind == Event.Kind.MASTER:
        carry_on(before, mine, now=now)


def _cancel(event: Event, calendar: Calendar, *, now: datetime) -> None:
    mine = _counterpart(event, calendar)
    if mine is None or mine.is_removed or mine.is_cancelled:
        return
    _mark_cancelled(mine, now=now)
    if mine.kind == Event.Kind.MASTER:
        for exception in mine.exceptions.filter(is_removed=False, is_cancelled=False).select_related("calendar"):
            _mark_cancelled(exception, now=now)


def _mark_cancelled(mine: Event, *, now: datetime) -> None:
    mine.subject = f"{CANCELLED}{mine.subject}"[:255]
    mine.is_cancelled, mine.show_as = True, "free"
    storing.put(mine, now=now)


def _put(mine: Event, before: Event | None, *, now: datetime) -> None:
    storing.settle(mine)
    was_series = before is not None and before.kind == Event.Kind.MASTER
    is_other = was_series and before is not None and is_moved(before, mine)
    if is_other:
        storing.drop_exceptions(mine)
    storing.put(mine, now=now, before=before if is_other else None)


def _copy_content(event: Event, mine: Event, address: str) -> None:
    for name in storing.CONTENT:
        setattr(mine, name, getattr(event, name))
    shown = [one for one in event.attendees if not event.hides_attendees or one["address"].lower() == address]
    mine.attendees = [
        {**one, "response": mine.response if one["address"].lower() == address else "none", "time": None}
        for one in shown
    ]
    if mine.kind == Event.Kind.EXCEPTION:
        mine.recurrence = None


def _counterpart(event: Event, calendar: Calendar) -> Event | None:
    """The copy of this event in that calendar; of an exception, one that its series there could have."""
    rows = calendar.events.select_related("calendar__person", "master__calendar")
    same = rows.filter(uid=event.uid, ical_uid=event.ical_uid).first()
    if same or event.kind != Event.Kind.EXCEPTION or event.original_date is None:
        return same
    series = rows.filter(uid=event.uid, kind=Event.Kind.MASTER).first()
    return storing.exception_of(series, event.original_date) if series else None


def _calendars(event: Event, addresses: Iterable[str]) -> Iterator[tuple[Calendar, str]]:
    wanted = set(addresses)
    if not wanted:
        return
    for person in _people(wanted):
        if person.pk == event.calendar.person_id:
            continue
        calendar = person.calendars.filter(is_default=True).first()
        if calendar:
            calendar.person = person
            yield calendar, next(iter(_all_addresses(person) & wanted))


def _people(addresses: Iterable[str]) -> Sequence[Person]:
    wanted = set(addresses)
    # Mail reaches a server of the organization's own, too.
    here = Person.objects.filter(deleted_at=None).exclude(mailbox=Person.Mailbox.NONE)
    named = here.annotate(lower_mail=Lower("mail"), lower_upn=Lower("upn")).filter(
        Q(lower_mail__in=wanted) | Q(lower_upn__in=wanted)
    )
    found: dict[int, Person] = {person.pk: person for person in named}
    found |= {person.pk: person for person in here.exclude(aliases=[]) if _all_addresses(person) & wanted}
    return [*found.values()]


def _all_addresses(person: Person) -> set[str]:
    return {address.lower() for address in (person.mail, person.upn, *person.aliases) if address}


def _addresses(event: Event) -> set[str]:
    return {one["address"].lower() for one in event.attendees}


def _who(event: Event) -> list[tuple[str, str]]:
    return [(one["address"].lower(), one["type"]) for one in event.attendees]


def _content(event: Event) -> list[Any]:
    return [getattr(event, name) for name in storing.CONTENT]


def _answered(
    attendees: Iterable[dict[str, Any]], person: Person, answer: str, *, now: datetime
) -> list[dict[str, Any]]:
    return [
        {**one, "response": answer, "time": times.second_stamp(now)} if is_one_of(person, one["address"]) else one
        for one in attendees
    ]
