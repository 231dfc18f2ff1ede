"""Servers whose address somebody typed: which are asked, at which of their addresses, and for how much."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from accounts import own_servers, public_web
from accounts.outbound import HostNotAllowed, Session
from tests.certificates import for_localhost
from tests.integrations.tls_host import OK, Host
from tests.name_server import NameServer, name_server

__all__ = ["name_server"]

NAME = "mail.kestrel.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return for_localhost(tmp_path_factory.mktemp("certificate") / "kestrel.pem", also=NAME)


@pytest.fixture
def host(certificate: Path) -> Iterator[Host]:
    host = Host(certificate)
    yield host
    host.close()


@pytest.fixture
def allowed(settings: Any, name_server: NameServer) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8"]
    name_server.publish(NAME, "A", "127.0.0.1")


@pytest.fixture
def session(host: Host, certificate: Path) -> Iterator[Session]:
    session = own_servers.session(ports=[host.port], total=timedelta(seconds=3), roots=str(certificate))
    yield session
    session.close()


@pytest.mark.usefixtures("allowed")
def test_a_server_is_asked_under_its_name(host: Host, session: Session) -> None:
    answer = session.get(f"https://{NAME}:{host.port}/there")

    assert (answer.status_code, answer.text) == (200, "ok")
    assert f"Host: {NAME}:{host.port}".encode() in host.heard[0]


@pytest.mark.usefixtures("allowed")
def test_its_name_is_looked_up_once_for_each_connection(host: Host, session: Session, name_server: NameServer) -> None:
    session.get(f"https://{NAME}:{host.port}/")
    name_server.publish(NAME, "A", "169.254.169.254")
    session.get(f"https://{NAME}:{host.port}/")

    assert (host.connections, len(host.heard)) == (1, 2)
    assert name_server.asked == [(NAME, "A"), (NAME, "AAAA")]


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("addresses", [["10.0.0.7"], ["127.0.0.1", "169.254.169.254"]])
def test_a_name_that_leads_inside_is_not_followed(
    host: Host, session: Session, name_server: NameServer, addresses: list[str]
) -> None:
    name_server.publish(NAME, "A", *addresses)

    with pytest.raises(public_web.NotPublic):
        session.get(f"https://{NAME}:{host.port}/")

    assert host.connections == 0


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_inside(host: Host, session: Session, settings: Any, name: str) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []

    with pytest.raises(public_web.NotPublic):
        session.get(f"https://{name}:{host.port}/")

    assert host.connections == 0


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    "url",
    [
        "http://mail.kestrel.example:{port}/",
        "https://noor@mail.kestrel.example:{port}/",
        "https://mail.kestrel.example:22/",
        "https:///there",
    ],
)
def test_what_is_no_address_of_this_kind_is_not_asked(host: Host, session: Session, url: str) -> None:
    with pytest.raises((HostNotAllowed, requests.exceptions.InvalidURL)):
        session.get(url.format(port=host.port))

    assert host.connections == 0


@pytest.mark.parametrize("trouble", ["NXDOMAIN", "SERVFAIL"])
@pytest.mark.usefixtures("allowed")
def test_a_name_that_leads_nowhere_is_no_answer(
    host: Host, session: Session, name_server: NameServer, trouble: str
) -> None:
    name_server.troubles[NAME] = trouble

    with pytest.raises(requests.exceptions.ConnectionError):
        session.get(f"https://{NAME}:{host.port}/")


@pytest.mark.usefixtures("allowed")
def test_a_redirect_is_not_followed(host: Host, session: Session) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n"
    host.talk = lambda connection, _: connection.sendall(moved)

    answer = session.get(f"https://{NAME}:{host.port}/")

    assert answer.status_code == 302
    assert len(host.heard) == 1


@pytest.mark.usefixtures("allowed")
def test_a_certificate_nobody_vouches_for_is_not_trusted(host: Host) -> None:
    with (
        own_servers.session(ports=[host.port], total=timedelta(seconds=3)) as session,
        pytest.raises(requests.exceptions.SSLError),
    ):
        session.get(f"https://{NAME}:{host.port}/")

    assert host.heard == []


@pytest.mark.usefixtures("allowed")
def test_the_usual_roots_are_trusted_besides(certificate: Path) -> None:
    adapter = own_servers.session(ports=[], total=timedelta(seconds=3), roots=str(certificate)).get_adapter("https://")
    context: ssl.SSLContext = adapter.poolmanager.connection_pool_kw["ssl_context"]  # type: ignore[attr-defined]

    assert len(context.get_ca_certs()) > 50
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def _chunks(connection: ssl.SSLSocket, _path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"x" * 1_000_000
    while True:
        connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))


@pytest.mark.usefixtures("allowed")
def test_an_answer_without_end_is_left_once_it_is_too_large(host: Host, session: Session) -> None:
    host.talk = _chunks

    with pytest.raises(own_servers.TooLarge):
        session.get(f"https://{NAME}:{host.port}/")


@pytest.mark.usefixtures("allowed")
def test_what_stalls_is_left_in_time(host: Host, certificate: Path) -> None:
    stalled: list[ssl.SSLSocket] = []
    stall: Callable[[ssl.SSLSocket, str], None] = lambda connection, _: stalled.append(connection)  # noqa: E731
    host.talk = stall

    with (
        own_servers.session(ports=[host.port], total=timedelta(seconds=0.3), roots=str(certificate)) as session,
        pytest.raises(requests.exceptions.Timeout),
    ):
        session.get(f"https://{NAME}:{host.port}/")


@pytest.mark.usefixtures("allowed")
def test_nothing_of_the_environment_is_used(host: Host, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")

    assert session.get(f"https://{NAME}:{host.port}/").content == OK[-2:]
