"""Identity providers as an account’s admins set them up: added, changed, removed.

The identities of people hang on the issuer, so it stays as it is once somebody is bound. Every change of how somebody
is judged empties `tested_at`: a provider is turned on by a test of exactly what it is then.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404

from accounts import audit, claims, vault
from accounts.models import Account, IdentityProvider, Meaning, Protocol, ProviderMapping, User
from accounts.single_sign_on import certificates, signing_keys

ADDED = audit.declare("single_sign_on.provider_added", "{actor} set up the identity provider {target}.")
CHANGED = audit.declare("single_sign_on.provider_changed", "{actor} changed the identity provider {target}.")
REMOVED = audit.declare("single_sign_on.provider_removed", "{actor} removed the identity provider {target}.")
MOST = 20  # of one account
_TOLD = (
    "name",
    "issuer",
    "client_id",
    "metadata_url",
    "sign_in_url",
    "email_claim",
    "name_claim",
    "groups_claim",
    "roles_claim",
    "creates_people",
)
_UNTESTED_BY = ("issuer", "client_id", "metadata_url", "sign_in_url", "certificates", "email_claim")


class TooMany(claims.Refused):
    sentence = f"An account has at most {MOST} identity providers. Remove one first."


class ChangedMeanwhile(claims.Refused):
    sentence = "Somebody changed this identity provider meanwhile. Look at it as it is now, and change it again."


class IsBound(claims.Refused):
    sentence = "People are known by this issuer, so it stays. Set up another identity provider, and turn that one on."


class IsOn(claims.Refused):
    sentence = "Turn it off first: people sign in by it."


@dataclass(frozen=True)
class Meant:
    """A row of the mapping: `value` means the group, or else the role."""

    value: str
    group: int | None = None
    role: str = ""

    @property
    def means(self) -> str:
        return Meaning.ROLE.value if self.role else Meaning.GROUP.value


@dataclass(frozen=True)
class Given:
    # By the names of the columns, without the secret.
    columns: dict[str, Any]
    # "": the one there is stays.
    client_secret: str = ""
    mappings: Sequence[Meant] = field(default=())


def add(account: Account, protocol: str, given: Given, *, actor: User, now: datetime) -> IdentityProvider:
    with transaction.atomic():
        claims.account(account.pk)
        if IdentityProvider.objects.filter(account=account).count() >= MOST:
            raise TooMany
        provider = IdentityProvider.objects.create(
            account=account,
            key=secrets.token_hex(10),
            protocol=protocol,
            created_at=now,
            created_by=actor,
            changed_at=now,
            **given.columns,
        )
        _seal(provider, given.client_secret)
        _map(provider, given.mappings)
        audit.record(ADDED, account=account, actor=actor, on=provider, now=now, after=told(provider))
    if protocol == Protocol.SAML:
        signing_keys.make(provider, now=now)
    return provider


def change(provider: IdentityProvider, given: Given, *, seen: datetime, actor: User, now: datetime) -> IdentityProvider:
    """`seen`: its `changed_at` when whoever changes it began to. Raises ChangedMeanwhile, IsBound."""
    with transaction.atomic():
        row = held(provider)
        if row.changed_at != seen:
            raise ChangedMeanwhile
        if given.columns.get("issuer", row.issuer) != row.issuer and row.identities.exists():
            raise IsBound
        before, is_other = told(row), any(given.columns.get(name, was) != was for name, was in _judging(row).items())
        for name, value in given.columns.items():
            setattr(row, name, value)
        row.changed_at = now
        if is_other or given.client_secret:
            row.tested_at = None
        row.save()
        _seal(row, given.client_secret)
        row.mappings.all().delete()
        _map(row, given.mappings)
        after = {**told(row), **({"client_secret": "replaced"} if given.client_secret else {})}
        audit.record(CHANGED, account=row.account, actor=actor, on=row, now=now, before=before, after=after)
    return row


def remove(provider: IdentityProvider, *, actor: User, now: datetime) -> None:
    """With all that is known of its people. Raises IsOn."""
    with transaction.atomic():
        row = held(provider)
        if row.is_on:
            raise IsOn
        audit.record(REMOVED, account=row.account, actor=actor, on=row, now=now, before=told(row))
        row.delete()


def held(provider: IdentityProvider) -> IdentityProvider:
    """As it is now, locked with its account. Raises Http404 where it is gone."""
    claims.account(provider.account_id)
    rows = IdentityProvider.objects.select_for_update(of=("self",)).select_related("account")
    return get_object_or_404(rows, pk=provider.pk)


def told(provider: IdentityProvider) -> dict[str, Any]:
    """For the audit log: no secret."""
    prints = [one.fingerprint for one in certificates.of(provider)]
    number = provider.mappings.count()
    return {**{name: getattr(provider, name) for name in _TOLD}, "certificates": prints, "mappings": number}


def _judging(row: IdentityProvider) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _UNTESTED_BY}


def _seal(provider: IdentityProvider, secret: str) -> None:
    if secret:
        provider.client_secret = vault.seal(secret, bound_to=vault.place_of(provider, "client_secret"))
        provider.save(update_fields=["client_secret"])


def _map(provider: IdentityProvider, mappings: Sequence[Meant]) -> None:
    ProviderMapping.objects.bulk_create(
        ProviderMapping(provider=provider, means=one.means, value=one.value, group_id=one.group, role=one.role)
        for one in mappings
    )
