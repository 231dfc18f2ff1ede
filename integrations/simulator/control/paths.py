"""A request's path and query without anything secret in it."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.http.request import QueryDict

# Shown with their values; all others by name only.
HARMLESS = frozenset(
    (
        *("$select", "$top", "$skip", "$orderby", "$count", "$expand", "$filter", "startdatetime", "enddatetime"),
        *("response_type", "response_mode", "prompt", "scope", "client_id", "domain_hint", "tenant", "step"),
    )
)
# Tokens and codes begin so; and no id of ours is that long.
_SECRET = re.compile(r"eyJ[\w-]{10,}|[01]\.A[UX]s[\w-]{10,}|[\w\-.~%=]{250,}")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
LONGEST = 300


def shown(request: HttpRequest) -> str:
    path, query = without_query(request), _query(request.GET)
    return f"{path}?{query}"[:LONGEST] if query else path[:LONGEST]


def without_query(request: HttpRequest) -> str:
    return clean(request.path).encode("unicode_escape").decode().replace("\\u2026", "…")[:LONGEST]


def clean(text: str) -> str:
    """Without what looks like a token or a code, wherever a client has put it."""
    return _SECRET.sub("…", text)


def _query(sent: QueryDict) -> str:
    return "&".join(f"{_plain(name)}={_value(name, value)}" for name, value in sent.items())


def _value(name: str, value: object) -> str:
    if name.lower() == "client_id" and not _GUID.fullmatch(str(value)):
        # Who mixes the two up sends a secret here.
        return "…"
    return _plain(str(value)) if name.lower() in HARMLESS else "…"


def _plain(text: str) -> str:
    cleaned = clean(text)[:120]
    return "".join(character if character.isprintable() else "?" for character in cleaned)
