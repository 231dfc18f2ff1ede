"""Somebody's web site on this machine, for tests: by TLS or plain, and as bad as a test wants it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

Talk = Callable[[socket.socket], None]


class WebSite:
    """`pages`: by path, the whole answer or what is done with the connection instead. Others are not found."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.pages: dict[str, bytes | Talk] = {}
        self.heard: list[str] = []
        self.hosts: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._context and certificate:
            self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.is_open = False
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError, ssl.SSLError, IndexError):
            talking = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            with talking:
                request = talking.recv(65536).decode("latin-1")
                path = request.split(" ")[1]
                self.heard.append(path)
                self.hosts += [line[6:] for line in request.split("\r\n") if line.startswith("Host: ")]
                page = self.pages.get(path, answer(404, "nothing here"))
                if callable(page):
                    page(talking)
                else:
                    talking.sendall(page)


def answer(status: int, text: str, **headers: str) -> bytes:
    body = text.encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Said\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def moved(to: str, status: int = 302) -> bytes:
    return answer(status, "", Location=to)


@pytest.fixture
def web_site(settings: Any) -> Iterator[WebSite]:
    """Where the web is on this machine: plain, while nothing answers by TLS. The operator allows it to be asked."""
    site = WebSite()
    settings.WEB_PORTS = {"https": 9, "http": site.port}
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8"]
    yield site
    site.close()
