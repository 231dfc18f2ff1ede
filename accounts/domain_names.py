"""Domains of addresses: typed by people, kept in one canonical form, compared exactly. Pure.

Canonical is the lower-case A-label form of UTS #46 (`xn--mwe-sna.example`), without the dot at the end. People read
the Unicode form (`möwe.example`). A domain does not stand for its sub-domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import idna

NAMED = 5  # so many are named in a sentence, the rest counted
LONGEST = 253  # characters, RFC 1035
_LONGEST_TYPED = 1000  # beyond it nothing is worked out
_NEVER = frozenset("@*/:?#[]\\%")


class NotADomain(ValueError):
    """The sentence names what was typed."""


def normal(text: str) -> str:
    """The canonical form. Raises NotADomain."""
    typed = text.strip()
    if len(typed) > _LONGEST_TYPED:
        raise NotADomain(f"“{_printable(typed[:40])}…” is too long for a domain.")
    if bad := _NEVER.intersection(typed):
        raise NotADomain(_why_not(typed, bad))
    try:
        found = idna.encode(idna.uts46_remap(typed, std3_rules=True).removesuffix(".")).decode()
    except (idna.IDNAError, UnicodeError) as problem:
        raise NotADomain(_why_not(typed, frozenset())) from problem
    labels = found.split(".")
    if len(labels) < 2 or not labels[-1] or labels[-1].isdigit():
        raise NotADomain(f"“{_printable(typed)}” is not a whole domain: name it like kestrel.example.")
    if len(found) > LONGEST:
        raise NotADomain(f"“{typed[:40]}…” is too long for a domain.")
    return found


def shown(domain: str) -> str:
    """The form people read."""
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain


def domain_of(address: str) -> str:
    """The domain of an e-mail address. Only an empty address has none: of an address that makes no sense comes
    something that no list can hold."""
    return _normal_or_as_it_is(address.rpartition("@")[2])


def listed(domains: Sequence[str]) -> str:
    """“kestrel.example and möwe.example”; many are shortened."""
    names = [shown(domain) for domain in domains[:NAMED]]
    if len(domains) > NAMED:
        return f"{', '.join(names)} and {len(domains) - NAMED:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@lru_cache(maxsize=4096)
def is_normal(domain: str) -> bool:
    try:
        return normal(domain) == domain
    except NotADomain:
        return False


def _why_not(typed: str, bad: frozenset[str]) -> str:
    said = _printable(typed)
    if "@" in bad:
        return f"“{said}” is an address. Name only what stands behind the @."
    if "*" in bad:
        return f"“{said}” has a wildcard. List each domain and sub-domain in full."
    return f"“{said}” is not a domain: name it like kestrel.example, with nothing before or after it."


def _printable(typed: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in typed)


@lru_cache(maxsize=4096)
def _normal_or_as_it_is(text: str) -> str:
    try:
        return normal(text)
    except NotADomain:
        return text
