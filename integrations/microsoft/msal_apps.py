"""MSAL's applications: one a tenant, credential and process, for its constructor asks Microsoft.

MSAL's own caches are switched off: tokens live in our database, and when to ask again is ours to say (MSAL would
answer a second attempt within 60 seconds from memory).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msal
import requests
from django.conf import settings
from django.utils import timezone
from msal.exceptions import MsalServiceError

from integrations import failures
from integrations.contracts import AppGone, Unreachable
from integrations.failures import NO_ANSWER, Failure, Outcome, Reason
from integrations.microsoft import app_credentials, http
from integrations.microsoft.app_credentials import Credential

_MICROSOFTS_OWN = "login.microsoftonline.com"

_TEXTS = ("error", "error_description", "suberror", "access_token", "refresh_token", "scope")
# Who it is: MSAL would read them without proof, and with one that cannot be read it would lose the tokens beside it.
_IDENTITY = ("id_token", "client_info")
_LONGEST = 10**8  # seconds; nothing lasts for years

# One slow tenant does not keep all others waiting.
_building = tuple(threading.Lock() for _ in range(64))
_MOST = 2000  # 8 kB each
_apps: dict[tuple[str, str], Any] = {}
_seen = threading.local()


def asked(tenant: str, call: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """What `call` gets of /token through MSAL's application for a tenant: with the credential that Microsoft accepts,
    and where it refuses that one, at once with the other.

    How each was answered is noted in memory. Raises Unreachable, and what `call` raises.
    """
    answer: dict[str, Any] = {}
    for credential in app_credentials.in_order():
        answer = asked_with(credential, tenant, call)
        if _refusal(answer) is None:
            break
    return answer


def asked_with(credential: Credential, tenant: str, call: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """As `asked`, with this credential and no other."""
    answer = call(app_of(tenant, credential))
    if failure := _refusal(answer):
        app_credentials.refused(credential, failure, now=timezone.now())
    elif "access_token" in answer:
        app_credentials.accepted(credential, now=timezone.now())
    return answer


def app_of(tenant: str, credential: Credential | None = None) -> Any:
    """MSAL's application for a tenant, one per process and credential. Raises Unreachable, or AppGone where Microsoft
    knows no such tenant: its constructor asks Microsoft."""
    credential = credential or app_credentials.in_order()[0]
    key = (tenant, credential.fingerprint)
    if (known := _apps.get(key)) is not None:
        return known
    with _building[hash(key) % len(_building)]:
        if key not in _apps:
            while len(_apps) >= _MOST:
                _apps.pop(next(iter(_apps)), None)
            try:
                known = _apps[key] = _build_app(tenant, credential)
            except (requests.RequestException, MsalServiceError, ValueError, RecursionError) as problem:
                # ValueError is how MSAL says that the authority did not answer with a discovery document.
                _fail_to_build(problem)
        return known or _apps[key]


def last_response() -> requests.Response | None:
    """The last answer of /token in this thread: MSAL hands back the body alone."""
    return getattr(_seen, "response", None)


def last_id_token() -> str:
    """What stood beside the tokens of that answer, as it came; for `id_tokens` to judge."""
    return getattr(_seen, "id_token", "")


def forget_last() -> None:
    _seen.response, _seen.id_token = None, ""


def forget() -> None:
    """As in a new process."""
    _apps.clear()
    app_credentials.forget()


def _fail_to_build(problem: Exception) -> NoReturn:
    """Where Microsoft says that it knows no such tenant, or blocks it, that is an answer. Raises `CalendarError`."""
    body = getattr(_seen, "discovery", None)
    if isinstance(problem, ValueError) and body and "error" in body:
        failure = failures.of_token_answer(requests.codes.bad_request, body, {}, now=timezone.now())
        if failure.reason in (Reason.TENANT_GONE, Reason.TENANT_BLOCKED):
            raise AppGone(failure) from problem
    raise Unreachable(NO_ANSWER) from problem


def _refusal(answer: Mapping[str, Any]) -> Failure | None:
    """How our credential was refused. A tenant that does not know the application, and a wrong redirect address, may
    bear the same name."""
    if answer.get("error") != "invalid_client":
        return None
    failure = failures.of_token_answer(requests.codes.unauthorized, answer, {}, now=timezone.now())
    is_ours = failure.outcome is Outcome.CREDENTIAL_REFUSED and failure.reason is not Reason.REQUEST_REJECTED
    return failure if is_ours else None


class _Client:
    """MSAL's `http_client`: our session, and a note of the last answer, of which MSAL gets what it needs."""

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        _seen.discovery = None
        response = http.session().get(url, **kwargs)
        _seen.discovery = http.json_of(response) if response.status_code == requests.codes.bad_request else None
        return response

    def post(self, url: str, *, data: Mapping[str, Any], headers: Mapping[str, str], **_: object) -> requests.Response:
        forget_last()
        response = http.session().post_form(url, data, headers)
        _seen.response = response
        body = http.json_of(response)
        if response.status_code < requests.codes.internal_server_error and not _is_sound(body):
            # MSAL would write it to the log as it is, perhaps half of it tokens; or stumble over it, now or next time.
            raise requests.exceptions.InvalidJSONError("Not an answer of /token.", response=response)
        if body is not None and any(name in body for name in _IDENTITY):
            token = body.get("id_token")
            _seen.id_token = token if isinstance(token, str) else ""
            response._content = json.dumps({name: body[name] for name in body if name not in _IDENTITY}).encode()
        return response

    def close(self) -> None:
        """The session outlives every MSAL application of the process."""


def _is_sound(body: Mapping[str, Any] | None) -> bool:
    """Whether it is of the kinds that an answer of /token is made of: an error in words, or a token for a while."""
    if body is None:
        return False
    if any(not isinstance(body[name], str) for name in _TEXTS if name in body):
        return False
    if "error" in body:
        return True
    lasts = body.get("expires_in", 0)
    is_number = isinstance(lasts, int) or (isinstance(lasts, str) and lasts.isascii() and lasts.isdigit())
    return bool(body.get("access_token")) and is_number and 0 <= int(lasts) <= _LONGEST


class _Forgetful(dict[Any, Any]):
    """MSAL's cache of HTTP answers, without memory."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _NoTokens(msal.TokenCache):  # type: ignore[misc]  # msal ships no types
    """MSAL's token cache, without memory."""

    def add(self, event: Any, now: Any = None) -> None:
        pass


def _build_app(tenant: str, credential: Credential) -> Any:
    host = settings.MICROSOFT_AUTHORITY_HOST
    return msal.ConfidentialClientApplication(
        settings.MICROSOFT_CLIENT_ID,
        authority=f"{host}/{tenant}",
        client_credential=credential.for_msal,
        http_client=_Client(),
        http_cache=_Forgetful(),
        token_cache=_NoTokens(),
        # For a host that is not Microsoft's, MSAL would ask Microsoft whether it is genuine.
        instance_discovery=urlsplit(host).hostname == _MICROSOFTS_OWN,
    )
