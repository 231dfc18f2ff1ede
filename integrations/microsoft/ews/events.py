"""Calendar items of EWS, as XML, in the words of the contract. Pure, with exchangelib's list of time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.contracts import RemoteEvent

_T = "{http://schemas.microsoft.com/exchange/services/2006/types}"
_ATTENDEES = ("RequiredAttendees", "OptionalAttendees", "Resources")
_PRIVATE = ("Private", "Confidential")
_RECURRING = ("Occurrence", "Exception", "RecurringMaster")
_HALF_A_DAY = timedelta(hours=12)
_A_DAY = timedelta(days=1)


def read(item: Any) -> RemoteEvent:
    """Raises ValueError where it has no id or no sensible time: a time is never made up."""
    all_day = _text(item, "IsAllDayEvent").lower() in ("true", "1")
    starts_at, ends_at = _instant(item, "Start"), _instant(item, "End")
    first, last = _days(item, starts_at, ends_at) if all_day else (None, None)
    return RemoteEvent(
        id=_id(item),
        subject=_text(item, "Subject"),
        starts_at=None if all_day else starts_at,
        ends_at=None if all_day else ends_at,
        first_day=first,
        last_day=last,
        organizer=_organizer(item),
        location=_text(item, "Location"),
        body=_text(item, "Body"),
        attendees=sum(len(item.findall(f"{_T}{kind}/{_T}Attendee")) for kind in _ATTENDEES),
        is_cancelled=_text(item, "IsCancelled").lower() in ("true", "1"),
        is_private=_text(item, "Sensitivity") in _PRIVATE,
        is_tentative=_text(item, "LegacyFreeBusyStatus") == "Tentative",
        is_recurring=_text(item, "CalendarItemType") in _RECURRING,
    )


def _id(item: Any) -> str:
    found = item.find(f"{_T}ItemId")
    if found is None or not found.get("Id"):
        raise ValueError("an item without an id")
    return str(found.get("Id"))


def _text(item: Any, name: str) -> str:
    return item.findtext(f"{_T}{name}") or ""


def _organizer(item: Any) -> str:
    path = f"{_T}Organizer/{_T}Mailbox/{_T}"
    return item.findtext(f"{path}Name") or item.findtext(f"{path}EmailAddress") or ""


def _instant(item: Any, name: str) -> datetime:
    """With its offset; without one it is UTC, which is the time zone that we ask in."""
    found = datetime.fromisoformat(_text(item, name).strip())
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _days(item: Any, start: datetime, end: datetime) -> tuple[date, date]:
    """An all-day event is midnight to midnight where it was made; the end is exclusive."""
    first = _midnight(start, _zone(item, "StartTimeZone"))
    last = _midnight(end, _zone(item, "EndTimeZone") or _zone(item, "StartTimeZone")) - _A_DAY
    return first, max(first, last)


def _midnight(moment: datetime, zone: ZoneInfo | None) -> date:
    """Of the time zone where the event was made; where that is not known, the midnight that is nearest in UTC."""
    local = moment.astimezone(zone) if zone else moment
    return (local + _HALF_A_DAY).date()


def _zone(item: Any, name: str) -> ZoneInfo | None:
    from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP

    found = item.find(f"{_T}{name}")
    known = MS_TIMEZONE_TO_IANA_MAP.get(found.get("Id") or "") if found is not None else None
    try:
        return ZoneInfo(known) if known else None
    except (ValueError, KeyError):  # the system's list is another's
        return None
