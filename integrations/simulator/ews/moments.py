"""Times on the wire: UTC, to the second. All-day events begin at midnight in the zone of whoever made them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from integrations.simulator.ews import refusals
from integrations.simulator.graph import zones

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
# Outside of these, no arithmetic with zones is safe.
_FIRST, _LAST = 1601, 4500


def shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def grounded(at: datetime, zone_name: str, *, is_all_day: bool) -> datetime:
    """When it really is: all-day events are kept as midnight UTC, whatever their zone."""
    if not is_all_day:
        return at
    return at.astimezone(UTC).replace(tzinfo=zones.find(zone_name) or ZoneInfo("UTC")).astimezone(UTC)


def read(text: str | None, name: str, clock: tzinfo) -> datetime:
    """Without an offset it is by that clock."""
    given = (text or "").strip()
    if not _FORM.fullmatch(given):
        raise _invalid(given, name)
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise _invalid(given, name) from None
    if not _FIRST <= at.year <= _LAST:
        raise _invalid(given, name)
    return (at if at.tzinfo else at.replace(tzinfo=clock)).astimezone(UTC)


def _invalid(text: str, name: str) -> refusals.Refused:
    return refusals.schema(f"The '{name}' element is invalid - The value '{text[:40]}' is invalid.")
