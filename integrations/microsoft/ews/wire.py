"""One mailbox's way to its server: requests that exchangelib writes, sent by sessions of our own.

What is no SOAP answer is classified here, by what the wire shows, before exchangelib makes exceptions of it: it reads
nothing but answers of EWS. It never sees a password or a token, so none can get into its texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils import timezone

from accounts import outbound, own_servers, public_web
from accounts.outbound import HostNotAllowed
from integrations import ews_failures
from integrations.contracts import CalendarError
from integrations.ews_failures import EwsAnswer, Silence
from integrations.microsoft import http
from integrations.microsoft.ews import signing_in, silences
from integrations.microsoft.ews.doors import Door

TOTAL = timedelta(seconds=15)

_HEADERS = {
    "Content-Type": "text/xml; charset=utf-8",
    "Accept": "text/xml",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "Meridian/1.0",
}
_ENVELOPE = re.compile(rb"<(?:[\w.-]+:)?Envelope[\s>]")
_HEAD = 4096  # bytes, in which an envelope begins
_LAST = re.compile(rb"</(?:[\w.-]+:)?Envelope\s*>\s*\Z")


@dataclass(frozen=True)
class Answer:
    """As exchangelib reads it."""

    url: str
    status_code: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    # exchangelib logs the headers of its request, with what signs in: there are none.
    request: Any = field(default_factory=lambda: SimpleNamespace(headers={}), repr=False)
    reason: str = ""
    history: tuple[()] = ()

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def iter_content(self) -> Iterator[bytes]:
        yield self.content

    def close(self) -> None:
        """It is read already."""


class Wire:
    """Stands where exchangelib has a session."""

    # What exchangelib keeps of a session, and writes to its log.
    session_id, usage_count, auth = 0, 0, None

    def __init__(self, door: Door) -> None:
        self._door = door
        self._session = _session_for(door)
        self.last = EwsAnswer()

    def post(self, *, url: str, headers: Mapping[str, str], data: bytes, **_: Any) -> Answer:
        """Raises `CalendarError` for all that is no SOAP."""
        found = self._send(url, {**_HEADERS, **headers}, data)
        self.last = EwsAnswer(found.status_code, found.headers, found.content, is_microsofts=self._door.is_microsofts)
        if found.status_code not in (200, 500) or not _ENVELOPE.search(found.content[:_HEAD]):
            raise _error(self.last)
        if not _LAST.search(found.content[-_HEAD:]):  # cut: exchangelib would read what there is
            raise _error(EwsAnswer(500, found.headers, is_microsofts=self._door.is_microsofts))
        return Answer(url, found.status_code, found.headers, found.content)

    def get(self, url: str) -> requests.Response:
        """Asked without saying who we are. Raises `CalendarError`."""
        return self._guarded(
            "GET", url, {"Accept": "application/json", "User-Agent": _HEADERS["User-Agent"]}, b"", None
        )

    def knock(self) -> None:
        """Is there a server that wants its users to sign in? Nobody does. Raises `CalendarError`."""
        signing_in.forget(self._door.address)
        self._scheme(self._door.address, _HEADERS)

    def close(self) -> None:
        if not self._door.is_microsofts:
            self._session.close()

    def get_adapter(self, _url: str) -> None:
        """exchangelib wants to log it."""

    def _send(self, url: str, headers: Mapping[str, str], data: bytes) -> requests.Response:
        if self._door.is_microsofts:
            return self._guarded("POST", url, {**headers, "Authorization": f"Bearer {self._door.secret}"}, data, None)
        scheme, is_fresh = self._scheme(url, headers)
        found = self._with_password(scheme, url, headers, data)
        if found.status_code == requests.codes.unauthorized and not is_fresh and not signing_in.offers(found, scheme):
            # Another way of signing in is wanted by now; the password was not even looked at.
            signing_in.forget(self._door.address)
            scheme, _ = self._scheme(url, headers)
            found = self._with_password(scheme, url, headers, data)
        return found

    def _scheme(self, url: str, headers: Mapping[str, str]) -> tuple[signing_in.Scheme, bool]:
        """And whether it was asked for just now."""
        if known := signing_in.known(self._door.address):
            return known, False
        challenge = self._guarded("POST", url, headers, b"", None)
        if challenge.status_code != requests.codes.unauthorized:
            raise _error(EwsAnswer(challenge.status_code, challenge.headers, challenge.content))
        return signing_in.choose(self._door.address, challenge), True

    def _with_password(
        self, scheme: signing_in.Scheme, url: str, headers: Mapping[str, str], data: bytes
    ) -> requests.Response:
        auth = signing_in.auth(scheme, self._door.user_name, self._door.secret)
        return self._guarded("POST", url, headers, data, auth)

    def _guarded(self, method: str, url: str, headers: Mapping[str, str], data: bytes, auth: Any) -> requests.Response:
        try:
            return self._session.request(method, url, headers=headers, data=data, auth=auth, allow_redirects=False)
        except (HostNotAllowed, public_web.NotPublic):
            silence = Silence.NOT_ALLOWED
        except requests.RequestException as problem:
            silence = silences.of(problem)
        except signing_in.broken():
            silence = Silence.NO_SIGN_IN
        raise _error(EwsAnswer(silence=silence, is_microsofts=self._door.is_microsofts))


def _error(answer: EwsAnswer) -> CalendarError:
    """To be raised outside of every `except`: what the libraries say must not hang on to it."""
    return http.error_of(ews_failures.of_ews(answer, now=timezone.now()))


def _session_for(door: Door) -> outbound.Session:
    """To Microsoft one that the process keeps. To an organization's own server each its own: a connection that has
    signed in by NTLM is its user's alone."""
    if door.is_microsofts:
        return _microsofts(urlsplit(settings.MICROSOFT_EWS_URL).netloc, settings.MICROSOFT_CA_BUNDLE)
    return own_servers.session(ports=settings.EXCHANGE_PORTS, total=TOTAL, roots=settings.EXCHANGE_CA_BUNDLE)


@cache
def _microsofts(host: str, ca_bundle: str) -> outbound.Session:
    return outbound.session(allowed_hosts={host}, total=TOTAL, verify=ca_bundle or True)
