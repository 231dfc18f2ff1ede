"""Entra ID by way of MSAL: the trip to the consent page, codes and refresh tokens, and who somebody is.

MSAL's own caches are switched off: tokens live in our database, and when to ask again is ours to say (MSAL
would answer a second attempt within 60 seconds from memory).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import msal
import requests
from django.conf import settings
from django.utils import timezone
from msal.exceptions import MsalServiceError

from integrations import failures
from integrations.contracts import Unreachable
from integrations.failures import NO_ANSWER, Failure
from integrations.microsoft import http

CLOCK_SKEW = timedelta(minutes=2)
_MICROSOFTS_OWN = "login.microsoftonline.com"

_PEM_BLOCK = re.compile(r"(-----BEGIN ([A-Z ]+)-----.+?-----END \2-----)", re.DOTALL)

_building = threading.Lock()
_apps: dict[str, Any] = {}
_seen = threading.local()


class Untrusted(Exception):
    """The id_token does not prove what it says. Nothing in it may be used."""


@dataclass(frozen=True)
class Tokens:
    """What /token gave. `lasts` counts from the moment of asking."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lasts: timedelta
    scopes: tuple[str, ...]
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Identity:
    tenant_id: str
    object_id: str
    username: str


def begin(*, scopes: list[str], redirect_uri: str, login_hint: str) -> dict[str, Any]:
    """Start the authorization code flow. The answer holds `auth_uri`, where the browser goes, and secrets: it
    stays on the server, sealed. Raises Unreachable."""
    app = _app(settings.MICROSOFT_TENANT)
    with warnings.catch_warnings():
        # MSAL recommends form_post; with it a SameSite=Lax session cookie would not come back (we send PKCE).
        warnings.filterwarnings("ignore", message=".*response_mode.*")
        flow: dict[str, Any] = app.initiate_auth_code_flow(
            scopes, redirect_uri=redirect_uri, login_hint=login_hint or None, response_mode="query"
        )
    return flow


def redeem(flow: Mapping[str, Any], answer: Mapping[str, str]) -> Tokens:
    """Change the code for tokens. The state must have been compared. Raises `CalendarError`, Untrusted."""
    app = _app(settings.MICROSOFT_TENANT)
    return _ask(lambda: app.acquire_token_by_auth_code_flow(dict(flow), dict(answer)))


def refresh(refresh_token: str, *, tenant_id: str, scopes: list[str]) -> Tokens:
    """A new pair. The old refresh token lives on at Microsoft, but the new one must be kept. Raises
    `CalendarError`."""
    app = _app(tenant_id)
    return _ask(lambda: app.acquire_token_by_refresh_token(refresh_token, scopes))


def prove_credential(tenant: str) -> None:
    """Ask for a token of the application itself (client credentials), which Microsoft gives only for a credential
    it knows, in a named tenant where the application is known. Raises `CalendarError`."""
    app = _app(tenant)
    _ask(lambda: app.acquire_token_for_client([f"{_graph_resource()}/.default"]))


def _graph_resource() -> str:
    """Each of Microsoft's clouds has its own; whoever only speaks like Graph answers to the best-known name."""
    parts = urlsplit(settings.MICROSOFT_GRAPH_URL)
    if (parts.hostname or "").endswith((".microsoft.us", ".chinacloudapi.cn")):
        return f"{parts.scheme}://{parts.netloc}"
    return "https://graph.microsoft.com"


def identify(id_token: str, *, nonce: str) -> Identity:
    """Check signature, issuer, audience, time and nonce (OpenID Connect Core §3.1.3.7), which MSAL ≥ 1.38 leaves
    to us. Raises Untrusted, Unreachable."""
    try:
        key = _signing_key(id_token)
        claims = jwt.decode(
            id_token,
            key,
            algorithms=["RS256"],
            audience=settings.MICROSOFT_CLIENT_ID,
            leeway=CLOCK_SKEW,
            options={"require": ["exp", "iat", "iss", "aud", "tid", "oid", "nonce"]},
        )
    except jwt.PyJWTError as problem:
        raise Untrusted(type(problem).__name__) from problem
    if claims["iss"] != f"{settings.MICROSOFT_AUTHORITY_HOST}/{claims['tid']}/v2.0":
        raise Untrusted("issuer")
    # MSAL sends the hash of the nonce it keeps.
    if not hmac.compare_digest(str(claims["nonce"]), hashlib.sha256(nonce.encode()).hexdigest()):
        raise Untrusted("nonce")
    return Identity(str(claims["tid"]), str(claims["oid"]), str(claims.get("preferred_username", "")))


def _ask(call: Callable[[], dict[str, Any]]) -> Tokens:
    _seen.response = None
    try:
        answer = call()
    except RuntimeError as problem:
        raise Untrusted("nonce") from problem
    except (requests.RequestException, MsalServiceError, ValueError) as problem:
        raise Unreachable(_failure_of({})) from problem
    if "error" in answer or "access_token" not in answer:
        http.fail(_failure_of(answer))
    return Tokens(
        access_token=answer["access_token"],
        refresh_token=answer.get("refresh_token", ""),
        lasts=timedelta(seconds=int(answer.get("expires_in", 0))),
        scopes=tuple(str(answer.get("scope", "")).split()),
        id_token=answer.get("id_token", ""),
    )


def _failure_of(answer: Mapping[str, Any]) -> Failure:
    """MSAL hands back the body alone; status and Retry-After are those our client saw last in this thread."""
    response: requests.Response | None = getattr(_seen, "response", None)
    if response is None:
        return NO_ANSWER
    body = answer or http.json_of(response) or {}
    return failures.of_token_answer(response.status_code, body, response.headers, now=timezone.now())


class _Client:
    """MSAL's `http_client`: our session, and a note of the last answer."""

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        return http.session().get(url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        _seen.response = None
        response = http.session().post(url, **kwargs)
        _seen.response = response
        return response

    def close(self) -> None:
        """The session outlives every MSAL application of the process."""


class _Forgetful(dict[Any, Any]):
    """MSAL's cache of HTTP answers, without memory."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _NoTokens(msal.TokenCache):  # type: ignore[misc]  # msal ships no types
    """MSAL's token cache, without memory."""

    def add(self, event: Any, now: Any = None) -> None:
        pass


def _app(tenant: str) -> Any:
    """MSAL's application for a tenant, one per process. Raises Unreachable: its constructor asks Microsoft."""
    if tenant in _apps:
        return _apps[tenant]
    with _building:
        if tenant not in _apps:
            try:
                _apps[tenant] = _build_app(tenant)
            except (requests.RequestException, MsalServiceError, ValueError) as problem:
                # ValueError is how MSAL says that the authority did not answer with a discovery document.
                raise Unreachable(NO_ANSWER) from problem
        return _apps[tenant]


def _build_app(tenant: str) -> Any:
    host = settings.MICROSOFT_AUTHORITY_HOST
    return msal.ConfidentialClientApplication(
        settings.MICROSOFT_CLIENT_ID,
        authority=f"{host}/{tenant}",
        client_credential=_credential(),
        http_client=_Client(),
        http_cache=_Forgetful(),
        token_cache=_NoTokens(),
        # For a host that is not Microsoft's, MSAL would ask Microsoft whether it is genuine.
        instance_discovery=urlsplit(host).hostname == _MICROSOFTS_OWN,
    )


def _credential() -> str | dict[str, str]:
    """The secret, or a certificate: one PEM file with the private key and the certificate."""
    if settings.MICROSOFT_CLIENT_SECRET:
        return str(settings.MICROSOFT_CLIENT_SECRET)
    blocks = _PEM_BLOCK.findall(Path(settings.MICROSOFT_CLIENT_CERTIFICATE).read_text())
    private, public = ("\n".join(text for text, kind in blocks if kind.endswith(end)) for end in ("KEY", "CERTIFICATE"))
    return {"private_key": private, "public_certificate": public}


def _signing_key(id_token: str) -> Any:
    """By the token's key id; an unknown one is looked up anew once, for Microsoft rolls its keys."""
    key_id = str(jwt.get_unverified_header(id_token).get("kid", ""))
    keys = _keys()
    if key_id not in keys:
        _keys.cache_clear()
        keys = _keys()
    if key_id not in keys:
        raise Untrusted("unknown key")
    return keys[key_id]


@cache
def _keys() -> dict[str, Any]:
    url = f"{settings.MICROSOFT_AUTHORITY_HOST}/{settings.MICROSOFT_TENANT}/discovery/v2.0/keys"
    try:
        response = http.session().get(url)
        response.raise_for_status()
        found = [key for key in json.loads(response.text)["keys"] if key["kty"] == "RSA"]
        keys = {str(key["kid"]): jwt.PyJWK(key, algorithm="RS256").key for key in found}
    except (requests.RequestException, ValueError, LookupError, TypeError, jwt.PyJWTError) as problem:
        raise Unreachable(NO_ANSWER) from problem
    if not keys:
        raise Unreachable(NO_ANSWER)
    return keys
