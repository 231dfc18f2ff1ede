"""Names of time zones: IANA's, and Windows' as CLDR maps them (territory 001)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import tz_win, win_tz

WINDOWS: Mapping[str, str] = {
    **win_tz,
    "UTC": "Etc/UTC",
    "Coordinated Universal Time": "Etc/UTC",
    "tzone://Microsoft/Utc": "Etc/UTC",
}
_BY_LOWER = {name.lower(): zone for name, zone in WINDOWS.items()}
_SPELT = {name.lower(): name for name in WINDOWS}
# What the machine's directory of zones has besides zones.
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})


@lru_cache(maxsize=1024)
def find(name: str) -> ZoneInfo | None:
    """By a Windows name, in any case, or an IANA name."""
    if name in _NO_ZONES or name.startswith(("posix/", "right/")):
        return None
    try:
        return ZoneInfo(_BY_LOWER.get(name.lower(), name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def windows_name(name: str) -> str:
    """What Outlook would have written down; a name that Windows lacks stays."""
    return _SPELT.get(name.lower()) or (tz_win.get(name, name) if name else name)
