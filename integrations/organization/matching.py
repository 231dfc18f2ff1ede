"""Which mailbox of a directory is somebody's. Pure.

Nothing is guessed: where an address leads to two people of the directory, or two people of ours to one mailbox, nobody
is connected. An identity that was established before wins over every address, so renames and new aliases are followed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from string import ascii_lowercase, ascii_uppercase

from accounts.domain_names import domain_of
from integrations.failures import Reason


class Finding(StrEnum):
    MATCHED = "matched"
    NO_MAILBOX = "no_mailbox"
    AMBIGUOUS = "ambiguous"
    OUTSIDE_DOMAIN = "outside_domain"
    # Only a probe tells.
    SCOPED_OUT = "scoped_out"


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in a directory."""

    object_id: str
    upn: str
    mail: str = ""
    aliases: tuple[str, ...] = ()
    is_guest: bool = False
    is_enabled: bool = True
    is_on_premises: bool = False

    @property
    def address(self) -> str:
        """What the mailbox is called: its primary SMTP address, or the name to sign in with."""
        return self.mail or self.upn

    @property
    def obstacle(self) -> Reason | None:
        """Why there can be no mailbox that is read here."""
        if self.is_guest:
            return Reason.GUEST
        if not self.is_enabled:
            return Reason.ACCOUNT_DISABLED
        if self.mail:
            return None
        return Reason.ON_PREMISES if self.is_on_premises else Reason.NO_MAILBOX


@dataclass(frozen=True, slots=True)
class Sought:
    """One of our people. `object_id`: whose mailbox it was that the organization had connected for them."""

    person: int
    address: str
    object_id: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    finding: Finding
    object_id: str = ""
    address: str = ""
    # Of the unmatched.
    reason: Reason | None = None
    is_on_premises: bool = False


AMBIGUOUS = Match(Finding.AMBIGUOUS, reason=Reason.AMBIGUOUS)
NOBODY = Match(Finding.NO_MAILBOX, reason=Reason.NO_MAILBOX)
OUTSIDE = Match(Finding.OUTSIDE_DOMAIN, reason=Reason.OUTSIDE_DOMAIN)

_NONE: Mapping[str, int] = {}
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def match(
    people: Iterable[Sought],
    directory: Iterable[Entry],
    *,
    domains: Collection[str],
    taken: Mapping[str, int] = _NONE,
) -> dict[int, Match]:
    """By person. `domains`: for whose addresses the organization may be asked at all. `taken`: whose mailboxes are
    connected already, by object id: the person, or 0 for somebody of another account."""
    book = Directory.of(directory)
    found = {one.person: _one(one, book, domains) for one in people}
    sought = Counter(one.object_id for one in found.values() if one.finding is Finding.MATCHED)
    return {person: _settled(person, one, sought, taken) for person, one in found.items()}


def match_by_address(people: Iterable[Sought], *, domains: Collection[str]) -> dict[int, Match]:
    """Where the directory may not be read: the mailbox is the one of the person's own address, or of the identity that
    was established before."""
    return {
        one.person: Match(Finding.MATCHED, one.object_id, one.address) if _is_within(one, domains) else OUTSIDE
        for one in people
    }


@dataclass(frozen=True)
class Directory:
    """By object id, and by every address."""

    by_id: Mapping[str, Entry]
    by_address: Mapping[str, Collection[str]] = field(repr=False)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Directory:
        by_id: dict[str, Entry] = {}
        by_address: dict[str, set[str]] = defaultdict(set)
        for entry in entries:
            by_id[entry.object_id] = entry
            for address in (entry.upn, entry.mail, *entry.aliases):
                if address:
                    by_address[same(address)].add(entry.object_id)
        return cls(by_id, dict(by_address))

    def called(self, address: str) -> list[Entry]:
        """In one order. Of guests, who live elsewhere, only where nobody of the organization is called so."""
        entries = [self.by_id[one] for one in sorted(self.by_address.get(same(address), ()))]
        return [one for one in entries if not one.is_guest] or entries


def same(address: str) -> str:
    """In this form two addresses are compared: names in any case of plain letters and otherwise exactly, for what
    looks alike may be another's; domains in their canonical form."""
    name, at, _ = address.strip().rpartition("@")
    return f"{name.translate(_LOWER)}{at}{domain_of(address.strip()).casefold()}"


def _one(sought: Sought, book: Directory, domains: Collection[str]) -> Match:
    if not _is_within(sought, domains):
        return OUTSIDE
    if sought.object_id and (known := book.by_id.get(sought.object_id)):
        return _of(known)
    called = book.called(sought.address)
    if len(called) > 1:
        return AMBIGUOUS
    return _of(called[0]) if called else NOBODY


def _of(entry: Entry) -> Match:
    if reason := entry.obstacle:
        return Match(Finding.NO_MAILBOX, entry.object_id, entry.address, reason, entry.is_on_premises)
    return Match(Finding.MATCHED, entry.object_id, entry.address, is_on_premises=entry.is_on_premises)


def _settled(person: int, found: Match, sought: Counter[str], taken: Mapping[str, int]) -> Match:
    """One mailbox, one person: whoever has it keeps it; of several who only might, nobody gets it."""
    if found.finding is not Finding.MATCHED:
        return found
    owner = taken.get(found.object_id)
    if owner is None:
        return found if sought[found.object_id] == 1 else AMBIGUOUS
    return found if owner == person else AMBIGUOUS


def _is_within(sought: Sought, domains: Collection[str]) -> bool:
    domain = domain_of(sought.address)
    return bool(domain) and domain in domains
