"""GET /users/{id}: what the directory of an organization says of one person, where it may be read."""

from __future__ import annotations

from django.conf import settings

from integrations.contracts import NotPermitted
from integrations.failures import Reason
from integrations.microsoft import http
from integrations.microsoft.graph import mailboxes, me

_ASKED = "userPrincipalName,userType"


def is_guest(object_id: str, access_token: str) -> bool:
    """Only where the directory says so. Raises `CalendarError`, but not where it may not be read: a permission that has
    just been granted may not have arrived."""
    url = f"{settings.MICROSOFT_GRAPH_URL}/{mailboxes.of(object_id)}?$select={_ASKED}"
    try:
        return me.reason_in(http.get(url, access_token)) is Reason.GUEST
    except NotPermitted:
        return False
