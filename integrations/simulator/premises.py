"""The listener of the Exchange Server on-premises, which can be down, or show a certificate that nobody should accept.

Either way it is closed and, if need be, opened anew: so connections that clients keep, and TLS sessions that they
would resume, end with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cheroot import wsgi

from integrations.simulator import certificates
from integrations.simulator.models import Premises
from integrations.simulator.place import Place

Listen = Callable[[Path, Path], wsgi.Server]
"""With a certificate and its key: a server whose port is bound, but that does not serve yet."""


class CannotListen(Exception):
    """The message says which address, and why."""


class OnPremises:
    def __init__(self, place: Place, listen: Listen) -> None:
        self._place, self._listen = place, listen
        self._server: wsgi.Server | None = None
        self._as_it_is = _CLOSED
        self._changing = threading.Lock()

    def become(self, state: Premises, *, now: datetime) -> None:
        """As it should be now; where it is that already, nothing happens."""
        with self._changing:
            if self._as_it_is != ("" if state.is_down else state.certificate):
                self._close()
                self._open(state, now=now)

    def reopen(self, state: Premises, *, now: datetime) -> None:
        """With a certificate that was renewed."""
        with self._changing:
            self._close()
            self._open(state, now=now)

    def stop(self) -> None:
        with self._changing:
            self._close()

    def _open(self, state: Premises, *, now: datetime) -> None:
        if state.is_down:
            return
        self._server = self._listen(*self._certificate(state.certificate, now=now))
        threading.Thread(target=self._server.serve, daemon=True).start()
        self._as_it_is = state.certificate

    def _close(self) -> None:
        self._as_it_is = _CLOSED
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _certificate(self, kind: str, *, now: datetime) -> tuple[Path, Path]:
        data = self._place.data
        if kind == Premises.Certificate.TRUSTED:
            return data / "server.pem", data / "server-key.pem"
        return certificates.ensure_bad(data, kind, now=now)


def current() -> Premises:
    return Premises.objects.first() or Premises()


def follow(*, now: datetime) -> None:
    """What the database says of it becomes true; where nothing is served, it waits for the next start.

    Raises CannotListen: somebody else has taken the port meanwhile.
    """
    if _here is not None:
        _here.become(current(), now=now)


def settle(listener: OnPremises) -> None:
    """Said once, when it is served."""
    global _here
    _here = listener


_CLOSED = ""
_here: OnPremises | None = None
