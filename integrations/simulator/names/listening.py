"""The name server's two ears, UDP and TCP on one port."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections
from django.utils import timezone

from integrations.simulator.names import answering

# Each waits where a fault makes an answer late.
DATAGRAM_THREADS, STREAM_THREADS = 8, 4
LONGEST_QUESTION = 4096
SILENT_FOR = 5.0  # seconds; then a connection is closed
log = logging.getLogger("simulator")


class NameServer:
    """`bind()`, which raises OSError, then `start()`. Its threads end with the process."""

    def __init__(self, host: str, port: int) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._address: Any = address
        self._datagrams = socket.socket(family, socket.SOCK_DGRAM)
        self._streams = socket.socket(family, socket.SOCK_STREAM)

    def bind(self) -> None:
        try:
            self._streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._streams.bind(self._address)
            self._streams.listen(64)
            self._datagrams.bind(self._address)
        except OSError:
            self.close()
            raise

    def start(self) -> None:
        for _ in range(DATAGRAM_THREADS):
            threading.Thread(target=_forever, args=(self._one_datagram,), daemon=True).start()
        for _ in range(STREAM_THREADS):
            threading.Thread(target=_forever, args=(self._one_stream,), daemon=True).start()

    def close(self) -> None:
        self._datagrams.close()
        self._streams.close()

    def _one_datagram(self) -> None:
        wire, sender = self._datagrams.recvfrom(LONGEST_QUESTION)
        reply = answering.answer(wire, by_datagram=True, now=timezone.now())
        if reply is not None:
            self._datagrams.sendto(reply, sender)

    def _one_stream(self) -> None:
        """A client may ask several questions in turn."""
        stream, _ = self._streams.accept()
        with stream, contextlib.suppress(OSError):
            stream.settimeout(SILENT_FOR)
            while wire := _question(stream):
                reply = answering.answer(wire, by_datagram=False, now=timezone.now())
                if reply is None:
                    return
                stream.sendall(len(reply).to_bytes(2, "big") + reply)


def _question(stream: socket.socket) -> bytes:
    """Empty at the end of the connection."""
    return _exactly(stream, int.from_bytes(_exactly(stream, 2), "big"))


def _exactly(stream: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        piece = stream.recv(count - len(read))
        if not piece:
            return b""
        read += piece
    return read


def _forever(one: Callable[[], None]) -> None:
    while True:
        try:
            one()
        except OSError as problem:
            # A client that went away; or the socket is closed, and with it the process ends.
            if problem.errno == errno.EBADF:
                return
        except Exception:
            log.exception("A question about a name was left unanswered.")
        close_old_connections()
