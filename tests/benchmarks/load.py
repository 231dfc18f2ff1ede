"""Requests at a server over TLS, from a few connections that stay open."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import urlencode, urlsplit

CONNECTIONS = 4
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""
    status: int = 200

    @classmethod
    def form(cls, url: str, fields: dict[str, str], status: int = 200) -> Request:
        return cls("POST", url, FORM, urlencode(fields).encode(), status)


class Load:
    """All requests go to one host and port."""

    def __init__(self, port: int, authority: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        self._free: SimpleQueue[http.client.HTTPSConnection] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._free.put(http.client.HTTPSConnection("localhost", port, context=context, timeout=60))

    def rate(self, requests: Sequence[Request]) -> float:
        """How many a second; every answer is read whole and must have the status."""
        started = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(self.ask, requests))
        return len(requests) / (time.perf_counter() - started)

    def ask(self, request: Request) -> bytes:
        connection = self._free.get()
        try:
            parts = urlsplit(request.url)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(request.method, target, request.body or None, request.headers)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status == request.status, f"{request.url}: {answer.status} {content[:300]!r}"
            return content
        finally:
            self._free.put(connection)
