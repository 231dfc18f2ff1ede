"""Reads a page of somebody's web site, which may be anybody's: never from inside our own network.

A name is looked up once, every address it leads to is looked at, and the connection goes to exactly that address; so
does each redirect. Time and size are bounded for the whole. Nothing of the environment (proxies, certificates) is used.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, ip_address, ip_network
from urllib.parse import quote, urljoin, urlsplit

from django.conf import settings
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from accounts import resolver, watches
from accounts.domain_names import NotADomain, normal
from accounts.resolver import Address
from accounts.watches import Watch

REDIRECTS = 5
TRIED = 4  # addresses of one name
CONNECT = 3.0  # seconds, for all addresses of a name together

_HEADERS = {
    "User-Agent": "Meridian-domain-verification/1.0",
    "Accept": "text/html, text/plain;q=0.9, */*;q=0.1",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_MOVED = frozenset({301, 302, 303, 307, 308})
_TO_IPV4 = ip_network("64:ff9b::/96")
# Of all IPv6 addresses these alone are given out for the public Internet.
_GIVEN_OUT = ip_network("2000::/3")
# Global by the registry's letter, and yet nobody's web site: relays, and what stands in examples.
_NEVER = [ip_network(block) for block in ("192.88.99.0/24", "2001:db8::/32", "3fff::/20")]
# The middle of an address by which a tunnel of the site (ISATAP) leads to the IPv4 address at its end.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


class NotPublic(Exception):
    """The name leads to an address that is not on the public Internet; the text is the address."""


class NoWebSite(Exception):
    """The name leads to no address at all."""


class Elsewhere(Exception):
    """A redirect leads away from the domain, or round and round; the text says where."""


class NotReached(Exception):
    """Nothing answered, or nothing that makes sense; so nothing is known. The text says how."""


@dataclass(frozen=True)
class Page:
    status: int
    body: bytes
    # There is more of it.
    is_cut: bool


@dataclass(frozen=True)
class _Place:
    scheme: str
    host: str
    port: int
    path: str


def get(url: str, *, domain: str, most: int, until: float, ca_file: str = "") -> Page:
    """The first `most` bytes of what stands there. Redirects are followed within `domain` and its sub-domains.

    `until`: by `time.monotonic()`. Raises the errors above, and those of `resolver`.
    """
    for _ in range(REDIRECTS + 1):
        place = _place(url, domain)
        page, moved_to = _ask(place, most=most, until=until, ca_file=ca_file)
        if moved_to is None:
            return page
        try:
            url = urljoin(url, moved_to)
        except ValueError as problem:
            raise Elsewhere(moved_to) from problem
    raise Elsewhere(url)


def is_public(address: Address) -> bool:
    """Is it, with whatever stands inside it, on the public Internet, or in a network that the operator has allowed?"""
    allowed = [ip_network(block) for block in settings.PRIVATE_NETWORKS_ALLOWED]
    return all(any(one in block for block in allowed) or _is_global(one) for one in _meant_by(address))


def public_addresses(host: str, *, until: float) -> list[Address]:
    """Where a host leads, by name or as an address of its own, all of it public or allowed by the operator.

    Raises NotPublic, NoWebSite, and the errors of `resolver`.
    """
    found = _own(host) or resolver.addresses(host, until=until)
    for address in found:
        if not is_public(address):
            raise NotPublic(str(address))
    if not found:
        raise NoWebSite
    return found


def _own(host: str) -> list[Address]:
    """Of what is never looked up: an address, and the name of one's own machine (RFC 6761)."""
    if host == "localhost":
        return [ip_address("127.0.0.1"), ip_address("::1")]
    try:
        return [ip_address(host.strip("[]"))]
    except ValueError:
        return []


def _place(url: str, domain: str) -> _Place:
    try:
        parts = urlsplit(url)
        host, port = normal(parts.hostname or ""), parts.port or settings.WEB_PORTS.get(parts.scheme, 0)
    except (NotADomain, ValueError) as problem:
        raise Elsewhere(url) from problem
    is_of_it = host == domain or host.endswith(f".{domain}")
    is_of_the_web = parts.scheme in settings.WEB_PORTS and port in settings.WEB_PORTS.values()
    if not is_of_it or not is_of_the_web or parts.username is not None:
        raise Elsewhere(url)
    query = f"?{parts.query}" if parts.query else ""
    return _Place(parts.scheme, host, port, quote(f"{parts.path or '/'}{query}", safe="/%:=&?~+!$,;'@()*[]"))


def _ask(place: _Place, *, most: int, until: float, ca_file: str) -> tuple[Page, str | None]:
    found = public_addresses(place.host, until=until)
    with _watched(until) as watch:
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.sock = _connected(place, found[:TRIED], watch, ca_file)
        try:
            connection.request("GET", place.path, headers={"Host": _host(place), **_HEADERS})
            answer = connection.getresponse()
            moved_to = answer.headers["Location"] if answer.status in _MOVED else None
            body = b"" if moved_to else _read(answer, most + 1)
        finally:
            connection.close()
    return Page(answer.status, body[:most], is_cut=len(body) > most), moved_to


def _read(answer: http.client.HTTPResponse, most: int) -> bytes:
    body = answer.read(most)
    if len(body) < most and answer.length:  # less than was announced
        raise http.client.IncompleteRead(body, answer.length)
    return body


@contextmanager
def _watched(until: float) -> Iterator[Watch]:
    """Whatever stalls, at whichever byte, ends in time."""
    watch = Watch(ends_at=until)
    try:
        watches.let_out(watch)
    except RuntimeError as problem:  # no thread to be had: trouble of this machine
        raise NotReached("no thread for the watch") from problem
    try:
        yield watch
    except ssl.SSLCertVerificationError as problem:
        raise NotReached(f"its certificate is not valid: {problem.verify_message}") from problem
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise NotReached("no complete answer in time" if watch.has_barked else _how(problem)) from problem
    finally:
        watches.call_in(watch)
    if watch.has_barked:  # what was read may have been cut without an error
        raise NotReached("no complete answer in time")


def _connected(place: _Place, found: list[Address], watch: Watch, ca_file: str) -> socket.socket:
    """To one of these addresses, and to no other whatever the name leads to by now."""
    until = min(watch.ends_at, time.monotonic() + CONNECT)
    refused: OSError = TimeoutError("no time was left to connect")
    for at, address in enumerate(found):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            plain = socket.create_connection((str(address), place.port), timeout=left / (len(found) - at))
        except OSError as problem:
            refused = problem
            continue
        return _ready(plain, place, watch, ca_file)
    raise refused


def _ready(plain: socket.socket, place: _Place, watch: Watch, ca_file: str) -> socket.socket:
    try:
        plain.settimeout(max(watch.ends_at - time.monotonic(), 0.001))
        if place.scheme == "http":
            watch.socket = plain
        else:
            plain = _trust(ca_file).wrap_socket(plain, server_hostname=place.host, do_handshake_on_connect=False)
            watch.socket = plain
            plain.do_handshake()
    except BaseException:
        plain.close()
        raise
    return plain


@cache
def _trust(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)


def _host(place: _Place) -> str:
    usual = {"https": 443, "http": 80}[place.scheme]
    return place.host if place.port == usual else f"{place.host}:{place.port}"


def _how(problem: Exception) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "it refused the connection"
    if isinstance(problem, TimeoutError):
        return "no complete answer in time"
    if isinstance(problem, ssl.SSLError):
        return "it speaks no TLS that can be trusted"
    return "it broke the connection, or gave no sensible answer"


def _meant_by(address: Address) -> list[Address]:
    """The address, and every IPv4 address that stands inside it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _TO_IPV4:
        return [last]
    inside = [*(address.teredo or ()), *([address.sixtofour] if address.sixtofour else ())]
    # The oldest form, `::192.0.2.1`; `::` and `::1` are no such.
    is_inside = 1 < int(address) == int(last) or int(address) >> 32 & 0xFFFFFFFF in _ISATAP
    return [address, *inside, *([last] if is_inside else ())]


def _is_global(address: Address) -> bool:
    is_given_out = isinstance(address, IPv4Address) or address in _GIVEN_OUT
    is_meant_for_us = address.is_global and not address.is_multicast
    return is_given_out and is_meant_for_us and not any(address in block for block in _NEVER)
