"""Resetting a TCP connection: the client sees `connection reset by peer`, as when a gateway dies.

The application under WSGI cannot reach the socket; `Gateway` hands the connection in.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Any, NoReturn

from cheroot import wsgi
from django.http import HttpRequest, StreamingHttpResponse

CONNECTION = "simulator.connection"
IS_RESET = "simulator_is_reset"


class ConnectionBroken(Exception):
    """A fault has ordered it. Raised while answering; the middleware makes it true."""


class Gateway(wsgi.Gateway_10):  # type: ignore[misc]
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), CONNECTION: self.req.conn}


def break_off(request: HttpRequest) -> StreamingHttpResponse:
    """No answer: nothing is sent before the body, and the body ends the connection."""
    response = StreamingHttpResponse(_broken(request.META.get(CONNECTION)), status=502)
    setattr(response, IS_RESET, True)
    return response


def _broken(connection: Any) -> Iterator[bytes]:
    if connection is not None:
        _reset(connection)
    _raise()
    yield b""


def _reset(connection: Any) -> None:
    """With SO_LINGER at zero seconds, closing sends RST instead of FIN.

    The server must not shut the socket down first (that would send FIN), nor close what is closed already.
    """
    connection.linger = True
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket(fileno=connection.socket.detach()).close()


def _raise() -> NoReturn:
    """One of the errors that the server takes for a client that went away: it ends the connection and says nothing."""
    raise ConnectionResetError(errno.ECONNRESET, "A fault has ordered this.")
