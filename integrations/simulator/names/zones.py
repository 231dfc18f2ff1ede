"""What is published in the organizations' domains: an apex, a name server, and the texts that were published."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rdtypes.ANY.TXT import TXT
from dns.rrset import RRset

from integrations.simulator.models import Domain, Tenant, TextRecord

# Short: what a trainer publishes counts at once, or nearly so.
SECONDS_KEPT = 5
LONGEST_STRING = 255  # of a TXT record, in octets; a longer text has several


@dataclass(frozen=True)
class Zone:
    origin: Name
    tenant: Tenant
    texts: Mapping[Name, Sequence[str]]
    """By the name they are at, in small letters."""
    address: str
    """Of the name server, and of the domain itself."""
    serial: int

    @property
    def server(self) -> Name:
        return dns.name.Name((b"ns", *self.origin.labels))

    def start(self) -> RRset:
        """The SOA record: its last number says how long an absence is remembered."""
        mailbox = dns.name.Name((b"hostmaster", *self.origin.labels))
        words = f"{self.server} {mailbox} {self.serial} 3600 600 86400 {SECONDS_KEPT}"
        return _rrset(self.origin, "SOA", words)

    def has(self, name: Name) -> bool:
        """Names between the domain and a record exist, too, though nothing is at them."""
        return any(there.is_subdomain(_small(name)) for there in self._names())

    def at(self, name: Name) -> Sequence[RRset]:
        return list(self._at(name, _small(name)))

    def _at(self, name: Name, small: Name) -> Iterator[RRset]:
        if small == self.origin:
            yield self.start()
            yield _rrset(name, "NS", str(self.server))
        if small in (self.origin, self.server):
            yield _rrset(name, "AAAA" if ":" in self.address else "A", self.address)
        if texts := self.texts.get(small):
            yield dns.rrset.from_rdata(name, SECONDS_KEPT, *(_text(text) for text in texts))

    def _names(self) -> Sequence[Name]:
        return [self.origin, self.server, *self.texts]


def zone_of(name: Name, *, host: str) -> Zone | None:
    """That of the longest domain that the name is in, if one of the organizations has it."""
    domain = domain_of(name.to_text(omit_final_dot=True))
    if domain is None:
        return None
    published = list(domain.texts.order_by("pk").values_list("pk", "name", "text"))
    texts: dict[Name, list[str]] = {dns.name.from_text(domain.name): _usual(domain)}
    for _, at, text in published:
        texts.setdefault(dns.name.from_text(at), []).append(text)
    return Zone(
        origin=dns.name.from_text(domain.name),
        tenant=domain.tenant,
        texts=texts,
        address=_address(host),
        serial=1 + max((pk for pk, _, _ in published), default=0),
    )


def domain_of(name: str) -> Domain | None:
    labels = name.lower().split(".")
    ends = [".".join(labels[at:]) for at in range(len(labels))][-20:]
    found = Domain.objects.filter(name__in=ends).select_related("tenant")
    return max(found, key=lambda domain: len(domain.name), default=None)


def published_in(tenant: Tenant) -> Sequence[TextRecord]:
    return list(TextRecord.objects.filter(domain__tenant=tenant).order_by("name", "pk"))


def _usual(domain: Domain) -> list[str]:
    """What organizations at Microsoft have there anyway: a client must find its own record among others."""
    proof = f"MS=ms{zlib.crc32(domain.name.encode()) % 100_000_000:08}"
    return [proof, *(["v=spf1 include:spf.protection.outlook.com -all"] if domain.is_verified else [])]


def _text(text: str) -> TXT:
    raw = text.encode()
    strings = [raw[at : at + LONGEST_STRING] for at in range(0, len(raw), LONGEST_STRING)]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings or [b""])


def _rrset(name: Name, kind: str, words: str) -> RRset:
    rdata = dns.rdata.from_text("IN", kind, words)
    return dns.rrset.from_rdata(name, SECONDS_KEPT, rdata)


def _small(name: Name) -> Name:
    return name.canonicalize()


def _address(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        return "127.0.0.1"
