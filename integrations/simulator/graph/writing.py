"""The only writer of events. `fields` are columns of `Event`; copies in the mailboxes of attendees follow.

What cannot be is refused with `errors.Refused`, in Graph's words. Change numbers, kept documents and notices follow
from `events.storing`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from integrations.simulator.graph import meetings, recurrence
from integrations.simulator.graph.events import refusals, storing
from integrations.simulator.models import Calendar, Event

Fields = Mapping[str, Any]


@transaction.atomic
def create(calendar: Calendar, fields: Fields, *, now: datetime, tells: bool = True) -> Event:
    """Organized by the calendar's person. The same `transaction_id` again is refused.

    Here as below, `tells` is whether the attendees hear of it.
    """
    present = twin(calendar, fields.get("transaction_id"))
    if present:
        raise refusals.duplicate_transaction(present.graph_id)
    owner = calendar.person
    event = storing.blank(
        calendar, {"organizer_name": owner.name, "organizer_address": owner.address, **fields}, now=now
    )
    storing.settle(event)
    storing.insert(event, now=now)
    if tells:
        meetings.invite(event, now=now)
    return event


@transaction.atomic
def change(event: Event, fields: Fields, *, now: datetime, tells: bool = True) -> Event:
    """Only what `fields` names. A series whose times change loses its exceptions, as in Outlook."""
    event = _latest(event)
    if event.kind == Event.Kind.EXCEPTION and event.master and event.original_date:
        return change_occurrence(event.master, event.original_date, fields, now=now, tells=tells)
    before = _as_it_was(event)
    _apply(event, fields)
    storing.settle(event)
    is_moved = meetings.is_moved(before, event)
    _keep_answers(before, event, is_moved=is_moved)
    was_series = before.kind == Event.Kind.MASTER
    if was_series and is_moved:
        if tells:
            meetings.call_off_strays(event, now=now)
        storing.drop_exceptions(event)
    storing.update(event, now=now, before=before if was_series and is_moved else None)
    if was_series and not is_moved:
        meetings.carry_on(before, event, now=now)
    if tells:
        meetings.follow(before, event, now=now)
    return event


@transaction.atomic
def change_occurrence(master: Event, day: date, fields: Fields, *, now: datetime, tells: bool = True) -> Event:
    """The occurrence of that day becomes (or stays) an exception."""
    master = _latest(master)
    exception = storing.exception_of(master, day)
    if exception.is_removed:
        raise refusals.no_such_item()
    if "recurrence" in fields and fields["recurrence"] is not None:
        raise refusals.invalid("An occurrence has no recurrence of its own.")
    before = _as_it_was(exception)
    _apply(exception, {name: value for name, value in fields.items() if name != "recurrence"})
    storing.settle(exception)
    _check_neighbours(master, exception)
    _keep_answers(before, exception, is_moved=meetings.is_moved(before, exception))
    storing.put(exception, now=now)
    if tells:
        meetings.follow(before, exception, now=now)
    return exception


@transaction.atomic
def remove(event: Event, *, now: datetime, tells: bool = True) -> None:
    """An organizer's goes from the calendars of all attendees, too: there it stays as cancelled."""
    event = _latest(event)
    if event.kind == Event.Kind.EXCEPTION and event.master and event.original_date:
        remove_occurrence(event.master, event.original_date, now=now, tells=tells)
        return
    if tells:
        meetings.call_off(event, now=now)
    storing.erase(event)


@transaction.atomic
def remove_occurrence(master: Event, day: date, *, now: datetime, tells: bool = True) -> None:
    master = _latest(master)
    exception = storing.exception_of(master, day)
    if exception.is_removed:
        raise refusals.no_such_item()
    if tells:
        meetings.call_off(exception, now=now)
    storing.take_out(exception, now=now)


def twin(calendar: Calendar, transaction_id: str | None) -> Event | None:
    """The event of that mailbox which was created under the same transaction id, if it is still there."""
    if not transaction_id:
        return None
    return Event.objects.filter(calendar__person=calendar.person_id, transaction_id=transaction_id).first()


def _latest(event: Event) -> Event:
    found = Event.objects.select_related("calendar__person", "master__calendar").filter(pk=event.pk).first()
    if found is None or found.is_removed:
        raise refusals.no_such_item()
    return found


def _as_it_was(event: Event) -> Event:
    before = copy.copy(event)
    before.attendees = copy.deepcopy(event.attendees)
    return before


def _apply(event: Event, fields: Fields) -> None:
    for name, value in fields.items():
        if name == "transaction_id":
            # It names the creation; it cannot change.
            continue
        setattr(event, name, {**event.extended, **value} if name == "extended" else value)


def _keep_answers(before: Event, event: Event, *, is_moved: bool) -> None:
    """Who stays keeps their answer, unless they answered for another time."""
    answers = {} if is_moved else {one["address"].lower(): one for one in before.attendees}
    event.attendees = [
        {**one, "response": answer["response"], "time": answer.get("time")}
        if (answer := answers.get(one["address"].lower()))
        else {**one, "response": "none", "time": None}
        for one in event.attendees
    ]


def _check_neighbours(master: Event, exception: Event) -> None:
    """It must stay between the days of the occurrences before and after it."""
    series = recurrence.series_of(master)
    day = exception.original_date
    if day is None:
        return
    others = {
        one.original_date: one for one in master.exceptions.exclude(original_date=day) if one.original_date is not None
    }
    starts = exception.starts_at.astimezone(series.clock).date()
    ends = exception.ends_at.astimezone(series.clock)
    earlier, later = (_day_of(series, others, one) for one in recurrence.neighbours(series, day))
    last = ends.date() if ends.time() != ends.time().min or exception.ends_at == exception.starts_at else None
    if earlier and starts <= earlier:
        raise refusals.crossing()
    if later and (starts >= later or (last and last > later)):
        raise refusals.crossing()


def _day_of(series: recurrence.Series, others: Mapping[date, Event], day: date | None) -> date | None:
    """Where an occurrence stands now, if it is there at all."""
    if day is None or day not in others:
        return day
    moved = others[day]
    return None if moved.is_removed else moved.starts_at.astimezone(series.clock).date()
