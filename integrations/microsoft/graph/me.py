"""GET /me: whose mailbox it is."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from integrations.microsoft import http


@dataclass(frozen=True)
class Me:
    object_id: str
    # The primary SMTP address, or the user principal name where there is none.
    address: str


def get_me(access_token: str) -> Me:
    """Raises `CalendarError`."""
    body = http.get(f"{settings.MICROSOFT_GRAPH_URL}/me?$select=id,mail,userPrincipalName", access_token)
    return Me(str(body.get("id", "")), str(body.get("mail") or body.get("userPrincipalName") or ""))
