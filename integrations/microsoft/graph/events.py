"""GET {mailbox}/calendarView: the appointments between two instants, series expanded, page after page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from integrations.contracts import RemoteEvent, Unreachable
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import http
from integrations.microsoft.graph.mailboxes import OWN

PAGE = 50
MAX_PAGES = 100  # 5,000 appointments; a listing that never ends is a fault, not a calendar
_FIELDS = (
    "id,subject,start,end,isAllDay,organizer,location,bodyPreview,body,attendees,isCancelled,sensitivity,showAs,type"
)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?Z?")
_BROKEN = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code="unreadable answer")


def view(
    access_token: str, start: datetime, end: datetime, *, mailbox: str = OWN, fields: str = _FIELDS, top: int = PAGE
) -> Iterator[Any]:
    """Graph's events as it sends them, in UTC. Raises `CalendarError`."""
    query = urlencode(
        {
            "startDateTime": _instant(start),
            "endDateTime": _instant(end),
            "$select": fields,
            "$orderby": "start/dateTime",
            "$top": top,
        }
    )
    url: str | None = f"{settings.MICROSOFT_GRAPH_URL}/{mailbox}/calendarView?{query}"
    for _ in range(MAX_PAGES):
        if url is None:
            return
        body = http.get(
            url, access_token, headers={"Prefer": 'outlook.timezone="UTC", outlook.body-content-type="text"'}
        )
        found = body.get("value")
        if not isinstance(found, list):
            raise Unreachable(_BROKEN)
        yield from found
        url = _next(body.get("@odata.nextLink"))
    if url is not None:
        raise Unreachable(_BROKEN)


def events_between(access_token: str, start: datetime, end: datetime, *, mailbox: str = OWN) -> Iterator[RemoteEvent]:
    """Raises `CalendarError`."""
    for raw in view(access_token, start, end, mailbox=mailbox):
        try:
            yield read(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            # A missing or odd time is an error, never "now".
            raise Unreachable(_BROKEN) from problem


def read(raw: dict[str, Any]) -> RemoteEvent:
    """One event of Graph's (asked for in UTC) in the words of the contract. Raises KeyError, TypeError, ValueError."""
    all_day = bool(raw["isAllDay"])
    starts_at, ends_at = _utc(raw["start"]), _utc(raw["end"])
    return RemoteEvent(
        id=str(raw["id"]),
        subject=str(raw.get("subject") or ""),
        starts_at=None if all_day else starts_at,
        ends_at=None if all_day else ends_at,
        first_day=_day(starts_at) if all_day else None,
        last_day=max(_day(starts_at), _day(ends_at) - timedelta(days=1)) if all_day else None,
        organizer=_organizer(raw),
        location=str((raw.get("location") or {}).get("displayName") or ""),
        body=str((raw.get("body") or {}).get("content") or raw.get("bodyPreview") or ""),
        attendees=len(raw.get("attendees") or []),
        is_cancelled=bool(raw.get("isCancelled")),
        is_private=raw.get("sensitivity") in ("private", "confidential"),
        is_tentative=raw.get("showAs") == "tentative",
        is_recurring=raw.get("type") in ("occurrence", "exception"),
    )


def _organizer(raw: dict[str, Any]) -> str:
    address = (raw.get("organizer") or {}).get("emailAddress") or {}
    return str(address.get("name") or address.get("address") or "")


def _utc(time: dict[str, Any]) -> datetime:
    """Graph's dateTimeTimeZone: seven digits of a second and no offset. Another zone than we asked for is an error."""
    if time["timeZone"] not in ("UTC", "Etc/UTC", "Etc/GMT"):
        raise ValueError(time["timeZone"])
    found = _TIME.fullmatch(time["dateTime"])
    if found is None:
        raise ValueError(time["dateTime"])
    return datetime.fromisoformat(f"{found[1]}.{(found[2] or '')[:6]:0<6}").replace(tzinfo=UTC)


def _day(midnight: datetime) -> date:
    """An all-day event is midnight to midnight in the zone asked for; `end` is exclusive."""
    return midnight.date()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next(link: Any) -> str | None:
    """Graph's own link, followed only to Graph: the token goes with it."""
    if not link:
        return None
    if urlsplit(str(link)).netloc != urlsplit(settings.MICROSOFT_GRAPH_URL).netloc:
        raise Unreachable(_BROKEN)
    return str(link)
