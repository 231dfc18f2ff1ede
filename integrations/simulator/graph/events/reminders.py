"""GET reminderView(startDateTime='…',endDateTime='…'): which reminders go off in a window."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from integrations.simulator.graph import calendars, recurrence, times
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import listing, rendering
from integrations.simulator.models import Event

_PARAMETER = re.compile(r"(\w+)='([^']*)'")
# Nobody is reminded earlier; further ahead nothing is looked at.
_EARLIEST = timedelta(days=28)


def view(asking: Asking, parameters: str) -> dict[str, Any]:
    asking.check_options([])
    given = {name.lower(): value for name, value in _PARAMETER.findall(parameters)}
    first, last = times.window(given.get("startdatetime"), given.get("enddatetime"))
    found = listing.inside(calendars.default_of(asking), first, last + _EARLIEST)
    due = [one for one in found if one.event.is_reminder_on and first <= _fires_at(one) < last]
    context = f"{asking.base}/$metadata#Collection(microsoft.graph.reminder)"
    return {"@odata.context": context, "value": [_reminder(asking, one) for one in due]}


def _fires_at(one: listing.Standing) -> datetime:
    return one.starts_at - timedelta(minutes=one.event.reminder_minutes)


def _reminder(asking: Asking, one: listing.Standing) -> dict[str, Any]:
    event, prefer = one.event, asking.prefer
    place = event.locations[0].get("displayName", "") if event.locations else ""

    def shown(at: datetime) -> dict[str, str]:
        return times.shown(at, prefer.zone, prefer.zone_name, is_all_day=event.is_all_day)

    return {
        "eventId": _id(asking, one),
        "eventStartTime": shown(one.starts_at),
        "eventEndTime": shown(one.ends_at),
        "changeKey": event.change_key,
        "eventSubject": event.subject,
        "eventLocation": {"displayName": place},
        "eventWebLink": rendering.web_link(event.graph_id),
        "reminderFireTime": shown(_fires_at(one)),
    }


def _id(asking: Asking, one: listing.Standing) -> str:
    event_id = rendering.id_of(one.event, asking.prefer)
    if one.event.kind != Event.Kind.MASTER:
        return event_id
    day = one.starts_at.astimezone(recurrence.series_of(one.event).clock).date()
    return recurrence.occurrence_id(event_id, day)
