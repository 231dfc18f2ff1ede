"""Entra ID by way of MSAL: the trip to the consent page, codes, refresh tokens, and the application's own proof."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from django.conf import settings
from django.utils import timezone
from msal.exceptions import MsalServiceError

from integrations import failures
from integrations.contracts import Unreachable
from integrations.failures import NO_ANSWER, Failure
from integrations.microsoft import http, msal_apps
from integrations.microsoft.app_credentials import Credential
from integrations.microsoft.msal_apps import app_of

_WHO = ("openid", "profile")


@dataclass(frozen=True)
class Tokens:
    """What /token gave. `lasts` counts from the moment of asking."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lasts: timedelta
    scopes: tuple[str, ...]
    id_token: str = field(default="", repr=False)


def begin(
    *, scopes: list[str], redirect_uri: str, login_hint: str, prompt: str = "", claims: str = ""
) -> dict[str, Any]:
    """Start the authorization code flow. The answer holds `auth_uri`, where the browser goes, and secrets: it
    stays on the server, sealed. `claims` is what Microsoft wants to see proved (a step-up). Raises Unreachable."""
    app = app_of(settings.MICROSOFT_TENANT)
    return _flow(
        app,
        scopes,
        redirect_uri=redirect_uri,
        login_hint=login_hint or None,
        prompt=prompt or None,
        claims_challenge=claims or None,
    )


def begin_sign_in(tenant_id: str, *, redirect_uri: str, state: str) -> dict[str, Any]:
    """As `begin`, for somebody who is to show who they are in this one organization, and for nothing else: no lasting
    access is asked for. Raises Unreachable."""
    flow = _flow(app_of(tenant_id), [], redirect_uri=redirect_uri, state=state)
    # MSAL would ask for `offline_access` too.
    address = urlsplit(flow["auth_uri"])
    query = [(name, " ".join(_WHO) if name == "scope" else value) for name, value in parse_qsl(address.query)]
    return {**flow, "scope": list(_WHO), "auth_uri": address._replace(query=urlencode(query)).geturl()}


def redeem_sign_in(tenant_id: str, flow: Mapping[str, Any], answer: Mapping[str, str]) -> Tokens:
    """As `redeem`, of a flow of `begin_sign_in`. Raises `CalendarError`."""
    return _ask(tenant_id, lambda app: app.acquire_token_by_auth_code_flow(dict(flow), dict(answer)))


def _flow(app: Any, scopes: list[str], **more: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        # MSAL recommends form_post; with it a SameSite=Lax session cookie would not come back (we send PKCE).
        warnings.filterwarnings("ignore", message=".*response_mode.*")
        flow: dict[str, Any] = app.initiate_auth_code_flow(scopes, response_mode="query", **more)
    return flow


def redeem(flow: Mapping[str, Any], answer: Mapping[str, str]) -> Tokens:
    """Change the code for tokens. The state must have been compared; whose they are is
    for `id_tokens` to prove. Raises `CalendarError`."""
    return _ask(settings.MICROSOFT_TENANT, lambda app: app.acquire_token_by_auth_code_flow(dict(flow), dict(answer)))


def refresh(refresh_token: str, *, tenant_id: str, scopes: list[str]) -> Tokens:
    """A new pair. The old refresh token lives on at Microsoft, but the new one must be kept. Raises
    `CalendarError`."""
    return _ask(tenant_id, lambda app: app.acquire_token_by_refresh_token(refresh_token, scopes))


def app_token(tenant: str, *, resource: str = "") -> Tokens:
    """A token of the application itself in a named tenant (client credentials), which opens what an administrator
    there has granted: in Graph, or in another `resource`. Without a refresh token: another is asked for in the same
    way. Raises `CalendarError`."""
    return _ask(tenant, lambda app: _for_the_application(app, resource))


def prove_credential(tenant: str, credential: Credential | None = None) -> None:
    """Ask for a token of the application itself (client credentials), which Microsoft gives only for a credential
    it knows, in a named tenant where the application is known: with this one alone, or with any that is accepted.
    Raises `CalendarError`."""
    _ask(tenant, _for_the_application, credential)


def _for_the_application(app: Any, resource: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = app.acquire_token_for_client([f"{resource or graph_resource()}/.default"])
    return answer


def graph_resource() -> str:
    """Each of Microsoft's clouds has its own; whoever only speaks like Graph answers to the best-known name."""
    parts = urlsplit(settings.MICROSOFT_GRAPH_URL)
    if (parts.hostname or "").endswith((".microsoft.us", ".chinacloudapi.cn")):
        return f"{parts.scheme}://{parts.netloc}"
    return "https://graph.microsoft.com"


def exchange_resource() -> str:
    """The same of Exchange Online, by which its EWS is opened: each cloud's own, where it is one of Microsoft's."""
    parts = urlsplit(settings.MICROSOFT_EWS_URL)
    if (parts.hostname or "").endswith((".office365.us", ".outlook.cn")):
        return f"{parts.scheme}://{parts.netloc}"
    return "https://outlook.office365.com"


def _ask(tenant: str, call: Callable[[Any], dict[str, Any]], credential: Credential | None = None) -> Tokens:
    msal_apps.forget_last()
    try:
        answer = msal_apps.asked_with(credential, tenant, call) if credential else msal_apps.asked(tenant, call)
    except (requests.RequestException, MsalServiceError, ValueError) as problem:
        raise Unreachable(_failure_of({})) from problem
    if "error" in answer or "access_token" not in answer:
        http.fail(_failure_of(answer))
    return Tokens(
        access_token=answer["access_token"],
        refresh_token=answer.get("refresh_token", ""),
        lasts=timedelta(seconds=int(answer.get("expires_in", 0))),
        scopes=tuple(str(answer.get("scope", "")).split()),
        id_token=msal_apps.last_id_token(),
    )


def _failure_of(answer: Mapping[str, Any]) -> Failure:
    """MSAL hands back the body alone; status and Retry-After are those our client saw last in this thread."""
    response = msal_apps.last_response()
    if response is None:
        return NO_ANSWER
    body = answer or http.json_of(response) or {}
    return failures.of_token_answer(response.status_code, body, response.headers, now=timezone.now())
