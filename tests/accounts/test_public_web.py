"""Pages of strangers' web sites are read; nothing inside our own network is ever asked for one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import public_web, resolver
from tests.certificates import for_localhost
from tests.name_server import NameServer, name_server
from tests.web_site import WebSite, answer, moved, web_site

__all__ = ["name_server", "web_site"]

NAME = "kestrel.example"
MOST = 1000


@pytest.fixture(autouse=True)
def _there(name_server: NameServer, web_site: WebSite) -> None:
    name_server.publish(NAME, "A", "127.0.0.1")


def get(url: str = f"http://{NAME}/", within: float = 3, **more: Any) -> public_web.Page:
    return public_web.get(url, domain=NAME, most=MOST, until=time.monotonic() + within, **more)


# ── What is read ────────────────────────────────────────────────────────────
def test_a_page_is_read_under_its_own_name(web_site: WebSite) -> None:
    web_site.pages["/there?a=b"] = answer(200, "hello")

    page = get(f"http://{NAME}/there?a=b#fragment")

    assert (page.status, page.body, page.is_cut) == (200, b"hello", False)
    assert web_site.hosts == [f"{NAME}:{web_site.port}"]


def test_no_more_is_read_than_wanted(web_site: WebSite) -> None:
    web_site.pages["/"] = answer(200, "x" * 500_000)

    page = get()

    assert (len(page.body), page.is_cut) == (MOST, True)


def test_by_tls_the_certificate_must_be_the_names(name_server: NameServer, tmp_path: Path, settings: Any) -> None:
    certificate = for_localhost(tmp_path / "localhost.pem")
    site = WebSite(certificate)
    settings.WEB_PORTS = {"https": site.port, "http": 9}
    site.pages["/"] = answer(200, "hello")

    with pytest.raises(public_web.NotReached, match="certificate is not valid"):
        get(f"https://{NAME}/")
    with pytest.raises(public_web.NotReached, match="certificate is not valid"):
        get(f"https://{NAME}/", ca_file=str(certificate))  # trusted, but of another name

    assert site.heard == []
    site.close()


def test_a_page_by_tls_is_read(name_server: NameServer, tmp_path: Path, settings: Any) -> None:
    certificate = for_localhost(tmp_path / "kestrel.pem", also=NAME)
    site = WebSite(certificate)
    settings.WEB_PORTS = {"https": site.port, "http": 9}
    site.pages["/"] = answer(200, "hello")

    assert get(f"https://{NAME}/", ca_file=str(certificate)).body == b"hello"
    site.close()


# ── Whom it may ask ─────────────────────────────────────────────────────────
PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104  an address like any other here
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "192.88.99.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:7f00:1::",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "100:0:0:1::1",
    "::ffff:0:127.0.0.1",
    "2001:470::5efe:10.0.0.1",
    "2001:470::200:5efe:10.0.0.1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_is_never_asked(
    address: str, settings: Any, name_server: NameServer, web_site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []
    name_server.records.clear()
    name_server.publish(NAME, "AAAA" if ":" in address else "A", address)
    monkeypatch.setattr(socket, "create_connection", _nobody)

    with pytest.raises(public_web.NotPublic):
        get()


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_asked(address: str, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []

    assert public_web.is_public(ip_address(address))


def test_one_address_inside_among_others_is_enough(name_server: NameServer, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []
    name_server.publish(NAME, "A", "8.8.8.8", "10.0.0.1")
    name_server.publish(NAME, "AAAA", "2606:4700::1111")

    with pytest.raises(public_web.NotPublic, match=r"10\.0\.0\.1"):
        get()


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_way_of_writing_it_makes_an_inner_address_public(inner: Any) -> None:
    number = int(inner)
    written = [number, 0xFFFF << 32 | number, (0x0064FF9B << 96) | number, 0x2002 << 112 | number << 80]
    written += [0xFFFF << 48 | number, (0x20010470 << 96) | 0x5EFE << 32 | number]

    assert not any(public_web.is_public(ip_address(one)) for one in written)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.20.0.7"])
def test_the_operator_may_allow_a_network(address: str, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8", "::1/128", "10.20.0.0/16"]

    assert public_web.is_public(ip_address(address))
    assert not public_web.is_public(ip_address("10.21.0.7"))


def test_what_was_looked_at_is_what_is_asked(
    name_server: NameServer, web_site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere a moment later (DNS rebinding) is not asked for a second time."""
    web_site.pages["/"] = answer(200, "hello")
    monkeypatch.setattr(socket, "getaddrinfo", _only_numbers(socket.getaddrinfo))

    get()

    assert name_server.asked == [(NAME, "A"), (NAME, "AAAA")]


# ── Redirects ───────────────────────────────────────────────────────────────
def test_a_redirect_within_the_domain_is_followed(name_server: NameServer, web_site: WebSite) -> None:
    name_server.publish(f"www.{NAME}", "A", "127.0.0.1")
    web_site.pages |= {"/": moved(f"http://www.{NAME}/a"), "/a": moved("b", 308), "/b": answer(200, "hello")}

    assert get().body == b"hello"
    assert [host.partition(":")[0] for host in web_site.hosts] == [NAME, f"www.{NAME}", f"www.{NAME}"]


@pytest.mark.parametrize(
    "to",
    [
        "http://corvid.example/",
        "//corvid.example/",
        f"http://{NAME}.corvid.example/",
        f"http://not{NAME}/",
        f"http://corvid.example\\@{NAME}/",
        f"http://user:pw@{NAME}/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost/",
        f"http://{NAME}:22/",
        f"ftp://{NAME}/",
        f"gopher://{NAME}/",
        "file:///etc/passwd",
        "http://[",
        f"http://{NAME}:no/",
    ],
)
def test_a_redirect_anywhere_else_is_not(to: str, web_site: WebSite) -> None:
    web_site.pages["/"] = moved(to)

    with pytest.raises(public_web.Elsewhere):
        get()

    assert web_site.heard == ["/"]


def test_where_a_redirect_leads_is_looked_at_too(name_server: NameServer, web_site: WebSite) -> None:
    name_server.publish(f"inside.{NAME}", "A", "10.0.0.1")
    web_site.pages["/"] = moved(f"http://inside.{NAME}/")

    with pytest.raises(public_web.NotPublic):
        get()


def test_round_and_round_has_an_end(web_site: WebSite) -> None:
    web_site.pages["/"] = moved("/")

    with pytest.raises(public_web.Elsewhere):
        get()

    assert len(web_site.heard) == public_web.REDIRECTS + 1


def test_a_redirect_cannot_write_a_request_of_its_own(web_site: WebSite) -> None:
    web_site.pages["/"] = moved("/a b\tc\x01é")
    web_site.pages["/a%20bc%01%C3%83%C2%A9"] = answer(200, "hello")

    page = get()

    assert page.status in {200, 404}
    assert all(path.isascii() and path.isprintable() for path in web_site.heard)


# ── Time ────────────────────────────────────────────────────────────────────
def drip(text: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        lambda _connection: time.sleep(3),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000),
        drip(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    ],
)
def test_whatever_is_slow_ends_in_time(talk: Callable[[socket.socket], None], web_site: WebSite) -> None:
    web_site.pages["/"] = talk
    begun = time.monotonic()

    with pytest.raises(public_web.NotReached, match="in time"):
        get(within=0.4)

    assert time.monotonic() - begun < 1.2


def test_a_handshake_that_never_begins_ends_in_time(settings: Any) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    settings.WEB_PORTS = {"https": silent.getsockname()[1], "http": 9}
    begun = time.monotonic()

    with pytest.raises(public_web.NotReached):
        get(f"https://{NAME}/", within=0.4)

    assert time.monotonic() - begun < 1.2
    silent.close()


# ── Trouble ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "said",
    [b"", b"220 smtp.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/9.9 x\r\n\r\n"],
)
def test_what_makes_no_sense_is_no_answer(said: bytes, web_site: WebSite) -> None:
    web_site.pages["/"] = said

    with pytest.raises(public_web.NotReached):
        get()


def test_nobody_there(settings: Any, name_server: NameServer) -> None:
    settings.WEB_PORTS = {"https": 9, "http": 9}

    with pytest.raises(public_web.NotReached, match="refused"):
        get()


def test_a_name_without_an_address_is_no_web_site(name_server: NameServer) -> None:
    name_server.records.clear()
    name_server.publish(NAME, "TXT", "here")

    with pytest.raises(public_web.NoWebSite):
        get()
    with pytest.raises(resolver.NoSuchName):
        public_web.get("http://nobody.example/", domain="nobody.example", most=1, until=time.monotonic() + 3)


def test_proxies_of_the_environment_are_not_used(web_site: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    web_site.pages["/"] = answer(200, "hello")

    assert get().body == b"hello"


def test_no_watch_is_left_behind(web_site: WebSite) -> None:
    web_site.pages["/"] = answer(200, "hello")
    before = threading.active_count()

    for _ in range(5):
        get()

    assert threading.active_count() <= before + 2


def _nobody(*_: Any, **__: Any) -> Any:
    raise AssertionError("somebody was asked")


def _only_numbers(real: Callable[..., Any]) -> Callable[..., Any]:
    def ask(host: str, *more: Any, **named: Any) -> Any:
        ip_address(host)
        return real(host, *more, **named)

    return ask
