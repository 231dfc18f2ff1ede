"""Second factors are sealed too, but inside the JSON of allauth's rows: what `resealing` asks of them.

A row is held while it is sealed anew, since the same JSON tells which codes were used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from typing import Any

import structlog
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import vault
from accounts.sign_in.second_factor import PLACE, SEALED_KEYS

log = structlog.get_logger(__name__)


def counts(ids: Collection[str]) -> Counter[str]:
    """By key, how many values there are; under the empty id those of keys that are not among `ids`. One query."""
    found = (vault.key_of(value) for _, data in _rows() for value in _values(data))
    return Counter(key_id if key_id in ids else "" for key_id in found)


def reseal(size: int) -> Iterator[tuple[int, int]]:
    """How many values each batch has sealed anew, and how many no key opens."""
    mark = vault.mark_of(vault.first_key())
    old = [pk for pk, data in _rows() if not all(value.startswith(mark) for value in _values(data))]
    for at in range(0, len(old), size):
        with transaction.atomic():
            yield _reseal(old[at : at + size], mark)


def wrong_keys(few: int) -> set[str]:
    """Of keys that are missing, or do not open what bears their id; told by a few values of each."""
    some = defaultdict[str, list[str]](list)
    for _, data in _rows():
        for value in _values(data):
            of_key = some[vault.key_of(value)]
            if value.startswith(vault.FORM) and len(of_key) < few:
                of_key.append(value)
    return {key_id for key_id, values in some.items() if values and not any(_opened(value) for value in values)}


def _rows() -> Iterator[tuple[int, dict[str, Any]]]:
    return iter(Authenticator.objects.order_by("pk").values_list("pk", "data").iterator(chunk_size=1000))


def _values(data: dict[str, Any]) -> list[str]:
    found = [data[key] for key in SEALED_KEYS if key in data]
    return [value for one in found for value in (one if isinstance(one, list) else [one])]


def _reseal(pks: list[int], mark: str) -> tuple[int, int]:
    resealed = unreadable = 0
    for row in Authenticator.objects.select_for_update().filter(pk__in=pks).order_by("pk"):
        before = _values(row.data)
        row.data = {key: _anew(value, mark) if key in SEALED_KEYS else value for key, value in row.data.items()}
        after = _values(row.data)
        changed = sum(one != other for one, other in zip(before, after, strict=True))
        left = sum(not value.startswith(mark) for value in after)
        if changed:
            row.save(update_fields=["data"])
        if left:
            log.warning("reseal.cannot_open", place=f"{PLACE}:{row.pk}")
        resealed, unreadable = resealed + changed, unreadable + left
    return resealed, unreadable


def _anew(value: Any, mark: str) -> Any:
    """What cannot be opened stays as it is."""
    if isinstance(value, list):
        return [_anew(one, mark) for one in value]
    secret = None if value.startswith(mark) else _opened(value)
    return value if secret is None else vault.seal(secret, bound_to=PLACE)


def _opened(value: str) -> str | None:
    try:
        return vault.open_sealed(value, bound_to=PLACE)
    except vault.CannotOpen:
        return None
