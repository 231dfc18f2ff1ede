"""GET /me: whose mailbox it is."""

from __future__ import annotations

from django.conf import settings

from integrations.microsoft import http


def get_address(access_token: str) -> str:
    """The primary SMTP address, or the user principal name where there is none. Raises `CalendarError`."""
    body = http.get(f"{settings.MICROSOFT_GRAPH_URL}/me?$select=mail,userPrincipalName", access_token)
    return str(body.get("mail") or body.get("userPrincipalName") or "")
