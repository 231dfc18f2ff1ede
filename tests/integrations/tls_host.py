"""A TLS server on this machine that behaves as a test wants it to."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.certificates import for_localhost

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"

Talk = Callable[[ssl.SSLSocket, str], None]


class Host:
    """A TLS server on this machine. `talk` answers one request; its path is handed over."""

    def __init__(self, certificate: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.name = f"localhost:{self.port}"
        self.url = f"https://{self.name}"
        self.connections = 0
        self.is_open = True
        self.paths: list[str] = []
        self.heard: list[bytes] = []
        self.talk: Talk = lambda connection, _path: connection.sendall(OK)
        # Bytes of the handshake a second; 0: as fast as can be.
        self.drip = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.is_open = False
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError, ssl.SSLError):
            if self.drip:
                self._shake_hands_slowly(plain)
                return
            with self.context.wrap_socket(plain, server_side=True) as connection:
                while request := connection.recv(65536):
                    path = request.split(b" ")[1].decode()
                    self.heard.append(request)
                    self.paths.append(path)
                    self.talk(connection, path)

    def _shake_hands_slowly(self, plain: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(plain.recv(65536))
        with suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        for byte in outgoing.read():
            plain.sendall(bytes([byte]))
            time.sleep(1 / self.drip)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For localhost, signed by itself; key and certificate in one file."""
    return for_localhost(tmp_path_factory.mktemp("certificate") / "localhost.pem")


@pytest.fixture
def host(certificate: Path) -> Iterator[Host]:
    host = Host(certificate)
    yield host
    host.close()
