"""Asks the DNS: the servers of `DNS_SERVERS`, or else the system's own. Every question has an end."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import dns.exception
import dns.name
import dns.resolver
from django.conf import settings
from dns.nameserver import Do53Nameserver

A_SERVER = 2.0  # seconds for one question to one server, before the next is asked
PORT = 53

Address = IPv4Address | IPv6Address


class NoSuchName(Exception):
    """The DNS knows no such name."""


class Unanswered(Exception):
    """No server gave an answer that can be used, in time; so nothing is known."""


class IsAlias(Exception):
    """The name is an alias (CNAME) of another, and has nothing of its own."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


def texts(name: str, *, until: float) -> list[str]:
    """The TXT records of the name itself. `until`: by `time.monotonic()`. Raises the errors of this module."""
    answer = _ask(name, "TXT", until=until)
    if answer.canonical_name != answer.qname:
        raise IsAlias(answer.canonical_name.to_text(omit_final_dot=True))
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer.rrset or ()]


def addresses(name: str, *, until: float) -> list[Address]:
    """Where the name leads, IPv4 first; none where it leads nowhere. Raises NoSuchName, Unanswered."""
    found: list[Address] = []
    silent: Unanswered | None = None
    for kind in ("A", "AAAA"):
        try:
            answer = _ask(name, kind, until=until)
        except Unanswered as problem:
            silent = problem
        else:
            found += [ip_address(record.address) for record in answer.rrset or ()]
    if silent and not found:
        raise silent
    return found


def servers() -> list[Do53Nameserver]:
    """Those that are configured."""
    return [_server(word) for word in settings.DNS_SERVERS]


def _ask(name: str, kind: str, *, until: float) -> dns.resolver.Answer:
    left = until - time.monotonic()
    if left <= 0:
        raise Unanswered("The time was over.")
    try:
        # The dot at the end: no other domain is put behind the name.
        whole = dns.name.from_text(f"{name}.")
        return _resolver().resolve(whole, kind, search=False, lifetime=left, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN as problem:
        raise NoSuchName(name) from problem
    except (dns.exception.DNSException, OSError) as problem:
        raise Unanswered(type(problem).__name__) from problem


def _resolver() -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=not settings.DNS_SERVERS)
    resolver.timeout = A_SERVER
    if settings.DNS_SERVERS:
        resolver.nameservers = servers()
    return resolver


def _server(word: str) -> Do53Nameserver:
    """`word`: as `config.environment` has let it pass."""
    bare = word.count(":") > 1 and not word.startswith("[")
    parts = urlsplit(f"//[{word}]" if bare else f"//{word}")
    return Do53Nameserver(str(ip_address(parts.hostname or "")), parts.port or PORT)
