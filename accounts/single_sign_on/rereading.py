"""The metadata of providers that speak SAML, read again each day: so a new certificate is known before it signs.

What is there is believed because it comes by TLS from the address that an admin has given. Another entity ID is not
taken over: people are bound by it. A failure takes nothing away; it is said, and tried again in an hour.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import IdentityProvider, Protocol
from accounts.single_sign_on import certificates, saml_metadata, signing_keys
from accounts.single_sign_on.saml_metadata import Metadata

READ = audit.declare(
    "single_sign_on.metadata_read", "The metadata of the identity provider {target} was read, and has changed."
)
EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)
TURN = timedelta(seconds=20)
MOST = 100  # of one turn

log = structlog.get_logger(__name__)


def read_due(*, now: datetime, turn: timedelta = TURN) -> int:
    """For one turn. Answers how many were read."""
    begun, looked = time.monotonic(), 0
    due = IdentityProvider.objects.filter(protocol=Protocol.SAML, metadata_due_at__lte=now).exclude(metadata_url="")
    for provider in due.select_related("account").order_by("metadata_due_at")[:MOST]:
        passed = timedelta(seconds=time.monotonic() - begun)
        if passed >= turn:
            break
        # Whoever is first reads it.
        mine = IdentityProvider.objects.filter(pk=provider.pk, metadata_due_at=provider.metadata_due_at)
        if mine.update(metadata_due_at=now + AGAIN):
            read_again(provider, now=now + passed)
            looked += 1
    return looked


def read_again(provider: IdentityProvider, *, now: datetime) -> str:
    """Now. What is wrong, in words; "" where nothing is. What an admin has changed meanwhile stays as it is."""
    try:
        found = saml_metadata.parse(saml_metadata.read_url(provider.metadata_url), now=now)
        _must_be_of(provider, found)
    except ValidationError as problem:
        trouble = " ".join(problem.messages)[:300]
        log.warning("single_sign_on.metadata_unread", provider=provider.pk, trouble=trouble)
        _same(provider).update(metadata_trouble=trouble, metadata_due_at=now + AGAIN)
        return trouble
    _take(provider, found, now=now)
    if not provider.signing_key:
        signing_keys.make(provider, now=now)
    return ""


def _must_be_of(provider: IdentityProvider, found: Metadata) -> None:
    if found.issuer != provider.issuer:
        raise ValidationError(
            f"The metadata is of {found.issuer[:150]}, and {provider.issuer} is what is set up. People are known "
            "by that name, so it is not taken over."
        )


def _take(provider: IdentityProvider, found: Metadata, *, now: datetime) -> None:
    """A test that was passed stays passed: it is the same provider, by its own word."""
    with transaction.atomic():
        row = _same(provider).select_for_update(of=("self",)).select_related("account").first()
        if row is None:
            return
        before, after = _told(row.sign_in_url, row.certificates), _told(found.sign_in_url, list(found.certificates))
        if before != after:
            audit.record(READ, account=row.account, actor=None, on=row, now=now, before=before, after=after)
        row.sign_in_url, row.certificates = found.sign_in_url, list(found.certificates)
        row.metadata_read_at, row.metadata_due_at, row.metadata_trouble = now, now + EVERY, ""
        row.save(
            update_fields=["sign_in_url", "certificates", "metadata_read_at", "metadata_due_at", "metadata_trouble"]
        )


def _same(provider: IdentityProvider) -> QuerySet[IdentityProvider]:
    return IdentityProvider.objects.filter(pk=provider.pk, changed_at=provider.changed_at)


def _told(sign_in_url: str, pems: list[str]) -> dict[str, object]:
    return {"sign_in_url": sign_in_url, "certificates": [certificates.facts(pem).fingerprint for pem in pems]}
