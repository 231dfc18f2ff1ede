"""Microsoft's manners on top of `accounts.outbound`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils import timezone

from accounts import outbound
from integrations import failures
from integrations.contracts import (
    AppGone,
    AuthorizationLost,
    CalendarError,
    CredentialRefused,
    NotEligible,
    NotPermitted,
    Throttled,
    Unreachable,
)
from integrations.failures import Failure, Outcome

# Shorter than a token's lease (`tokens.LEASE`), so that no answer can arrive after somebody else took over.
TOTAL = timedelta(seconds=15)

_ERRORS: dict[Outcome, type[CalendarError]] = {
    Outcome.AUTHORIZATION_LOST: AuthorizationLost,
    Outcome.NOT_ELIGIBLE: NotEligible,
    Outcome.NOT_PERMITTED: NotPermitted,
    Outcome.CREDENTIAL_REFUSED: CredentialRefused,
    Outcome.APP_GONE: AppGone,
    Outcome.THROTTLED: Throttled,
    Outcome.UNREACHABLE: Unreachable,
}


def fail(failure: Failure) -> NoReturn:
    """Raise the error of the contract that fits `failure`."""
    raise error_of(failure)


def error_of(failure: Failure) -> CalendarError:
    """The error of the contract that fits `failure`."""
    return _ERRORS[failure.outcome](failure)


@cache
def session() -> outbound.Session:
    """One per process: connections to Microsoft are kept open and shared by its threads."""
    hosts = {urlsplit(settings.MICROSOFT_AUTHORITY_HOST).netloc, urlsplit(settings.MICROSOFT_GRAPH_URL).netloc}
    return outbound.session(allowed_hosts=hosts, total=TOTAL, verify=settings.MICROSOFT_CA_BUNDLE or True)


def get(url: str, access_token: str, *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Graph's answer as JSON. Raises `CalendarError`."""
    request_id = str(uuid.uuid4())
    try:
        response = session().get(
            url,
            headers={
                "Authorization": f"Bearer {access_token}",
                "Accept": "application/json",
                "client-request-id": request_id,
                **(headers or {}),
            },
        )
    except requests.RequestException as problem:
        raise Unreachable(Failure(Outcome.UNREACHABLE, failures.Reason.NO_ANSWER, trace_id=request_id)) from problem
    body = json_of(response)
    if response.status_code != requests.codes.ok or body is None:
        fail(failures.of_graph_answer(response.status_code, body or {}, response.headers, now=timezone.now()))
    return body


def json_of(response: requests.Response) -> dict[str, Any] | None:
    """None where the body is no JSON object: a proxy's page, half an answer."""
    try:
        body = response.json()
    except (ValueError, RecursionError):  # also a number of thousands of digits, or what is nested too deeply
        return None
    return body if isinstance(body, dict) else None
