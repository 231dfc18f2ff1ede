"""Speaks to servers whose address somebody typed: never into our own network, never without TLS, never for ever.

As `accounts.outbound`, and besides: the name is looked up once for each connection, every address it leads to is
looked at, and the connection goes to exactly those (so no second answer of the DNS can lead elsewhere); the certificate
is judged by the name; an answer has a greatest size.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import NameResolutionError

from accounts import public_web, resolver
from accounts.outbound import HostNotAllowed, Session, WatchedAdapter, WatchedHTTPSConnection, WatchedPool

LARGEST = 20 * 1024 * 1024  # bytes of one answer, unpacked
_PORT = 443
_TRIED = 4  # addresses of one name


class TooLarge(requests.exceptions.RequestException):
    """More came than any sensible answer holds."""


def session(*, ports: Collection[int], total: timedelta, roots: str = "") -> Session:
    """A session for whatever host, over TLS only, at 443 and `ports`. `roots`: a file of certificates to trust besides
    the usual ones.

    Raises, besides what a session of `outbound` raises: HostNotAllowed, `public_web.NotPublic`, TooLarge.
    """
    return _Session(frozenset({_PORT, *ports}), total, roots)


class _Session(Session):
    def __init__(self, ports: frozenset[int], total: timedelta, roots: str) -> None:
        self._ports = ports
        super().__init__(frozenset(), total, True, adapter=_adapter_with(roots))

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else _PORT
        if parts.scheme != "https" or not parts.hostname or parts.username is not None or port not in self._ports:
            raise HostNotAllowed(f"{parts.scheme}://{parts.hostname}:{port} is not an address this portal may ask.")


class _Connection(WatchedHTTPSConnection):
    def _addresses(self, until: float) -> list[str]:
        try:
            found = public_web.public_addresses(self._dns_host, until=until)
        except (resolver.NoSuchName, resolver.Unanswered, public_web.NoWebSite) as problem:
            raise NameResolutionError(self._dns_host, self, problem) from problem  # type: ignore[arg-type]  # for words
        return [str(address) for address in found[:_TRIED]]


class _Pool(WatchedPool):
    ConnectionCls = _Connection


class _Adapter(WatchedAdapter):
    roots = ""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=_trust(self.roots))
        pools: dict[str, type[HTTPConnectionPool]] = {"http": HTTPConnectionPool, "https": _Pool}
        self.poolmanager.pool_classes_by_scheme = pools

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing is read for each connection: the context trusts what it trusts."""
        conn.cert_reqs = "CERT_REQUIRED"

    def build_response(self, req: requests.PreparedRequest, resp: BaseHTTPResponse) -> requests.Response:
        found = super().build_response(req, resp)
        found.__class__ = _Bounded
        return found


class _Bounded(requests.Response):
    def iter_content(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        left = LARGEST
        for chunk in super().iter_content(*args, **kwargs):
            left -= len(chunk)
            if left < 0:
                self.close()
                raise TooLarge(f"More than {LARGEST} bytes.")
            yield chunk


@cache
def _adapter_with(roots: str) -> Callable[..., WatchedAdapter]:
    return type("_AdapterWithRoots", (_Adapter,), {"roots": roots})


@cache
def _trust(roots: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    if roots:
        context.load_verify_locations(cafile=roots)
    return context
