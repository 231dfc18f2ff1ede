"""Rotation: what old keys have sealed is opened and sealed anew with the first, while everything goes on.

Each value is changed only if it is still the one that was opened, so that nothing newer is overwritten. It may be
interrupted anywhere and begun again: what is done is told by the ciphertexts themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Model, Q, QuerySet

from accounts import vault
from accounts.models import IdentityProvider
from integrations import sealed_factors
from integrations.models import (
    Connection,
    ConsentRequest,
    EwsPast,
    ExchangeServer,
    LinkRequest,
    TenantConsent,
    TenantLink,
    TokenKey,
)

log = structlog.get_logger(__name__)

SEALED: Mapping[type[Model], tuple[str, ...]] = {
    Connection: ("refresh_token", "access_token", "password"),
    ConsentRequest: ("flow", "answer", "tokens"),
    TenantConsent: ("state",),
    TenantLink: ("access_token",),
    LinkRequest: ("flow", "answer"),
    ExchangeServer: ("password",),
    EwsPast: ("secret",),
    IdentityProvider: ("client_secret", "signing_key"),
}
FEW = 5
BATCH = 200  # rows of one transaction: what an interruption undoes


@dataclass(frozen=True)
class KeyUse:
    """How many values a key has sealed; an empty id stands for those of a form nobody knows."""

    id: str
    values: int
    is_known: bool


@dataclass(frozen=True)
class Progress:
    resealed: int
    # Values that no key of TOKEN_KEYS opens. They stay as they are.
    unreadable: int


def in_use() -> list[KeyUse]:
    """By key, what is stored. Reads every sealed row: one query for each table, and one for the keys."""
    remembered = TokenKey.objects.order_by("created_at").values_list("pk", flat=True)
    ids = list(dict.fromkeys([*settings.TOKEN_KEYS, *remembered]))
    counts = Counter(dict.fromkeys(["", *ids], 0))
    for model, columns in SEALED.items():
        wanted = {
            f"{column}_{at}": Count("pk", filter=_sealed_with(column, key_id) if key_id else ~Q(**{column: ""}))
            for column in columns
            for at, key_id in enumerate(["", *ids])
        }
        for name, count in model._default_manager.aggregate(**wanted).items():
            counts[["", *ids][int(name.rpartition("_")[2])]] += count
    # So far the empty id has stood for all.
    counts[""] -= sum(counts[key_id] for key_id in ids)
    counts.update(sealed_factors.counts(ids))
    return [KeyUse(key_id, count, key_id in settings.TOKEN_KEYS) for key_id, count in counts.items() if key_id or count]


def reseal(*, batch: int = BATCH) -> Iterator[Progress]:
    """Seal everything with the first key; tells after each batch how far it has come."""
    resealed = unreadable = 0
    for model, columns in SEALED.items():
        for column in columns:
            for some in _batches(model, column, batch):
                done = _reseal(model, column, some)
                resealed, unreadable = resealed + done.resealed, unreadable + done.unreadable
                yield Progress(resealed, unreadable)
    for anew, left in sealed_factors.reseal(batch):
        resealed, unreadable = resealed + anew, unreadable + left
        yield Progress(resealed, unreadable)


def retire() -> list[str]:
    """Forget the keys that seal nothing any more; their ids. They may then be taken out of TOKEN_KEYS."""
    unused = [use.id for use in in_use() if use.id and not use.values and use.id != vault.first_key()]
    TokenKey.objects.filter(pk__in=unused).delete()
    return unused


def wrong_keys() -> list[str]:
    """The ids of keys that are missing, or do not open what bears their id; told by a few values of each column."""
    wrong = sealed_factors.wrong_keys(FEW)
    for model, columns in SEALED.items():
        for column in columns:
            stored = model._default_manager.filter(**{f"{column}__startswith": vault.FORM})
            ours = [_sealed_with(column, key_id) for key_id in settings.TOKEN_KEYS]
            for which in [*ours, ~reduce(or_, ours)]:
                some = list(stored.filter(which).values_list("pk", column)[:FEW])
                # One that is damaged says nothing about its key.
                if some and not any(_opens(model, column, pk, sealed) for pk, sealed in some):
                    wrong.add(vault.key_of(some[0][1]))
    return sorted(wrong)


def _opens(model: type[Model], column: str, pk: object, sealed: str) -> bool:
    try:
        vault.open_sealed(sealed, bound_to=vault.place_of(model(pk=pk), column))
    except vault.CannotOpen:
        return False
    return True


def _batches(model: type[Model], column: str, size: int) -> Iterator[list[tuple[object, str]]]:
    """Primary keys with what is sealed there by an older key. Each row is come by once."""
    old = model._default_manager.exclude(**{column: ""}).exclude(_sealed_with(column, vault.first_key()))
    rest: QuerySet[Model] = old.order_by("pk")
    while some := list(rest.values_list("pk", column)[:size]):
        yield some
        rest = old.order_by("pk").filter(pk__gt=some[-1][0])


def _reseal(model: type[Model], column: str, some: list[tuple[object, str]]) -> Progress:
    resealed = unreadable = 0
    with transaction.atomic():
        for pk, sealed in some:
            place = vault.place_of(model(pk=pk), column)
            try:
                anew = vault.seal(vault.open_sealed(sealed, bound_to=place), bound_to=place)
            except vault.CannotOpen:
                log.warning("reseal.cannot_open", place=place)
                unreadable += 1
                continue
            resealed += model._default_manager.filter(**{"pk": pk, column: sealed}).update(**{column: anew})
    return Progress(resealed, unreadable)


def _sealed_with(column: str, key_id: str) -> Q:
    return Q(**{f"{column}__startswith": vault.mark_of(key_id)})
