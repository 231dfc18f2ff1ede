"""One request to Graph, as the routes see it: who asks, with which options and preferences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from integrations.simulator.graph import errors, zones
from integrations.simulator.models import Person

# System options that Graph knows somewhere; the others are misspelt.
KNOWN = ("$select", "$top", "$skip", "$orderby", "$count", "$filter", "$expand", "$search", "$format", "$skiptoken")
_PREFERENCE = re.compile(r'\s*([^=,;\s]+)\s*(?:=\s*(?:"([^"]*)"|([^,;]*)))?\s*(?:[,;]|$)')


@dataclass(frozen=True)
class Preferences:
    zone: ZoneInfo
    zone_name: str
    body_type: str
    page_size: int | None
    applied: tuple[str, ...]


@dataclass(frozen=True)
class Asking:
    person: Person
    scopes: frozenset[str]
    base: str
    """The origin and version that links must stay on."""
    path: str
    options: Mapping[str, str]
    """Query parameters by their names in lower case."""
    prefer: Preferences

    def check_options(self, supported: Iterable[str]) -> None:
        """What Graph has and the simulator lacks is said so; what neither has is an error of the client."""
        for option in self.options:
            if not option.startswith("$") or option in supported:
                continue
            raise errors.not_simulated(option) if option in KNOWN else errors.unknown_option(option)

    def selected(self, properties: Iterable[str], type_name: str) -> tuple[str, ...] | None:
        """The properties that `$select` names, spelt right; None for all."""
        text = self.options.get("$select", "").strip()
        if not text:
            return None
        known = {name.lower(): name for name in properties}
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name.lower() not in known:
                raise errors.no_such_property(name, type_name)
        return tuple(known[name.lower()] for name in names)


def options_of(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in request.GET.items()}


def preferences_of(request: HttpRequest) -> Preferences:
    """Unknown preferences are ignored, as HTTP wants; an unknown time zone is refused, as Graph does."""
    asked = _preferences(request.headers.get("Prefer", ""))
    zone_name = asked.get("outlook.timezone", "")
    zone = zones.find(zone_name) if zone_name else ZoneInfo("UTC")
    if zone is None:
        raise errors.no_such_zone(zone_name)
    body_type = "text" if asked.get("outlook.body-content-type", "").lower() == "text" else "html"
    size = asked.get("odata.maxpagesize", "")
    page_size = int(size) if size.isdecimal() and int(size[:6]) > 0 else None
    applied = [f'outlook.timezone="{zone_name}"'] if zone_name else []
    applied += ['outlook.body-content-type="text"'] if body_type == "text" else []
    applied += [f"odata.maxpagesize={page_size}"] if page_size else []
    return Preferences(zone, zone_name or "UTC", body_type, page_size, tuple(applied))


def _preferences(header: str) -> dict[str, str]:
    return {
        name.lower(): (quoted if quoted is not None else plain or "").strip()
        for name, quoted, plain in (match.group(1, 2, 3) for match in _PREFERENCE.finditer(header))
    }
