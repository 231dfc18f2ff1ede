"""The keys of TOKEN_KEYS against what is stored: a wrong or missing one is noticed at start, not at the next refresh.

Of each key that seals there is a sample in the database. It goes when the key is retired by `resealing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts import vault
from integrations import resealing
from integrations.models import TokenKey

SAMPLE = "Meridian"


class WrongKeys(Exception):
    """What is stored cannot be opened with TOKEN_KEYS. The text has a sentence for each key."""


@dataclass(frozen=True)
class KnownKey:
    id: str
    created_at: datetime
    # Everything new is sealed with it.
    is_first: bool
    opens: bool


def known() -> list[KnownKey]:
    """Every key that something may be sealed with, the oldest first. One query."""
    first = vault.first_key()
    return [
        KnownKey(key.pk, key.created_at, key.pk == first, _opens(key))
        for key in TokenKey.objects.order_by("created_at")
    ]


def settle(*, now: datetime) -> None:
    """To be called by each process that will seal or open. Raises WrongKeys; else the first key is known henceforth."""
    before = known()
    wrong = [key.id for key in before if not key.opens]
    if not wrong and not any(key.is_first for key in before):
        # Of a key without a sample, what it has sealed already tells whether it is the right one. Where there has
        # been none, so do values of a key that is missing; later they are counted, and keep nobody from starting.
        wrong = [key_id for key_id in resealing.wrong_keys() if key_id in settings.TOKEN_KEYS or not before]
    if wrong:
        raise WrongKeys("\n".join(_trouble(key_id) for key_id in wrong))
    _remember(vault.first_key(), now=now)


def _remember(key_id: str, *, now: datetime) -> None:
    if TokenKey.objects.filter(pk=key_id).exists():
        return
    key = TokenKey(pk=key_id, created_at=now)
    key.sample = vault.seal(SAMPLE, bound_to=vault.place_of(key, "sample"))
    TokenKey.objects.bulk_create([key], ignore_conflicts=True)  # another process starts at the same moment


def _opens(key: TokenKey) -> bool:
    try:
        return vault.open_sealed(key.sample, bound_to=vault.place_of(key, "sample")) == SAMPLE
    except vault.CannotOpen:
        return False


def _trouble(key_id: str) -> str:
    if key_id in settings.TOKEN_KEYS:
        return (
            f"TOKEN_KEYS holds another key “{key_id}” than the one that sealed what is stored. Put the right one back, "
            "or give the new one an id of its own."
        )
    return (
        f"Key “{key_id}” is missing from TOKEN_KEYS, and what is stored may still be sealed with it. Put it back at "
        "the end of the list, then run `manage.py rotate_token_keys`: it says when the key may go."
    )
