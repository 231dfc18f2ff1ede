"""Times as Graph reads and writes them: seven fractional digits, no offset, the zone beside them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from integrations.simulator.graph import errors

# OData's Edm.DateTimeOffset; Outlook also takes a time without an offset, and a date alone.
_FORM = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def read(name: str, text: str) -> datetime:
    """With Z, an offset, or neither (which means UTC)."""
    # In a query a plus sign that nobody encoded arrives as a space.
    cleaned = text.strip().upper().replace(" ", "+")
    if not _FORM.fullmatch(cleaned):
        raise errors.bad_moment(name, text)
    try:
        at = datetime.fromisoformat(cleaned)
    except ValueError:
        raise errors.bad_moment(name, text) from None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise errors.bad_moment(name, text) from None


def compared(of: object) -> datetime:
    """What a filter compares a time with: bare, a day, or in quotation marks; without an offset it is UTC."""
    try:
        if isinstance(of, str):
            of = datetime.fromisoformat(of)
        if isinstance(of, date) and not isinstance(of, datetime):
            of = datetime.combine(of, time(), UTC)
        if isinstance(of, datetime):
            return (of if of.tzinfo else of.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise errors.bad_filter()


def window(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    if not start or not end:
        raise errors.no_window()
    first, last = read("StartDateTime", start), read("EndDateTime", end)
    if last < first:
        raise errors.backward_window()
    return first, last


def shown(at: datetime, zone: ZoneInfo, zone_name: str, *, is_all_day: bool) -> dict[str, str]:
    """All-day events float: midnight is midnight in every zone."""
    local = at.astimezone(UTC if is_all_day else zone)
    return {"dateTime": f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond:06d}0", "timeZone": zone_name}


def stamp(at: datetime) -> str:
    """For createdDateTime and the like."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}0Z"


def second_stamp(at: datetime) -> str:
    """For times that Graph keeps to the second: responses, original starts."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
