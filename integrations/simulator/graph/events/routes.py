"""Create, read, change and delete events; by id also single occurrences of a series.

The last of `ids` is the event's; before it comes the calendar's where the path names one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from integrations.simulator.graph import calendars, writing
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import expanding, finding, listing, properties, reading, refusals, rendering
from integrations.simulator.graph.events.finding import Found
from integrations.simulator.graph.events.storing import CONTENT
from integrations.simulator.graph.replies import NO_CONTENT, Reply, created
from integrations.simulator.models import Event


def every(asking: Asking) -> Reply:
    """In all calendars of the mailbox."""
    return listing.events(asking, Event.objects.filter(calendar__person=asking.person), "events")


def in_default(asking: Asking) -> Reply:
    return listing.events(asking, calendars.default_of(asking).events.all(), "calendar/events")


def in_calendar(asking: Asking, calendar_id: str) -> Reply:
    calendar = calendars.by_id(asking, calendar_id)
    return listing.events(asking, calendar.events.all(), f"calendars('{calendar.graph_id}')/events")


def create(asking: Asking, calendar_id: str | None = None) -> Reply:
    asking.check_options(["$select", "$expand"])
    with transaction.atomic():
        calendar = calendars.by_id(asking, calendar_id) if calendar_id else calendars.default_of(asking)
        fields = reading.new(asking.body)
        twin = writing.twin(calendar, fields.get("transaction_id"))
        if twin:
            raise refusals.duplicate_transaction(rendering.id_of(twin, asking.prefer))
        event = writing.create(calendar, fields, now=asking.now)
    location = f"{asking.base}/{asking.owner}/events('{rendering.id_of(event, asking.prefer)}')"
    return created(entity(asking, Found(event)), location=location, etag=rendering.etag(event))


def read(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    asking.check_options(["$select", "$expand"])
    found = finding.find(asking, *ids, in_default=in_default)
    return Reply(entity(asking, found), headers={"ETag": found.etag})


def change(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    asking.check_options(["$select", "$expand"])
    with transaction.atomic():
        found = finding.find(asking, *ids, in_default=in_default)
        check_unchanged(asking, found)
        present = found.row
        fields = reading.changes(asking.body, present)
        _check_is_theirs(present, fields)
        event = apply(found, fields, now=asking.now)
    return Reply(entity(asking, Found(event)), headers={"ETag": rendering.etag(event)})


def delete(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    with transaction.atomic():
        found = finding.find(asking, *ids, in_default=in_default)
        check_unchanged(asking, found)
        remove(found, now=asking.now)
    return NO_CONTENT


def instances(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    found = finding.find(asking, *ids, in_default=in_default)
    if found.occurrence:
        raise refusals.no_series()
    return listing.instances(asking, found.event, f"events('{rendering.id_of(found.event, asking.prefer)}')/instances")


def entity(asking: Asking, found: Found) -> str:
    """The whole answer about one event."""
    selected, expand = properties.selected(asking), expanding.read(asking)
    context = rendering.as_json({"@odata.context": rendering.context(asking, "events", of_one=True)})
    if found.occurrence:
        text = rendering.as_json(rendering.occurrence(found.event, found.occurrence, asking, selected, expand))
    elif selected is None and expand is None:
        text = rendering.text(found.event, asking)
    else:
        text = rendering.as_json(rendering.shown(found.event, asking, selected, expand))
    return f"{context[:-1]},{text[1:]}"


def check_unchanged(asking: Asking, found: Found) -> None:
    """`If-Match`, where the client sent one: the etag it read, or `*`."""
    if asking.if_match is None:
        return
    wanted = {one.strip() for one in asking.if_match.split(",")}
    if "*" not in wanted and found.etag not in wanted:
        raise refusals.changed_meanwhile()


def remove(found: Found, *, now: datetime) -> None:
    if found.occurrence:
        writing.remove_occurrence(found.event, found.occurrence.day, now=now)
    else:
        writing.remove(found.event, now=now)


def apply(found: Found, fields: dict[str, Any], *, now: datetime) -> Event:
    if found.occurrence:
        return writing.change_occurrence(found.event, found.occurrence.day, fields, now=now)
    return writing.change(found.event, fields, now=now)


def _check_is_theirs(event: Event, fields: dict[str, Any]) -> None:
    """An attendee's copy has the organizer's time, place and people; sending them back unchanged does no harm."""
    if event.response == "organizer":
        return
    foreign = [name for name in CONTENT if name in fields and fields[name] != getattr(event, name)]
    if "attendees" in fields and _people(fields["attendees"]) != _people(event.attendees):
        foreign.append("attendees")
    if foreign:
        raise refusals.not_yours_to_change(", ".join(foreign))


def _people(attendees: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["address"].lower(), one["type"]) for one in attendees}
