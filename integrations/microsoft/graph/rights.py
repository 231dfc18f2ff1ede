"""Whether a mailbox lets us do more than read its calendar, without doing it.

Rights that Exchange scopes to some mailboxes do not show in a token: only asking tells.
"""

from __future__ import annotations

import uuid

import requests
from django.conf import settings
from django.utils import timezone

from integrations import failures
from integrations.contracts import Unreachable
from integrations.failures import SERVER_TROUBLE, Failure, Outcome, Reason
from integrations.microsoft import http

# An id that no event can have: who may write is told that it is malformed, and nothing is written.
NO_EVENT = "whether-this-may-be-written"
# With these Graph says something about the caller, or about itself, and not about the event.
_NOT_ABOUT_THE_EVENT = frozenset({requests.codes.unauthorized, requests.codes.forbidden, failures.TOO_MANY})


def may_read_contacts(access_token: str, mailbox: str) -> None:
    """Raises `CalendarError` where it may not."""
    http.get(f"{settings.MICROSOFT_GRAPH_URL}/{mailbox}/contacts?$top=1&$select=id", access_token)


def may_write_calendar(access_token: str, mailbox: str) -> None:
    """Raises `CalendarError` where it may not."""
    request_id = str(uuid.uuid4())
    url = f"{settings.MICROSOFT_GRAPH_URL}/{mailbox}/events/{NO_EVENT}"
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json", "client-request-id": request_id}
    try:
        response = http.session().patch(url, json={}, headers=headers)
    except requests.RequestException as problem:
        raise Unreachable(Failure(Outcome.UNREACHABLE, Reason.NO_ANSWER, trace_id=request_id)) from problem
    failure = failures.of_graph_answer(
        response.status_code, http.json_of(response) or {}, response.headers, now=timezone.now()
    )
    if (
        response.status_code in _NOT_ABOUT_THE_EVENT
        or response.status_code >= SERVER_TROUBLE
        or failure.outcome is Outcome.NOT_ELIGIBLE
    ):
        http.fail(failure)
