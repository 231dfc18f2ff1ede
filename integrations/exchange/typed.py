"""The EWS URL as an admin types it in the settings, against what the operator allows.

Where a name leads is looked up when the server is asked, not here: no page waits for that.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from accounts.public_web import is_public
from integrations.ews_addresses import OWN_MACHINE, NotAnAddress, canonical, host_of, is_microsofts


def address(typed: str) -> str:
    """Canonical; "" for Microsoft's own, which nobody has to name. Raises NotAnAddress."""
    found = canonical(typed)
    host = urlsplit(found).hostname or ""
    # However the path is spelled: nobody's own server is there, and nobody's password must go there.
    if not found or is_microsofts(host) or host_of(found) == host_of(canonical(settings.MICROSOFT_EWS_URL)):
        return ""
    if _is_private(host):
        raise NotAnAddress(
            "The EWS URL leads to a private address, which the people who run Meridian have not allowed. "
            "Name the server as it is reached from outside, or ask them."
        )
    return canonical(found, ports=settings.EXCHANGE_PORTS)


def _is_private(host: str) -> bool:
    if host == OWN_MACHINE:
        return not is_public(ip_address("127.0.0.1"))
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return False  # a name
