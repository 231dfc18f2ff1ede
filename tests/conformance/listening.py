"""A webhook as an application would serve it, on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Webhook:
    url: str = ""
    answers_handshake: bool = True
    handshakes: list[str] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)

    def wait_for(self, fits: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = next((notice for notice in list(self.notices) if fits(notice)), None)
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no such notification came; those that did: {self.notices}")


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Answers Graph's handshake, and keeps what it is told."""
    kept = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = parse_qs(urlsplit(self.path).query).get("validationToken")
            if token:
                kept.handshakes.append(token[0])
                self._say(200, token[0] if kept.answers_handshake else "something else")
            else:
                kept.notices.extend(json.loads(body)["value"])
                self._say(202, "")

        def _say(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Not into the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/notices"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
