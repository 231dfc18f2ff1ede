"""A mail server on this machine that takes letters, or refuses them as it is told; and backends that see or die."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any, ClassVar

from django.core.mail.backends.locmem import EmailBackend
from django.db import connection


class MailServer(socketserver.ThreadingTCPServer):
    """`refuses`: by address, with which answer. `closes_after` so many letters on one connection, as some do."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.taken: list[Message] = []
        self.connections = 0
        self.refuses: dict[str, bytes] = {}
        self.closes_after = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go at any time."""


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        taken, refused = 0, b""
        self._say(b"220 here")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"QUIT":
                return self._say(b"221 bye")
            if word == b"MAIL" and self.server.closes_after and taken >= self.server.closes_after:
                return self._say(b"421 enough over this connection")
            if word == b"RCPT":
                address = line.partition(b"<")[2].partition(b">")[0].decode()
                refused = self.server.refuses.get(address, b"")
                self._say(refused or b"250 fine")
            elif word == b"DATA":
                self._say(b"354 go on")
                self.server.taken.append(message_from_bytes(self._data()))
                taken += 1
                self._say(b"250 taken")
            else:
                self._say(b"250 fine")
        return None

    def _data(self) -> bytes:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@contextmanager
def mail_server(settings: Any) -> Iterator[MailServer]:
    """Runs, and the portal's settings lead to it."""
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Watched(EmailBackend):
    """Remembers whether a transaction was open while a letter went out."""

    in_transaction: ClassVar[list[bool]] = []

    def send_messages(self, messages: Any) -> int:
        self.in_transaction.append(connection.in_atomic_block)
        return super().send_messages(messages)


class Killed(BaseException):
    """As when a process ends: nothing catches it."""


class Killing(EmailBackend):
    """Takes the letter, and the worker dies before it can note that."""

    def send_messages(self, messages: Any) -> int:
        super().send_messages(messages)
        raise Killed
