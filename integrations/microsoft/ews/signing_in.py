"""How an organization's own server wants its users to sign in: asked of it once, without a password."""

from __future__ import annotations

import re
import struct
import time
from enum import StrEnum
from typing import Any, NoReturn

import requests
from requests.auth import AuthBase

from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import http


class Scheme(StrEnum):
    """The first that a server offers is taken."""

    NTLM = "ntlm"
    NEGOTIATE = "negotiate"
    BASIC = "basic"


KEPT = 60 * 60.0  # seconds
_MOST = 1000  # addresses

_WORD = re.compile(r"(?:^|,)\s*(ntlm|negotiate|basic|bearer|digest)\b", re.IGNORECASE)
_known: dict[str, tuple[Scheme, float]] = {}


def known(address: str) -> Scheme | None:
    """As it was chosen before, if that was not long ago."""
    scheme, until = _known.get(address, (None, 0.0))
    return scheme if until > time.monotonic() else None


def choose(address: str, challenge: requests.Response) -> Scheme:
    """By what a 401 offers. Raises `CalendarError` where nothing fits."""
    offered = _offered(challenge)
    scheme = next((one for one in Scheme if one.value in offered), None)
    if scheme is None:
        _fail(offered)
    if len(_known) >= _MOST:
        _known.clear()
    _known[address] = (scheme, time.monotonic() + KEPT)
    return scheme


def offers(refusal: requests.Response, scheme: Scheme) -> bool:
    """A refusal that offers nothing at all is one of the password."""
    offered = _offered(refusal)
    return not offered or scheme.value in offered


def forget(address: str) -> None:
    _known.pop(address, None)


def auth(scheme: Scheme, user_name: str, password: str) -> AuthBase:
    if scheme is Scheme.BASIC:
        return _Basic(user_name, password)
    from requests_ntlm import HttpNtlmAuth

    # An address is no name of a domain's: Windows wants to be told that none is given.
    return HttpNtlmAuth(f"\\{user_name}" if "@" in user_name else user_name, password)


def broken() -> tuple[type[Exception], ...]:
    """What a handshake that goes wrong raises, besides what `requests` does: no challenge in an answer, or a
    senseless one."""
    from spnego.exceptions import SpnegoError

    return (LookupError, AttributeError, TypeError, PermissionError, ValueError, struct.error, SpnegoError)


class _Basic(AuthBase):
    """In UTF-8, as RFC 7617 lets a server ask for; `requests` would send Latin-1, and fail on the rest."""

    def __init__(self, user_name: str, password: str) -> None:
        self._plain = requests.auth.HTTPBasicAuth(user_name.encode(), password.encode())

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        signed: requests.PreparedRequest = self._plain(r)
        return signed


def _offered(answer: requests.Response) -> set[str]:
    return {word.lower() for word in _WORD.findall(answer.headers.get("WWW-Authenticate", ""))}


def _fail(offered: set[str]) -> NoReturn:
    said: Any = ", ".join(sorted(offered)) or "no way to sign in"
    http.fail(Failure(Outcome.APP_GONE, Reason.NOT_EXCHANGE, code=f"HTTP 401: {said}"))
