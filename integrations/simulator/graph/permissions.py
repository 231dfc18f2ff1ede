"""Which routes there are, and which delegated permissions open each: one row per method and path.

The permissions are those of Microsoft's published table of paths and scopes; any one of them suffices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.simulator.graph import calendars, me
from integrations.simulator.graph.asking import Asking

PROFILE = (
    "User.Read",
    "User.Read.All",
    "User.ReadBasic.All",
    "User.ReadWrite",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
CALENDAR = ("Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite")
CALENDARS = (*CALENDAR, "Calendars.Read.Shared", "Calendars.ReadWrite.Shared")


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    answer: Callable[..., dict[str, Any]]
    scopes: Sequence[str]
    is_outlook: bool = True
    """Outlook's resources need a mailbox, and refuse in Outlook's words."""


ROUTES = (
    Route("GET", "me", me.show, PROFILE, is_outlook=False),
    Route("GET", "me/calendar", calendars.default, CALENDAR),
    Route("GET", "me/calendars", calendars.every, CALENDARS),
    Route("GET", "me/calendars/{id}", calendars.one, CALENDAR),
    Route("GET", "me/calendarView", calendars.view, CALENDAR),
    Route("GET", "me/calendar/calendarView", calendars.view, CALENDAR),
    Route("GET", "me/calendars/{id}/calendarView", calendars.view_of, CALENDAR),
)


@dataclass(frozen=True)
class Found:
    """The rows whose path fits, with the ids taken from it."""

    routes: Sequence[Route]
    ids: Sequence[str]
    unknown_segment: str = ""


def find(path: str) -> Found:
    """Names in paths are the same in any case; ids are not."""
    segments = [segment for segment in path.split("/") if segment]
    if [segment.lower() for segment in segments[:2]] == ["users", "me-token-to-replace"]:
        # What the official SDKs call `me` before a rewriting step that not every client has.
        segments = ["me", *segments[2:]]
    fitting = [(route, ids) for route in ROUTES if (ids := _fit(route.path.split("/"), segments)) is not None]
    if not fitting:
        return Found((), (), _first_unknown(segments))
    return Found([route for route, _ in fitting], fitting[0][1])


def allows(route: Route, asking: Asking) -> bool:
    return bool(asking.scopes.intersection(route.scopes))


def _fit(pattern: Sequence[str], segments: Sequence[str]) -> list[str] | None:
    if len(pattern) != len(segments):
        return None
    ids = []
    for expected, segment in zip(pattern, segments, strict=True):
        if expected == "{id}":
            ids.append(segment)
        elif expected.lower() != segment.lower():
            return None
    return ids


def _first_unknown(segments: Sequence[str]) -> str:
    """The deepest that any route gets, plus one: that segment is named in the refusal."""
    deepest = 0
    for route in ROUTES:
        pattern = route.path.split("/")
        depth = next(
            (
                index
                for index, (expected, segment) in enumerate(zip(pattern, segments, strict=False))
                if expected not in ("{id}",) and expected.lower() != segment.lower()
            ),
            min(len(pattern), len(segments)),
        )
        deepest = max(deepest, depth)
    return segments[min(deepest, len(segments) - 1)] if segments else ""
