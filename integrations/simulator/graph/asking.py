"""One request to Graph, as the routes see it: who asks, about whom, with which options and preferences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID
from zoneinfo import ZoneInfo

from integrations.simulator.graph import directory_errors, errors, zones
from integrations.simulator.graph.replies import Reply
from integrations.simulator.models import Application, Person, Tenant

# System options that Graph knows somewhere; the others are misspelt.
KNOWN = (
    "$select", "$top", "$skip", "$orderby", "$count", "$filter", "$expand", "$search", "$format", "$skiptoken",
    "$deltatoken",
)  # fmt: skip
_WITHOUT_DOLLAR = frozenset(name[1:] for name in KNOWN if name not in ("$skiptoken", "$deltatoken"))
_PREFERENCE = re.compile(r'\s*([^=,;\s]+)\s*(?:=\s*(?:"([^"]*)"|([^,;]*)))?\s*(?:[,;]|$)')
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Caller:
    """Who the token is for."""

    client_id: UUID
    tenant: Tenant
    person: Person | None
    """None when the application asks for itself."""
    granted: frozenset[str]
    """Delegated scopes, or the application's roles."""

    @cached_property
    def application(self) -> Application:
        """Looked up only where it is needed."""
        found = Application.objects.filter(client_id=self.client_id).first()
        if found is None:
            raise directory_errors.no_such_application()
        return found

    @property
    def is_app_only(self) -> bool:
        return self.person is None


@dataclass(frozen=True)
class Preferences:
    zone: ZoneInfo = _UTC
    zone_name: str = "UTC"
    body_type: str = "html"
    page_size: int | None = None
    immutable_ids: bool = False
    applied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inner:
    """One request of a batch."""

    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: object
    depends_on: tuple[str, ...] = ()


def _alone(_: Inner) -> Reply:
    raise errors.nested_batch()


@dataclass(frozen=True)
class Asking:
    caller: Caller
    about: Person | None
    """Whose mailbox or profile the path names; None where it names nobody's."""
    base: str
    """The origin and version that links must stay on."""
    path: str
    options: Mapping[str, str]
    """Query parameters by their names in lower case; system options always with their `$`."""
    prefer: Preferences
    now: datetime
    body: Mapping[str, Any] = field(default_factory=dict)
    if_match: str | None = None
    client_request_id: str = ""
    is_eventual: bool = False
    """`ConsistencyLevel: eventual`, which the directory's advanced queries need."""
    again: Callable[[Inner], Reply] = _alone
    """How a batch has each of its requests answered."""

    @property
    def person(self) -> Person:
        if self.about is None:
            raise errors.only_delegated()
        return self.about

    @property
    def scopes(self) -> frozenset[str]:
        return self.caller.granted

    @property
    def owner(self) -> str:
        """How contexts name whose it is: `users('…')`."""
        return f"users('{self.person.oid}')"

    def check_options(self, supported: Iterable[str]) -> None:
        """What Graph has and the simulator lacks is said so; what neither has is an error of the client."""
        for option, value in self.options.items():
            if not option.startswith("$") or option in supported:
                continue
            if option == "$format" and value.lower().split(";")[0] in ("json", "application/json"):
                continue
            raise errors.not_simulated(option) if option in KNOWN else errors.unknown_option(option)

    def selected(self, properties: Iterable[str], type_name: str) -> tuple[str, ...] | None:
        """The properties that `$select` names, spelt right; None for all."""
        text = self.options.get("$select", "").strip()
        if not text or text == "*":
            return None
        known = {name.lower(): name for name in properties}
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name.lower() not in known:
                raise errors.no_such_property(name, type_name)
        return tuple(dict.fromkeys(known[name.lower()] for name in names))

    def flag(self, option: str) -> bool:
        text = self.options.get(option, "false").strip().lower()
        if text not in ("true", "false"):
            raise errors.bad_option(option, self.options[option])
        return text == "true"


def options_of(query: str) -> dict[str, str]:
    """The query's parameters. System options work without their `$`, too, and each only once.

    Another one that comes twice has both values, with a comma between them.
    """
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        key = name.strip().lower()
        key = f"${key}" if key in _WITHOUT_DOLLAR else key
        if key in options and key.startswith("$"):
            raise errors.option_twice(key)
        options[key] = f"{options[key]},{value}" if key in options else value
    return options


def preferences_of(header: str) -> Preferences:
    """Unknown preferences are ignored, as HTTP wants; an unknown time zone is refused, as Graph does."""
    if not header:
        return _NONE
    asked = _preferences(header)
    zone_name = asked.get("outlook.timezone", "")
    zone = zones.find(zone_name) if zone_name else _UTC
    if zone is None:
        raise errors.no_such_zone(zone_name)
    body_type = asked.get("outlook.body-content-type", "").lower()
    size = asked.get("odata.maxpagesize", "")
    page_size = int(size[:6]) if size.isascii() and size.isdecimal() and int(size[:6]) > 0 else None
    immutable = asked.get("idtype", "").lower() == "immutableid"
    applied = [f'outlook.timezone="{zone_name}"'] if zone_name else []
    applied += [f'outlook.body-content-type="{body_type}"'] if body_type in ("text", "html") else []
    applied += [f"odata.maxpagesize={page_size}"] if page_size else []
    applied += ['IdType="ImmutableId"'] if immutable else []
    kind = "text" if body_type == "text" else "html"
    return Preferences(zone, zone_name or "UTC", kind, page_size, immutable, tuple(applied))


def _preferences(header: str) -> dict[str, str]:
    return {
        name.lower(): (quoted if quoted is not None else plain or "").strip()
        for name, quoted, plain in (match.group(1, 2, 3) for match in _PREFERENCE.finditer(header))
    }


_NONE = Preferences()
