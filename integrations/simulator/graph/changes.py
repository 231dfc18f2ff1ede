"""What every change to a calendar leaves behind: its number, what was before, and word to who subscribed.

Whoever writes an event calls these in the same transaction. Delta queries live on them (see `delta.py`):

* created or changed: `event.change_number = take(event.calendar)`, save, `tell("created" | "updated", event)`;
* a series that gets another pattern, another time or another time zone: besides, `keep_version(before, number)` with
  the master as it was;
* deleted: `number = take(event.calendar)`, `bury(event, number)`, delete, `tell("deleted", event)`. Of a series, its
  master is enough: its exceptions and occurrences are buried with it. An exception alone is buried only when its row
  goes because the occurrence is no more (a new pattern); a cancelled occurrence is a row with `is_removed`, changed
  like any other.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models import F

from integrations.simulator.graph import notices
from integrations.simulator.models import Calendar, Event, SeriesVersion, Tombstone


def take(calendar: Calendar) -> int:
    """The next change number. Of two transactions the second waits for the first, so numbers commit in order."""
    Calendar.objects.filter(pk=calendar.pk).update(last_change=F("last_change") + 1)
    calendar.last_change = Calendar.objects.values_list("last_change", flat=True).get(pk=calendar.pk)
    return calendar.last_change


def bury(event: Event, number: int) -> None:
    """Before the row is deleted: exceptions of a series go with their master."""
    buried = [event]
    if event.kind == Event.Kind.MASTER:
        keep_version(event, number)
        buried += event.exceptions.filter(is_removed=False)
    Tombstone.objects.bulk_create(
        Tombstone(
            calendar_id=one.calendar_id,
            graph_id=one.graph_id,
            immutable_id=one.immutable_id,
            change_number=number,
        )
        for one in buried
    )


def keep_version(before: Event, number: int) -> None:
    """`before` is the event as it was until this change. What was no series yet has nothing to keep."""
    if before.recurrence is None:
        return
    SeriesVersion.objects.create(
        calendar_id=before.calendar_id,
        graph_id=before.graph_id,
        immutable_id=before.immutable_id,
        recurrence=before.recurrence,
        starts_at=before.starts_at,
        ends_at=before.ends_at,
        time_zone=before.time_zone,
        is_all_day=before.is_all_day,
        ended_by=number,
    )


def tell(change: str, event: Event) -> None:
    """`change` is created, updated or deleted. Nobody hears of what is rolled back."""
    happening = notices.Happening(
        change=change,
        person_id=event.calendar.person_id,
        calendar_id=event.calendar_id,
        graph_id=event.graph_id,
        immutable_id=event.immutable_id,
        change_key=event.change_key,
    )
    transaction.on_commit(partial(notices.put, happening))
