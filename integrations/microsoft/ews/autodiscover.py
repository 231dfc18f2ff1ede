"""Autodiscover v2: where a mailbox is, as its server tells everybody who asks, without a password."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

import requests
from django.conf import settings

from accounts import outbound
from integrations.contracts import CalendarError
from integrations.ews_addresses import is_microsofts, origin_of
from integrations.microsoft import http
from integrations.microsoft.ews import doors
from integrations.microsoft.ews.wire import TOTAL, Wire

_MOVED = frozenset({301, 302, 303, 307, 308})


def is_in_cloud(server_address: str, address: str) -> bool | None:
    """None: it does not say, or names a third place."""
    wire = Wire(doors.anonymous(server_address))
    query = urlencode({"Protocol": "EWS"})
    path = f"/autodiscover/autodiscover.json/v1.0/{quote(address, safe='@')}"
    try:
        with outbound.deadline(TOTAL):
            found = wire.get(f"{origin_of(server_address)}{path}?{query}")
    except CalendarError:
        return None
    finally:
        wire.close()
    return _is_microsofts(_place_in(found), server_address)


def _place_in(found: requests.Response) -> str:
    if found.status_code in _MOVED:
        return found.headers.get("Location", "")
    body = http.json_of(found) if found.status_code == requests.codes.ok else None
    url = (body or {}).get("Url")
    return url if isinstance(url, str) else ""


def _is_microsofts(url: str, server_address: str) -> bool | None:
    try:
        parts = urlsplit(url)
        place, host = parts.netloc.lower(), (parts.hostname or "").lower()
    except ValueError:
        return None
    if not place:
        return None
    if place == urlsplit(settings.MICROSOFT_EWS_URL).netloc.lower() or is_microsofts(host):
        return True
    return False if place == urlsplit(server_address).netloc else None
