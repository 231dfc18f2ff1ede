"""One process, its listeners: HTTPS for machines, plain HTTP for people, DNS for both, and HTTPS of the Exchange Server
on-premises (`premises.py`); and an hourly round."""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter
from django.db import close_old_connections
from django.utils import timezone

from integrations.simulator import premises, rounds
from integrations.simulator.control import resetting
from integrations.simulator.graph import notifying
from integrations.simulator.names.listening import NameServer
from integrations.simulator.place import Place
from integrations.simulator.premises import CannotListen, OnPremises

# A request holds its thread while the simulator calls back (the handshake of a subscription), while a fault makes
# it wait, and while a client that connected says nothing.
THREADS = 40
ROUND_EVERY = 60 * 60
log = logging.getLogger("simulator")


class _Listener(wsgi.Server):
    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """A client that breaks off or distrusts the certificate is no error of ours: a line, no traceback."""
        log.info("connection: %s", (msg or "closed").splitlines()[0][:200])


class HandshakeInWorker(BuiltinSSLAdapter):
    """cheroot shakes hands in its one accepting thread, where a client that says nothing would stop all others."""

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


def serve(place: Place, application: Callable[..., Any], *, ready: Callable[[], None]) -> None:
    """Until SIGTERM or SIGINT; both end it at once and cleanly."""
    adapter = HandshakeInWorker(str(place.data / "server.pem"), str(place.data / "server-key.pem"))
    machines = _listener(place.host, place.https_port, application)
    machines.ssl_adapter = adapter
    people = _listener(place.host, place.http_port, application)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    exchange = OnPremises(place, partial(_on_premises, place, application))
    _listen(people, place.host, place.http_port)
    try:
        _listen(machines, place.host, place.https_port)
        exchange.become(premises.current(), now=timezone.now())
        names = _name_server(place.host, place.dns_port)
    except BaseException:
        # Their threads would keep the process.
        for listener in (people, machines, exchange):
            listener.stop()
        raise
    for listener in (people, machines):
        threading.Thread(target=listener.serve, daemon=True).start()
    premises.settle(exchange)
    names.start()
    notifying.start()
    ready()
    while not stop.wait(ROUND_EVERY):
        _go_round(place, adapter, exchange)
    for listener in (people, machines, exchange):
        listener.stop()
    names.close()


def _on_premises(place: Place, application: Callable[..., Any], certificate: Path, key: Path) -> wsgi.Server:
    server = _listener(place.host, place.exchange_port, application)
    server.ssl_adapter = HandshakeInWorker(str(certificate), str(key))
    _listen(server, place.host, place.exchange_port)
    return server


def _listener(host: str, port: int, application: Callable[..., Any]) -> wsgi.Server:
    server = _Listener((host, port), application, numthreads=THREADS, request_queue_size=128, timeout=30)
    server.shutdown_timeout = 1
    server.server_name = "localhost"
    # Faults may break a connection: it takes the socket.
    server.gateway = resetting.Gateway
    return server


def _listen(server: wsgi.Server, host: str, port: int) -> None:
    try:
        server.prepare()
    except OSError as problem:
        raise _cannot_listen(host, port, problem) from None


def _name_server(host: str, port: int) -> NameServer:
    try:
        server = NameServer(host, port)
        server.bind()
    except OSError as problem:
        raise _cannot_listen(host, port, problem) from None
    return server


def _cannot_listen(host: str, port: int, problem: OSError) -> CannotListen:
    reason = "the port is in use" if "in use" in str(problem).lower() else str(problem)
    return CannotListen(f"Cannot listen on {host}:{port}: {reason}. Stop what uses it, or choose another.")


def _go_round(place: Place, adapter: BuiltinSSLAdapter, exchange: OnPremises) -> None:
    """Hourly. A new certificate is for new connections."""
    try:
        if rounds.go(place, now=timezone.now()):
            adapter.context.load_cert_chain(str(place.data / "server.pem"), str(place.data / "server-key.pem"))
            exchange.reopen(premises.current(), now=timezone.now())
    except Exception:
        # A failed round must not end the service; the next one is an hour away.
        log.exception("The hourly round failed.")
    close_old_connections()
