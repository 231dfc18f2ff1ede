"""Is this one of the registered addresses? Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_registered(uri: str, registered: Iterable[str], *, on_any_port: bool) -> bool:
    """Letter for letter; an installed application may listen on any port of this machine (RFC 8252 §7.3)."""
    known = set(registered)
    if uri in known:
        return True
    portless = _without_port(uri) if on_any_port else None
    return portless is not None and portless in {_without_port(one) for one in known}


def _without_port(uri: str) -> str | None:
    """Of a loopback address; None of any other."""
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 (raises for what is no port)
    except ValueError:
        return None
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or "@" in parts.netloc:
        return None
    return urlunsplit(parts._replace(netloc=parts.hostname))
