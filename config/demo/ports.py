"""Which ports are free, and what answers on them."""

from __future__ import annotations

import contextlib
import socket
import urllib.request

LOOPBACK = ("127.0.0.1", "::1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_dns_port() -> int:
    """One that is free for UDP and for TCP: DNS is asked by both."""
    while not _can_be_bound(port := free_port(), socket.SOCK_DGRAM):
        pass
    return port


def is_taken(port: int) -> bool:
    """Somebody listens on it, on either loopback address: browsers try both for `localhost`."""
    return any(_answers(address, port) for address in LOOPBACK) or not _can_be_bound(port)


def is_taken_for_dns(port: int) -> bool:
    return is_taken(port) or not _can_be_bound(port, socket.SOCK_DGRAM)


def answers_ok(url: str) -> bool:
    """Whether a GET is answered with 200, asked directly whatever proxy the laptop has."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError), opener.open(url, timeout=1) as answer:
        return bool(answer.status == 200)
    return False


def _answers(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.settimeout(0.5)
            return probe.connect_ex((address, port)) == 0
    except OSError:  # no IPv6 here
        return False


def _can_be_bound(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    with socket.socket(type=kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
