"""The one place that builds a `requests.Session`: allowed hosts, and a deadline for the whole exchange.

`requests` timeouts are per socket operation and bound nothing: a server that sends one byte a second keeps a
thread for ever. Here a watchdog shuts the socket down when the time is over, wherever the exchange stands. Only
the look-up of a name is left to the resolver's own limits.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, SSLError

from accounts import watches
from accounts.watches import Watch

CONNECT_TIMEOUT = 3.0
POOL_SIZE = 64  # more than a worker has requests in flight: those of a full refresh, and those of its other tasks
_FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": requests.utils.default_user_agent(),
}

_local = threading.local()


class DeadlineExceeded(requests.exceptions.Timeout):
    """The exchange as a whole took longer than it was given."""


class HostNotAllowed(requests.exceptions.InvalidURL):
    """The address is not of a host this session may speak to, or not over TLS."""


@contextmanager
def deadline(total: timedelta) -> Iterator[None]:
    """Everything this thread asks inside shares `total`; an outer, earlier deadline stays in force."""
    outer = getattr(_local, "ends_at", None)
    ends_at = time.monotonic() + total.total_seconds()
    _local.ends_at = min(ends_at, outer) if outer else ends_at
    try:
        yield
    finally:
        _local.ends_at = outer


def session(*, allowed_hosts: Iterable[str], total: timedelta, verify: str | bool = True) -> Session:
    """A session for `allowed_hosts` ("host" or "host:port"), over TLS only.

    Each request ends within `total`, or within an enclosing `deadline` if that is earlier: DeadlineExceeded.
    Proxies and CA bundles of the environment are not used, and no redirect is followed: it could lead elsewhere.
    """
    return Session(frozenset(allowed_hosts), total, verify)


class Session(requests.Session):
    """Made by `session()`."""

    def __init__(
        self,
        allowed_hosts: frozenset[str],
        total: timedelta,
        verify: str | bool,
        adapter: Callable[..., WatchedAdapter] | None = None,
    ) -> None:
        super().__init__()
        self.allowed_hosts, self.total, self.verify = allowed_hosts, total, verify
        self.trust_env = False
        # One session asks for everybody: what a server would have remembered of one exchange is not said in the next.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", (adapter or WatchedAdapter)(pool_maxsize=POOL_SIZE))
        self._pools: dict[str, Any] = {}

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self._check_host(request.url or "")
        with self._watched(request) as left:
            # Setting Connection: close is not needed: a connection that was shut down is not reused.
            # Not streamed: a body that is read later would be read without a watch.
            # The read timeout is only a second net: the watch barks first.
            kwargs |= {"timeout": (min(CONNECT_TIMEOUT, left), left + 1), "allow_redirects": False, "stream": False}
            return super().send(request, **kwargs)

    def post_form(self, url: str, form: Mapping[str, Any], headers: Mapping[str, str]) -> requests.Response:
        """As `post` does it, at half of what that costs: for what is asked thousands of times in a row."""
        adapter = self.get_adapter(url)
        if not isinstance(adapter, WatchedAdapter):  # another transport was put in its place
            return self.post(url, data=form, headers=headers)
        self._check_host(url)
        body = urlencode(form, doseq=True).encode()
        with self._watched() as left:
            try:
                pool, path = self._pool(adapter, url)
                found = pool.urlopen(
                    "POST",
                    path,
                    body=body,
                    headers={**_FORM, **headers},
                    redirect=False,
                    assert_same_host=False,
                    retries=False,
                    timeout=Timeout(connect=min(CONNECT_TIMEOUT, left), read=left + 1),
                )
            except SSLError as problem:
                raise requests.exceptions.SSLError(problem) from problem
            except (HTTPError, OSError) as problem:
                raise requests.exceptions.ConnectionError(problem) from problem
        return _response_of(url, found)

    @contextmanager
    def _watched(self, request: requests.PreparedRequest | None = None) -> Iterator[float]:
        """Gives the seconds that are left, and sees to it that the exchange takes no longer."""
        left = self.total.total_seconds()
        if outer := getattr(_local, "ends_at", None):
            left = min(left, outer - time.monotonic())
        if left <= 0:
            raise DeadlineExceeded("The time for this work is over.", request=request)
        watch = Watch(ends_at=time.monotonic() + left)
        try:
            watches.let_out(watch)
        except RuntimeError as problem:  # no thread to be had: trouble of this machine, not an answer of theirs
            raise requests.exceptions.ConnectionError("No thread for the watch.", request=request) from problem
        _local.watch = watch
        try:
            yield left
        except requests.exceptions.RequestException as problem:
            if watch.has_barked:
                raise DeadlineExceeded(f"No complete answer within {left:.1f} s.", request=request) from problem
            raise
        finally:
            watches.call_in(watch)
            _local.watch = None
        if watch.has_barked:
            # The body may have been cut without an error, where its length was not announced.
            raise DeadlineExceeded(f"No complete answer within {left:.1f} s.", request=request)

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not {parts.netloc, parts.hostname} & self.allowed_hosts:
            raise HostNotAllowed(f"{parts.scheme}://{parts.hostname} is not a host this portal may ask.")

    def _pool(self, adapter: WatchedAdapter, url: str) -> tuple[HTTPConnectionPool, str]:
        """The connections that `post` uses, too, and what follows the host in `url`."""
        origin = url[: url.find("/", len("https://"))]
        pool = self._pools.get(origin)
        if pool is None or pool.pool is None:  # closed, with the session
            plain: Any = adapter  # its types end here
            pool = plain.get_connection_with_tls_context(requests.Request("POST", url).prepare(), self.verify)
            plain.cert_verify(pool, url, self.verify, None)
            self._pools[origin] = pool
        return pool, url[len(origin) :]


def _response_of(url: str, found: BaseHTTPResponse) -> requests.Response:
    response = requests.Response()
    response.url, response.status_code, response.reason = url, found.status, found.reason or ""
    response.headers = CaseInsensitiveDict(found.headers)
    response.encoding = "utf-8"
    response._content = found.data
    return response


class WatchedHTTPSConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        watch: Watch | None = getattr(_local, "watch", None)
        if watch is not None:
            watch.socket = self.sock
            if watch.has_barked:
                raise TimeoutError("The time was over before the connection stood.")

    _held: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        watch: Watch | None = getattr(_local, "watch", None)
        if watch is not None:
            watch.socket = self.sock  # of a connection that is used again; a new one follows in connect()
        self._held = []
        try:
            super().request(*args, **kwargs)
            whole = b"".join(self._held)
        finally:
            self._held = None
        self.send(whole)

    def send(self, data: Any) -> None:
        """Head and body leave together: one record on the wire, and one wait for it."""
        if self._held is None or not isinstance(data, bytes):
            super().send(data)
        else:
            self._held.append(data)

    def _new_conn(self) -> socket.socket:
        """All addresses of a name share one time to connect (urllib3 would give it to each).

        The TLS handshake, which no watch can interrupt, gets what is left: Python bounds it as a whole by the
        socket's timeout.
        """
        watch: Watch | None = getattr(_local, "watch", None)
        if watch is None:
            return super()._new_conn()
        name, until = self._dns_host, min(watch.ends_at, time.monotonic() + CONNECT_TIMEOUT)
        found = self._addresses(until)
        refused: HTTPError = ConnectTimeoutError(self, "No time was left to connect.")
        try:
            for at, address in enumerate(found):
                left = until - time.monotonic()
                if left <= 0:
                    break
                # Each gets a share: a dead first one does not cost the others their turn.
                self._dns_host, self.timeout = address, left / (len(found) - at)
                try:
                    connected: socket.socket = super()._new_conn()
                except HTTPError as problem:
                    refused = problem
                    continue
                connected.settimeout(max(watch.ends_at - time.monotonic(), 0.001))
                return connected
        finally:
            self._dns_host = name
        raise refused

    def _addresses(self, until: float) -> list[str]:
        """Where the name leads; none is tried that is not among them."""
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as problem:
            raise NameResolutionError(self._dns_host, self, problem) from problem
        return [str(address[4][0]) for address in found]


class WatchedPool(HTTPSConnectionPool):
    ConnectionCls = WatchedHTTPSConnection


class WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools: dict[str, type[HTTPConnectionPool]] = {"http": HTTPConnectionPool, "https": WatchedPool}
        self.poolmanager.pool_classes_by_scheme = pools
