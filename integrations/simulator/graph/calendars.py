"""Calendars and what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.db.models import F, Q, QuerySet

from integrations.simulator.graph import errors, events, paging, times
from integrations.simulator.graph.asking import Asking
from integrations.simulator.models import Calendar, Event

# fmt: off
PROPERTIES = (
    "id", "name", "color", "hexColor", "isDefaultCalendar", "changeKey", "canShare", "canViewPrivateItems",
    "canEdit", "allowedOnlineMeetingProviders", "defaultOnlineMeetingProvider", "isTallyingResponses",
    "isRemovable", "owner",
)
# fmt: on
ORDERS = {
    "start/datetime": "starts_at",
    "end/datetime": "ends_at",
    "subject": "subject",
    "createddatetime": "created_at",
    "lastmodifieddatetime": "modified_at",
}


def default(asking: Asking) -> dict[str, Any]:
    return _entity(asking, _default(asking))


def one(asking: Asking, calendar_id: str) -> dict[str, Any]:
    return _entity(asking, _by_id(asking, calendar_id))


def every(asking: Asking) -> dict[str, Any]:
    asking.check_options(["$select", "$top", "$skip", "$count"])
    selected = asking.selected(PROPERTIES, "calendar")
    page = paging.read(asking)
    found = list(_mine(asking)[page.skip : page.skip + page.size + 1])
    answer: dict[str, Any] = {"@odata.context": _context(asking, "calendars")}
    if asking.options.get("$count", "").lower() == "true":
        answer["@odata.count"] = _mine(asking).count()
    answer["value"] = [_shown(asking, calendar, selected) for calendar in found[: page.size]]
    if len(found) > page.size:
        answer["@odata.nextLink"] = page.next_link(asking)
    return answer


def view(asking: Asking) -> dict[str, Any]:
    return _view(asking, _default(asking))


def view_of(asking: Asking, calendar_id: str) -> dict[str, Any]:
    return _view(asking, _by_id(asking, calendar_id))


def _view(asking: Asking, calendar: Calendar) -> dict[str, Any]:
    """The occurrences and single events of a window; series masters are never listed."""
    asking.check_options(["$select", "$top", "$skip", "$orderby", "$count"])
    first, last = times.window(asking.options.get("startdatetime"), asking.options.get("enddatetime"))
    selected = asking.selected(events.properties(asking), "event")
    page = paging.read(asking)
    found = _within(calendar, first, last).order_by(*_order(asking))
    rows = list(found.select_related("master")[page.skip : page.skip + page.size + 1])
    answer: dict[str, Any] = {"@odata.context": _context(asking, "calendarView")}
    if asking.options.get("$count", "").lower() == "true":
        answer["@odata.count"] = found.count()
    answer["value"] = [events.shown(asking, event, selected) for event in rows[: page.size]]
    if len(rows) > page.size:
        answer["@odata.nextLink"] = page.next_link(asking)
    return answer


def _within(calendar: Calendar, first: datetime, last: datetime) -> QuerySet[Event]:
    """What touches the window only at an edge is outside, unless it has no length at all."""
    touching = Q(starts_at__lt=last, ends_at__gt=first) & ~Q(starts_at=F("ends_at"))
    instant = Q(starts_at=F("ends_at"), starts_at__gte=first, starts_at__lt=last)
    return calendar.events.exclude(kind=Event.Kind.MASTER).filter(touching | instant)


def _order(asking: Asking) -> list[str]:
    """By start unless asked otherwise; the row number last, so that pages never overlap."""
    order = []
    for part in asking.options.get("$orderby", "start/dateTime").split(","):
        name, _, direction = part.strip().partition(" ")
        column = ORDERS.get(name.lower())
        if column is None or direction.strip().lower() not in ("", "asc", "desc"):
            raise errors.bad_option("$orderby", part.strip())
        order.append(f"-{column}" if direction.strip().lower() == "desc" else column)
    return [*order, "pk"]


def _mine(asking: Asking) -> QuerySet[Calendar]:
    return Calendar.objects.filter(person=asking.person).order_by("-is_default", "name", "pk")


def _default(asking: Asking) -> Calendar:
    calendar = _mine(asking).filter(is_default=True).first()
    if calendar is None:
        raise errors.not_in_store()
    return calendar


def _by_id(asking: Asking, calendar_id: str) -> Calendar:
    calendar = _mine(asking).filter(graph_id=calendar_id).first()
    if calendar is None:
        raise errors.not_in_store()
    return calendar


def _entity(asking: Asking, calendar: Calendar) -> dict[str, Any]:
    asking.check_options(["$select"])
    selected = asking.selected(PROPERTIES, "calendar")
    return {
        "@odata.context": _context(asking, "calendars/$entity"),
        **_shown(asking, calendar, selected),
    }


def _shown(asking: Asking, calendar: Calendar, selected: tuple[str, ...] | None) -> dict[str, Any]:
    person = asking.person
    everything = {
        "id": calendar.graph_id,
        "name": calendar.name,
        "color": calendar.color,
        "hexColor": "",
        "isDefaultCalendar": calendar.is_default,
        "changeKey": calendar.change_key,
        "canShare": True,
        "canViewPrivateItems": True,
        "canEdit": True,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": calendar.is_default,
        "isRemovable": not calendar.is_default,
        "owner": {"name": person.name, "address": person.mail or person.upn},
    }
    if selected is None:
        return everything
    return {"id": calendar.graph_id, **{name: everything[name] for name in selected}}


def _context(asking: Asking, what: str) -> str:
    return f"{asking.base}/$metadata#users('{quote(str(asking.person.oid))}')/{what}"
