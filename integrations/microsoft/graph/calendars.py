"""GET {mailbox}/calendar: the default calendar."""

from __future__ import annotations

from django.conf import settings

from integrations.contracts import RemoteCalendar
from integrations.microsoft import http
from integrations.microsoft.graph.mailboxes import OWN


def get_default_calendar(access_token: str, mailbox: str = OWN) -> RemoteCalendar:
    """Raises `CalendarError`."""
    body = http.get(f"{settings.MICROSOFT_GRAPH_URL}/{mailbox}/calendar?$select=id,name", access_token)
    return RemoteCalendar(str(body.get("id", "")), str(body.get("name", "")))
