"""The services that tokens can be for: each tenant has Graph and Exchange Online, and no others here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True)
class Resource:
    name: str
    app_id: str
    audience: str
    """What `aud` says."""
    identifiers: tuple[str, ...]
    """What a scope may begin with."""


GRAPH = Resource(
    "Microsoft Graph",
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
    ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"),
)
EXCHANGE = Resource(
    "Exchange Online",
    "00000002-0000-0ff1-ce00-000000000000",
    "https://outlook.office365.com",
    ("https://outlook.office365.com", "https://outlook.office.com", "00000002-0000-0ff1-ce00-000000000000"),
)
RESOURCES = (GRAPH, EXCHANGE)


def named(identifier: str) -> Resource | None:
    """Some libraries make `https://graph.microsoft.com//` of a resource with a slash."""
    wanted = identifier.rstrip("/").lower()
    found = next((resource for resource in RESOURCES if wanted in resource.identifiers), None)
    return GRAPH if found is None and _is_here(wanted) else found


def _is_here(identifier: str) -> bool:
    """A Graph client that is told another host asks for a token for `https://{that host}`, without its port."""
    try:
        parts = urlsplit(identifier)
        host = parts.netloc.removesuffix(f":{parts.port}")
    except ValueError:
        return False
    return parts.scheme == "https" and host in settings.ALLOWED_HOSTS and not parts.path


def of(permission: str) -> Resource:
    """A permission's full name carries its resource; without one it is Graph's."""
    return EXCHANGE if permission.startswith(EXCHANGE.audience) else GRAPH


def short(permission: str) -> str:
    """As `scp` and `roles` have it: `https://outlook.office365.com/EWS.AccessAsUser.All` → `EWS.AccessAsUser.All`."""
    return permission.rpartition("/")[2]
