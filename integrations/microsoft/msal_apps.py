"""MSAL's applications: one a tenant and process, for its constructor asks Microsoft.

MSAL's own caches are switched off: tokens live in our database, and when to ask again is ours to say (MSAL would
answer a second attempt within 60 seconds from memory).
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from django.conf import settings
from msal.exceptions import MsalServiceError

from integrations.contracts import Unreachable
from integrations.failures import NO_ANSWER
from integrations.microsoft import http

_MICROSOFTS_OWN = "login.microsoftonline.com"
_PEM_BLOCK = re.compile(r"(-----BEGIN ([A-Z ]+)-----.+?-----END \2-----)", re.DOTALL)

_building = threading.Lock()
_apps: dict[str, Any] = {}
_seen = threading.local()


def app_of(tenant: str) -> Any:
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


def last_response() -> requests.Response | None:
    """The last answer of /token in this thread: MSAL hands back the body alone."""
    return getattr(_seen, "response", None)


def forget_last() -> None:
    _seen.response = None


def forget() -> None:
    """As in a new process."""
    _apps.clear()


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
