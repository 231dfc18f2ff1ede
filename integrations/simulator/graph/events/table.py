"""The rows of the table of routes that are about calendars and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from integrations.simulator.graph import calendars, ids
from integrations.simulator.graph import permissions as may
from integrations.simulator.graph.events import actions, reminders, routes, schedules
from integrations.simulator.graph.paths import Route
from integrations.simulator.graph.replies import Reply

_Answer = Callable[..., Reply]
_READ, _WRITE = (may.CALENDAR, may.CALENDAR_APP), (may.CALENDAR_WRITE, may.CALENDAR_WRITE)
_IDS = (*may.PROFILE, *may.CALENDAR[1:], *may.CONTACTS)
# Method, what follows the event's id, function, permissions.
_OF_EVENT = (
    ("GET", "", routes.read, _READ),
    ("PATCH", "", routes.change, _WRITE),
    ("DELETE", "", routes.delete, _WRITE),
    ("GET", "/instances", routes.instances, _READ),
    ("POST", "/accept", actions.accept, _WRITE),
    ("POST", "/decline", actions.decline, _WRITE),
    ("POST", "/tentativelyAccept", actions.tentatively_accept, _WRITE),
    ("POST", "/cancel", actions.cancel, _WRITE),
    ("POST", "/forward", actions.forward, _WRITE),
    ("POST", "/dismissReminder", actions.dismiss_reminder, _WRITE),
    ("POST", "/snoozeReminder", actions.snooze_reminder, _WRITE),
    ("POST", "/permanentDelete", actions.delete_for_good, _WRITE),
)


def _of_event(prefix: str, *, in_default: bool = False) -> Iterator[Route]:
    for method, action, answer, (delegated, application) in _OF_EVENT:
        called: _Answer = partial(answer, in_default=True) if in_default else answer
        yield Route(method, f"{prefix}/{{id}}{action}", called, delegated, application, is_body_optional=bool(action))


CALENDARS = (
    Route("GET", "{mailbox}/calendar", calendars.default, *_READ),
    Route("PATCH", "{mailbox}/calendar", calendars.change_default, *_WRITE),
    Route("GET", "{mailbox}/calendars", calendars.every, may.CALENDARS, may.CALENDAR_APP),
    Route("POST", "{mailbox}/calendars", calendars.create, *_WRITE),
    Route("GET", "{mailbox}/calendars/{id}", calendars.one, *_READ),
    Route("PATCH", "{mailbox}/calendars/{id}", calendars.change, *_WRITE),
    Route("DELETE", "{mailbox}/calendars/{id}", calendars.delete, *_WRITE),
    Route("GET", "{mailbox}/calendarGroups", calendars.groups, *_READ),
    Route("GET", "{mailbox}/calendarGroups/{id}", calendars.group, *_READ),
    Route("GET", "{mailbox}/calendarGroups/{id}/calendars", calendars.of_group, *_READ),
    Route("GET", "{mailbox}/calendarView", calendars.view, *_READ),
    Route("GET", "{mailbox}/calendar/calendarView", calendars.view, *_READ),
    Route("GET", "{mailbox}/calendars/{id}/calendarView", calendars.view_of, *_READ),
)
EVENTS = (
    Route("POST", "{mailbox}/calendar/getSchedule", schedules.show, *_READ),
    Route("GET", "{mailbox}/reminderView/{id}", reminders.view, *_READ),
    Route("POST", "{mailbox}/translateExchangeIds", ids.translate, _IDS, _IDS),
    Route("GET", "{mailbox}/events", routes.every, *_READ),
    Route("GET", "{mailbox}/calendar/events", routes.in_default, *_READ),
    Route("GET", "{mailbox}/calendars/{id}/events", routes.in_calendar, *_READ),
    Route("POST", "{mailbox}/events", routes.create, *_WRITE),
    Route("POST", "{mailbox}/calendar/events", routes.create, *_WRITE),
    Route("POST", "{mailbox}/calendars/{id}/events", routes.create, *_WRITE),
    *_of_event("{mailbox}/events"),
    *_of_event("{mailbox}/calendar/events", in_default=True),
    *_of_event("{mailbox}/calendars/{id}/events"),
)
