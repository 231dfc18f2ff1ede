"""Signing in as Windows does: by NTLM, on one connection; and no password crosses the wire."""

from __future__ import annotations

import hashlib
import re
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spnego
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from integrations.contracts import CalendarError, Opened
from integrations.failures import Outcome, Reason
from integrations.microsoft.ews import doors, probing, signing_in
from tests.integrations.ews_host import ADDRESS, ExchangeHost, Reply, certificate, exchange, folder, resolved, response

__all__ = ["certificate", "exchange"]

PASSWORD = "a pass phrase"
ANSWERS = {
    "GetFolder": response("GetFolder", folder(), folder()),
    "ResolveNames": response("ResolveNames", resolved(ADDRESS)),
}


class Windows:
    """The web server in front of Exchange: it lets in who signs in by NTLM."""

    def __init__(self, exchange: ExchangeHost, certificate: Path, scheme: str) -> None:
        self.exchange, self.scheme = exchange, scheme
        der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
        self.bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())
        self.handshakes: dict[int, Any] = {}
        self.let_in: dict[int, str] = {}
        self.refused = 0
        exchange.host.talk = self.talk

    def talk(self, connection: ssl.SSLSocket, _path: str) -> None:
        connection.sendall(bytes(self.reply(id(connection), self.exchange.host.heard[-1])))

    def reply(self, connection: int, request: bytes) -> Reply:
        said = re.search(rb"\r\nAuthorization: (\w+) (\S+)\r\n", request)
        if said is None and connection not in self.let_in:
            return Reply(401, headers={"WWW-Authenticate": self.scheme})
        if said is not None:
            handshake = self.handshakes.setdefault(
                connection, spnego.server(protocol="ntlm", channel_bindings=self.bindings)
            )
            try:
                token = handshake.step(b64decode(said[2]))
            except SpnegoError:
                self.refused += 1
                return Reply(401, headers={"WWW-Authenticate": self.scheme})
            if not handshake.complete:
                challenge = b64encode(token or b"").decode()
                return Reply(401, headers={"WWW-Authenticate": f"{self.scheme} {challenge}"})
            self.let_in[connection] = str(handshake.client_principal)
        operation = re.search(rb"<s:Body><m:(\w+)", request)
        return ANSWERS[operation[1].decode()] if operation else Reply(500)


@pytest.fixture(params=["NTLM", "Negotiate"])
def windows(
    exchange: ExchangeHost,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Windows]:
    people = tmp_path / "people"
    people.write_text(f"KESTREL:noor:{PASSWORD}\n:noor@kestrel.example:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(people))
    yield Windows(exchange, certificate, request.param)
    signing_in.forget(exchange.address)


@pytest.mark.parametrize("user_name", ["KESTREL\\noor", "noor@kestrel.example"])
def test_who_is_known_is_let_in_on_a_connection_of_their_own(windows: Windows, user_name: str) -> None:
    door = doors.by_password(windows.exchange.address, user_name, PASSWORD)

    opened = probing.probe(door, ADDRESS)

    assert opened == Opened(ADDRESS, "15.2.1544.11")
    assert windows.refused == 0
    heard = b"".join(windows.exchange.host.heard)
    assert PASSWORD.encode() not in heard
    assert b64encode(PASSWORD.encode()) not in heard


def test_a_wrong_password_is_tried_once(windows: Windows) -> None:
    door = doors.by_password(windows.exchange.address, "KESTREL\\noor", "another")

    with pytest.raises(CalendarError) as caught:
        probing.probe(door, ADDRESS)

    failure = caught.value.failure
    assert (failure.outcome, failure.reason) == (Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_REFUSED)
    assert windows.refused == 1


def test_a_handshake_that_makes_no_sense_is_no_word_about_the_password(windows: Windows) -> None:
    def talk(connection: ssl.SSLSocket, _path: str) -> None:
        is_begun = b"\r\nAuthorization:" in windows.exchange.host.heard[-1]
        headers = {
            "WWW-Authenticate": f"{windows.scheme} {b64encode(b'nonsense').decode()}" if is_begun else windows.scheme
        }
        connection.sendall(bytes(Reply(401, headers=headers)))

    windows.exchange.host.talk = talk
    door = doors.by_password(windows.exchange.address, "KESTREL\\noor", PASSWORD)

    with pytest.raises(CalendarError) as caught:
        probing.probe(door, ADDRESS)

    assert (caught.value.failure.outcome, caught.value.failure.reason) == (Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE)
