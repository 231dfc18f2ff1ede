"""Calendars, and the view of what is in them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from integrations.simulator.graph import changes, errors, notices, paging
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import listing, refusals, shapes, storing
from integrations.simulator.graph.replies import NO_CONTENT, Reply, created
from integrations.simulator.models import Calendar, Subscription

# fmt: off
PROPERTIES = (
    "id", "name", "color", "hexColor", "groupClassId", "isDefaultCalendar", "changeKey", "canShare",
    "canViewPrivateItems", "canEdit", "allowedOnlineMeetingProviders", "defaultOnlineMeetingProvider",
    "isTallyingResponses", "isRemovable", "owner",
)
COLORS = (
    "auto", "lightBlue", "lightGreen", "lightOrange", "lightGray", "lightYellow", "lightTeal", "lightPink",
    "lightBrown", "lightRed", "maxColor",
)
# fmt: on
LONGEST_NAME = 120
_GROUP_CLASS = "0006f0b7-0000-0000-c000-000000000046"
_FORM = re.compile(r"AA[MQk][A-Za-z0-9_\-=]{12,}")


def default(asking: Asking) -> dict[str, Any]:
    return _entity(asking, default_of(asking))


def one(asking: Asking, calendar_id: str) -> dict[str, Any]:
    return _entity(asking, by_id(asking, calendar_id))


def every(asking: Asking) -> dict[str, Any]:
    asking.check_options(["$select", "$top", "$skip", "$count", "$orderby"])
    selected = asking.selected(PROPERTIES, "calendar")
    page = paging.read(asking)
    mine = _ordered(asking)
    found = list(mine[page.skip : page.skip + page.size + 1])
    answer: dict[str, Any] = {"@odata.context": _context(asking, "calendars")}
    if asking.flag("$count"):
        answer["@odata.count"] = mine.count()
    answer["value"] = [_shown(asking, calendar, selected) for calendar in found[: page.size]]
    if len(found) > page.size:
        answer["@odata.nextLink"] = page.next_link(asking)
    return answer


def create(asking: Asking) -> Reply:
    name = asking.body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise refusals.invalid("A calendar needs a name.")
    fields = _fields(asking.body)
    with transaction.atomic():
        _check_name(asking, fields["name"], None)
        calendar = Calendar.objects.create(
            person=asking.person,
            graph_id=storing.new_id(),
            is_default=False,
            change_key=storing.new_change_key(),
            **fields,
        )
    location = f"{asking.base}/{asking.owner}/calendars('{calendar.graph_id}')"
    return created(_entity(asking, calendar), location=location)


def change(asking: Asking, calendar_id: str) -> dict[str, Any]:
    return _change(asking, calendar_id)


def change_default(asking: Asking) -> dict[str, Any]:
    return _change(asking, None)


def delete(asking: Asking, calendar_id: str) -> Reply:
    """With all that is in it; the default calendar stays."""
    with transaction.atomic():
        calendar = by_id(asking, calendar_id)
        if calendar.is_default:
            raise refusals.default_calendar()
        for event in calendar.events.filter(master=None).select_related("calendar"):
            changes.tell("deleted", event)
        ending = Subscription.objects.filter(calendar=calendar).select_related("application", "person__tenant")
        for subscription in ending:
            transaction.on_commit(partial(_end, subscription))
        calendar.delete()
    return NO_CONTENT


def _end(subscription: Subscription) -> None:
    notices.tell_lifecycle(subscription, "subscriptionRemoved", why="The calendar was deleted.")


def groups(asking: Asking) -> dict[str, Any]:
    """Everybody has the one that Outlook made for them."""
    asking.check_options(["$top", "$skip"])
    return {"@odata.context": _context(asking, "calendarGroups"), "value": [_group(asking)]}


def group(asking: Asking, group_id: str) -> dict[str, Any]:
    asking.check_options([])
    _check_group(asking, group_id)
    return {"@odata.context": _context(asking, "calendarGroups/$entity"), **_group(asking)}


def of_group(asking: Asking, group_id: str) -> dict[str, Any]:
    _check_group(asking, group_id)
    return every(asking)


def view(asking: Asking) -> Reply:
    return listing.view(asking, default_of(asking), "calendarView")


def view_of(asking: Asking, calendar_id: str) -> Reply:
    calendar = by_id(asking, calendar_id)
    return listing.view(asking, calendar, f"calendars('{calendar.graph_id}')/calendarView")


def default_of(asking: Asking) -> Calendar:
    calendar = _mine(asking).filter(is_default=True).first()
    if calendar is None:
        raise errors.not_in_store()
    return calendar


def by_id(asking: Asking, calendar_id: str) -> Calendar:
    if not _FORM.fullmatch(calendar_id):
        raise refusals.malformed_id()
    calendar = _mine(asking).filter(graph_id=calendar_id).first()
    if calendar is None:
        raise errors.not_in_store()
    return calendar


def _group(asking: Asking) -> dict[str, Any]:
    return {
        "id": _group_id(asking),
        "name": "My Calendars",
        "classId": _GROUP_CLASS,
        "changeKey": default_of(asking).change_key,
    }


def _group_id(asking: Asking) -> str:
    """The same every time, and another for everybody."""
    raw = hashlib.sha512(f"calendar group of {asking.person.oid}".encode()).digest()
    return "AAMkAD" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _check_group(asking: Asking, group_id: str) -> None:
    if not _FORM.fullmatch(group_id):
        raise refusals.malformed_id()
    if group_id != _group_id(asking):
        raise errors.not_in_store()


def _change(asking: Asking, calendar_id: str | None) -> dict[str, Any]:
    fields = _fields(asking.body)
    with transaction.atomic():
        calendar = by_id(asking, calendar_id) if calendar_id else default_of(asking)
        if "name" in fields and fields["name"] != calendar.name:
            if calendar.is_default:
                raise refusals.cannot("The name of the default calendar can't be changed.")
            _check_name(asking, fields["name"], calendar)
        for name, value in {**fields, "change_key": storing.new_change_key()}.items():
            setattr(calendar, name, value)
        calendar.save(update_fields=[*fields, "change_key"])
    return _entity(asking, calendar)


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """`name` and `color`; what only the service writes is ignored."""
    for name in body:
        if name not in PROPERTIES and "@odata" not in name:
            raise refusals.unknown_property(name, "calendar")
    fields: dict[str, Any] = {}
    if "name" in body:
        if not isinstance(body["name"], str):
            raise refusals.unreadable("name")
        fields["name"] = shapes.written(body["name"]).strip()
        if not fields["name"] or len(fields["name"]) > LONGEST_NAME:
            raise refusals.invalid(f"A calendar's name has 1 to {LONGEST_NAME} characters.")
    if body.get("color") is not None:
        color = {known.lower(): known for known in COLORS}.get(str(body["color"]).lower())
        if color is None:
            raise refusals.unknown_value("color", body["color"], "calendarColor")
        fields["color"] = color
    return fields


def _check_name(asking: Asking, name: str, calendar: Calendar | None) -> None:
    same = _mine(asking).filter(name__iexact=name)
    if same.exclude(pk=calendar.pk).exists() if calendar else same.exists():
        raise refusals.calendar_exists()


def _mine(asking: Asking) -> QuerySet[Calendar]:
    return Calendar.objects.filter(person=asking.person).select_related("person").order_by("-is_default", "name", "pk")


def _ordered(asking: Asking) -> QuerySet[Calendar]:
    text = asking.options.get("$orderby", "").strip()
    if not text:
        return _mine(asking)
    name, _, direction = text.partition(" ")
    if name.lower() != "name" or direction.strip().lower() not in ("", "asc", "desc"):
        raise errors.bad_option("$orderby", text)
    return _mine(asking).order_by("-name" if direction.strip().lower() == "desc" else "name", "pk")


def _entity(asking: Asking, calendar: Calendar) -> dict[str, Any]:
    asking.check_options(["$select"])
    selected = asking.selected(PROPERTIES, "calendar")
    return {"@odata.context": _context(asking, "calendars/$entity"), **_shown(asking, calendar, selected)}


def _shown(asking: Asking, calendar: Calendar, selected: tuple[str, ...] | None) -> dict[str, Any]:
    person = asking.person
    everything = {
        "id": calendar.graph_id,
        "name": calendar.name,
        "color": calendar.color,
        "hexColor": "",
        "groupClassId": _GROUP_CLASS,
        "isDefaultCalendar": calendar.is_default,
        "changeKey": calendar.change_key,
        "canShare": True,
        "canViewPrivateItems": True,
        "canEdit": True,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": calendar.is_default,
        "isRemovable": not calendar.is_default,
        "owner": {"name": person.name, "address": person.address},
    }
    if selected is None:
        return everything
    return {"id": calendar.graph_id, **{name: everything[name] for name in selected}}


def _context(asking: Asking, what: str) -> str:
    return f"{asking.base}/$metadata#{asking.owner}/{what}"
