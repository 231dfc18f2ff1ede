"""Reading a log newest first, however long it is.

No page counts its way from the top: the key of an entry says where the next page begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import Q, QuerySet

from accounts.models import AuditEntry, SignInEntry

COUNTED = 10_000
AT_ONCE = 1000

Place = tuple[datetime, int]
Entry = TypeVar("Entry", AuditEntry, SignInEntry)


@dataclass(frozen=True)
class Page(Generic[Entry]):
    entries: tuple[Entry, ...]
    # The keys to go on from; None: there is nothing more that way.
    older: int | None
    newer: int | None
    # How many there are in all; None: more than anybody counts.
    number: int | None


def page(entries: QuerySet[Entry], *, older: int | None, newer: int | None, size: int) -> Page[Entry]:
    """The entries older than the one of that key, or newer; from the top where there is no such entry."""
    if newer and (place := _place(entries, newer)):
        rows = list(_newer_than(entries, place)[: size + 1])
        if len(rows) > size:
            shown = tuple(reversed(rows[:size]))
            return Page(shown, shown[-1].pk, shown[0].pk, _number(entries))
    place = _place(entries, older) if older else None
    rows = list(_older_than(entries, place)[: size + 1])
    shown, is_last = tuple(rows[:size]), len(rows) <= size
    return Page(
        shown,
        older=None if is_last else shown[-1].pk,
        newer=(shown[0].pk if shown else older) if place else None,
        number=len(rows) if is_last and place is None else _number(entries),
    )


def all_of(entries: QuerySet[Entry]) -> Iterator[Entry]:
    """Newest first, a thousand held at once, and no transaction left open between two thousands."""
    place = None
    while rows := list(_older_than(entries, place)[:AT_ONCE]):
        yield from rows
        place = rows[-1].at, rows[-1].pk


def key_in(typed: str) -> int | None:
    """Nonsense is no key: then the newest entries are shown."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def number_in_words(number: int | None) -> str:
    if number is None:
        return f"More than {COUNTED:,} entries"
    return "1 entry" if number == 1 else f"{number:,} entries"


def _place(entries: QuerySet[Entry], key: int) -> Place | None:
    return entries.filter(pk=key).values_list("at", "pk").first()


def _older_than(entries: QuerySet[Entry], place: Place | None) -> QuerySet[Entry]:
    if place:
        at, key = place
        # The first condition is implied by the second: it is what an index can start from.
        entries = entries.filter(Q(at__lte=at), Q(at__lt=at) | Q(pk__lt=key))
    return entries.order_by("-at", "-pk")


def _newer_than(entries: QuerySet[Entry], place: Place) -> QuerySet[Entry]:
    at, key = place
    return entries.filter(Q(at__gte=at), Q(at__gt=at) | Q(pk__gt=key)).order_by("at", "pk")


def _number(entries: QuerySet[Entry]) -> int | None:
    number = entries.order_by()[: COUNTED + 1].count()
    return number if number <= COUNTED else None
