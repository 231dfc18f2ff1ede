"""Ends what takes too long, wherever it stands: each exchange has a watch, and one thread looks after all of them."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

_NAP = 60.0  # seconds between two looks when nothing is in flight


def let_out(watch: Watch) -> None:
    """It barks when its time is over. Raises RuntimeError where no thread is to be had."""
    _kennel.let_out(watch)


def call_in(watch: Watch) -> None:
    """From here on it does not bark."""
    _kennel.call_in(watch)


class Watch:
    """Knows the socket in use, and ends what goes on there.

    The socket, not its connection: an answer whose end is the end of the connection takes the socket away from it.
    """

    def __init__(self, *, ends_at: float) -> None:
        self.ends_at = ends_at
        self.socket: socket.socket | None = None
        self.has_barked = False

    def bark(self) -> None:
        self.has_barked = True
        if self.socket is not None:
            with suppress(OSError):  # closed already: nobody waits on it
                # On the plain socket: SSLSocket.shutdown() would pull the TLS state from under the reader.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


class _Kennel:
    """One thread for all watches. They are as many as there are requests in flight, so the next to bark is looked
    for among all of them, which happens once in as long as a request may take."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._out: set[Watch] = set()
        self._sleeps_until = 0.0
        self._keeper: threading.Thread | None = None

    def let_out(self, watch: Watch) -> None:
        """Raises RuntimeError where no thread is to be had."""
        with self._changed:
            if self._keeper is None or not self._keeper.is_alive():  # the first; or a process that was forked
                keeper = threading.Thread(target=self._keep, name="deadlines", daemon=True)
                self._sleeps_until = 0.0
                keeper.start()
                self._keeper = keeper
            self._out.add(watch)
            if watch.ends_at < self._sleeps_until:
                self._changed.notify()

    def call_in(self, watch: Watch) -> None:
        """From here on it does not bark."""
        with self._changed:
            self._out.discard(watch)

    def _keep(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for watch in [watch for watch in self._out if watch.ends_at <= now]:
                    self._out.discard(watch)
                    watch.bark()
                self._sleeps_until = min((watch.ends_at for watch in self._out), default=now + _NAP)
                self._changed.wait(self._sleeps_until - now)


_kennel = _Kennel()


def _new_kennel() -> None:
    global _kennel
    _kennel = _Kennel()


# A fork copies no thread, and perhaps a lock that nobody is left to open.
os.register_at_fork(after_in_child=_new_kennel)
