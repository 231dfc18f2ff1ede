"""A name server on this machine, for tests: it answers as it is told, by UDP and by TCP."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

SMALLEST = 512  # octets of a datagram; the rest needs TCP


class NameServer:
    """`records`: by name and type, as they stand in a zone file. A name without any is NXDOMAIN."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        # Names whose questions are answered with an error, such as SERVFAIL; or not at all: "silence".
        self.troubles: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        # What happens elsewhere while the first question waits for its answer.
        self.before_the_first: Callable[[], None] | None = None
        self.streams = 0
        self._streams = socket.create_server(("127.0.0.1", 0))
        self.port = self._streams.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("127.0.0.1", self.port))
        self.address = f"127.0.0.1:{self.port}"
        for work in (self._serve_datagrams, self._serve_streams):
            threading.Thread(target=work, daemon=True).start()

    def publish(self, name: str, kind: str, *values: str) -> None:
        self.records[name, kind] = [f'"{value}"' if kind == "TXT" else value for value in values]

    def close(self) -> None:
        for one in (self._streams, self._datagrams):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve_datagrams(self) -> None:
        with suppress(OSError):
            while True:
                wire, sender = self._datagrams.recvfrom(4096)
                if not wire:  # closed
                    return
                if reply := self._answer(wire, room=SMALLEST):
                    self._datagrams.sendto(reply, sender)

    def _serve_streams(self) -> None:
        with suppress(OSError):
            while True:
                stream, _ = self._streams.accept()
                self.streams += 1
                with stream, suppress(struct.error):
                    size = struct.unpack("!H", stream.recv(2))[0]
                    reply = self._answer(stream.recv(size), room=65535)
                    stream.sendall(struct.pack("!H", len(reply)) + reply)

    def _answer(self, wire: bytes, *, room: int) -> bytes:
        query = dns.message.from_wire(wire)
        asked = query.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind))
        if self.before_the_first:
            happens, self.before_the_first = self.before_the_first, None
            happens()
        trouble = self.troubles.get(name, "")
        if trouble == "silence":
            return b""
        reply = dns.message.make_response(query)
        if trouble:
            reply.set_rcode(dns.rcode.from_text(trouble))
            return reply.to_wire()
        self._look_up(name, kind, reply)
        return reply.to_wire(max_size=room, prefer_truncation=True)

    def _look_up(self, name: str, kind: str, reply: dns.message.Message) -> None:
        if alias := self.records.get((name, "CNAME")):
            reply.answer.append(dns.rrset.from_text(f"{name}.", 5, "IN", "CNAME", *alias))
            name = alias[0].rstrip(".")
        if values := self.records.get((name, kind)):
            reply.answer.append(dns.rrset.from_text_list(f"{name}.", 5, "IN", kind, values))
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)


@pytest.fixture
def name_server(settings: object) -> Iterator[NameServer]:
    """The one that the portal asks."""
    server = NameServer()
    settings.DNS_SERVERS = [server.address]  # type: ignore[attr-defined]  # pytest-django's
    yield server
    server.close()
