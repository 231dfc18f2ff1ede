"""How the simulator speaks to an application's own address: a POST, over TLS where the address says so.

It trusts the system's authorities and its own. It follows no redirects and reads no proxy from the environment.
"""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter

from integrations.simulator import place

# How long an address has to prove that it wants to be told.
HANDSHAKE_SECONDS = 10.0
NOTICE_SECONDS = 3.0
LONGEST_ECHO = 4096


@dataclass(frozen=True)
class Answer:
    status: int
    """0 when there was none: nobody there, no trust, or too late."""
    seconds: float
    problem: str = ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


def is_acceptable(url: str) -> bool:
    """HTTPS; plain HTTP to this very machine, which the service would not accept."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises when the port is none
    except ValueError:
        return False
    host = parts.hostname or ""
    if not host or parts.username is not None or parts.fragment:
        return False
    is_here = place.is_loopback(host) or host.endswith(".localhost")
    return parts.scheme == "https" or (parts.scheme == "http" and is_here)


def without_query(url: str) -> str:
    """For the log: queries may carry secrets of the application's."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def shake_hands(url: str) -> str:
    """What is wrong with the address, in Graph's words; empty when it echoed the token."""
    token = f"Validation: Testing client application reachability for subscription Request-Id: {secrets.token_hex(16)}"
    address = f"{url}{'&' if urlsplit(url).query else '?'}validationToken={quote(token, safe='')}"
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    ends_at = time.monotonic() + HANDSHAKE_SECONDS
    try:
        with _session().post(
            address, headers=headers, timeout=HANDSHAKE_SECONDS, allow_redirects=False, stream=True
        ) as response:
            return _what_is_wrong(response, token, _body(response, ends_at))
    except requests.Timeout:
        return "Subscription validation request timed out."
    except (requests.RequestException, ValueError):
        return (
            "Subscription validation request failed. "
            "Notification endpoint must respond with 200 OK to validation request."
        )


def send(url: str, body: str) -> Answer:
    began = time.monotonic()
    try:
        with _session().post(
            url,
            data=body.encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout=NOTICE_SECONDS,
            allow_redirects=False,
            stream=True,
        ) as response:
            return Answer(response.status_code, time.monotonic() - began)
    except (requests.RequestException, ValueError) as problem:
        return Answer(0, time.monotonic() - began, type(problem).__name__)


def _what_is_wrong(response: requests.Response, token: str, body: bytes | None) -> str:
    if body is None:
        return "Subscription validation request timed out."
    if response.status_code != 200:
        return (
            f"Subscription validation request failed. HTTP status code is '{_name(response)}'. "
            "Notification endpoint must respond with 200 OK to validation request."
        )
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "text/plain":
        return "Subscription validation request failed. Response content type must be text/plain."
    if body != token.encode():
        return "Subscription validation request failed. Response must exactly match validationToken query parameter."
    return ""


def _name(response: requests.Response) -> str:
    """As .NET names it: `NotFound`."""
    return "".join(part.capitalize() for part in (response.reason or str(response.status_code)).split())


def _body(response: requests.Response, ends_at: float) -> bytes | None:
    """No more than an echo can be; None when it comes too slowly."""
    body = b""
    for part in response.iter_content(1024):
        body += part
        if time.monotonic() > ends_at:
            return None
        if len(body) > LONGEST_ECHO:
            break
    return body


def _session() -> requests.Session:
    """One to a thread, with its connections."""
    session: requests.Session | None = getattr(_kept, "session", None)
    if session is None:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", _Trusting())
        _kept.session = session
    return session


class _Trusting(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=str(place.here().data / "ca.pem"))
        super().init_poolmanager(*args, **{**kwargs, "ssl_context": context})


_kept = threading.local()
