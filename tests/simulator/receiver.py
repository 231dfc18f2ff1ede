"""An application's own address: it answers the simulator's handshake and keeps what it is told."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Notice = dict[str, Any]


@dataclass(frozen=True)
class Post:
    path: str
    query: dict[str, list[str]]
    content_type: str
    body: str
    at: float

    @property
    def is_handshake(self) -> bool:
        return "validationToken" in self.query

    @property
    def notices(self) -> list[Notice]:
        return [] if self.is_handshake else list(json.loads(self.body)["value"])


@dataclass(frozen=True)
class Echo:
    """What is answered to a handshake."""

    status: int = 200
    content_type: str = "text/plain"
    text: Callable[[str], str] = lambda token: token
    after: float = 0.0
    location: str = ""


@dataclass
class Receiver:
    """`with Receiver() as receiver:`; plain HTTP on this machine, at `receiver.url`."""

    echo: Echo = Echo()
    answers: deque[int] = field(default_factory=deque)
    """Statuses for the next notices; 202 when there are none left."""
    pauses: deque[float] = field(default_factory=deque)
    """Seconds before each of these answers."""
    posts: list[Post] = field(default_factory=list)

    def __enter__(self) -> Receiver:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def handshakes(self) -> list[Post]:
        return [post for post in list(self.posts) if post.is_handshake]

    @property
    def notices(self) -> list[Notice]:
        return [notice for post in list(self.posts) for notice in post.notices]

    def wait(self, number: int, *, seconds: float = 10) -> list[Notice]:
        """Until so many notices have come."""
        ends_at = time.monotonic() + seconds
        while len(self.notices) < number:
            assert time.monotonic() < ends_at, f"{len(self.notices)} notices instead of {number}: {self.notices}"
            time.sleep(0.02)
        return self.notices

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                parts = urlsplit(self.path)
                query = parse_qs(parts.query)
                kind = self.headers.get("Content-Type", "")
                post = Post(parts.path, query, kind, body, time.monotonic())
                receiver.posts.append(post)
                if post.is_handshake:
                    self._echo(query["validationToken"][0])
                else:
                    time.sleep(receiver.pauses.popleft() if receiver.pauses else 0)
                    self._answer(receiver.answers.popleft() if receiver.answers else 202)

            def _echo(self, token: str) -> None:
                echo = receiver.echo
                time.sleep(echo.after)
                self._answer(echo.status, echo.text(token), echo.content_type, echo.location)

            def _answer(self, status: int, text: str = "", kind: str = "text/plain", location: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                # Perhaps nobody waits for it any more.
                with suppress(ConnectionError):
                    self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler
