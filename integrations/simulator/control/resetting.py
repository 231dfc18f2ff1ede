"""Resetting a TCP connection: the client sees `connection reset by peer`, as when a gateway dies.

The application under WSGI cannot reach the socket; `Gateway` hands in the server's own request.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Any

from cheroot import wsgi
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

REQUEST = "simulator.request"
_IS_RESET = "simulator_is_reset"


class ConnectionBroken(Exception):
    """A fault has ordered it. Raised while answering; the middleware makes it true."""


class Gateway(wsgi.Gateway_10):
    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        return {**environ, REQUEST: self.req}


def break_off(request: HttpRequest) -> StreamingHttpResponse:
    """No answer: nothing is sent before the body, and the body ends the connection."""
    response = StreamingHttpResponse(_Broken(request.META.get(REQUEST)))
    setattr(response, _IS_RESET, True)
    return response


def is_reset(response: HttpResponseBase) -> bool:
    return getattr(response, _IS_RESET, False) is True


class _Broken:
    """Instead of its first piece, the body ends the connection. The error is one of those that the server takes for a
    client that went away."""

    def __init__(self, served: Any) -> None:
        self._served = served

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._served is not None:
            # There is nobody left to send headers to.
            self._served.sent_headers = True
            _reset(self._served.conn)
        raise ConnectionResetError(errno.ECONNRESET, "A fault has ordered this.")


def _reset(connection: Any) -> None:
    """With SO_LINGER at zero seconds, closing sends RST instead of FIN.

    The server must not shut the socket down first (that would send FIN), nor close what is closed already.
    """
    connection.linger = True
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket(fileno=connection.socket.detach()).close()
