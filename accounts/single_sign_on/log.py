"""The sign-in log: what was tried, by whom, and exactly why it was refused. Kept for 90 days."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction

from accounts.models import Account, IdentityProvider, SignInEntry, SpentAssertion, User

KEPT_FOR = timedelta(days=90)
# Of answers that nobody here has asked for: anybody can send them, so they must not fill the table.
UNASKED_AN_HOUR = 200
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is read as something else
_LENGTH = 8

lines = structlog.get_logger(__name__)


def record(
    account: Account,
    *,
    method: str,
    outcome: str,
    now: datetime,
    provider: IdentityProvider | None = None,
    user: User | None = None,
    email: str = "",
    cause: str = "",
    detail: str = "",
    checks: Sequence[dict[str, str]] = (),
    ip_address: str | None = None,
) -> SignInEntry:
    """Write a line; its `reference` is what the person can name to an admin. `detail` holds no secret."""
    values = {
        "account": account,
        "at": now,
        "method": method,
        "outcome": outcome,
        "provider": provider,
        "user": user,
        "email": _fit(email, 254),
        "cause": cause,
        "detail": _fit(detail, 500),
        "checks": [{name: _fit(text, 500) for name, text in check.items()} for check in checks],
        "ip_address": ip_address,
    }
    while True:
        try:
            with transaction.atomic():
                return SignInEntry.objects.create(reference=_reference(), **values)
        except IntegrityError:  # somebody has this reference: one in 850,000,000,000
            if not SignInEntry.objects.filter(account=account).exists():
                raise


def is_full(account: Account, *, cause: str, now: datetime) -> bool:
    """Whether so many of this cause were written within the hour that one more says nothing."""
    recent = SignInEntry.objects.filter(account=account, at__gt=now - timedelta(hours=1), cause=cause)
    return recent.count() >= UNASKED_AN_HOUR


def forget_old(*, now: datetime) -> int:
    """Lines of a season ago, and assertions that would be refused for their age by now."""
    SpentAssertion.objects.filter(expires_at__lt=now).delete()
    gone, _ = SignInEntry.objects.filter(at__lt=now - KEPT_FOR).delete()
    if gone:
        lines.info("sign_in_log.forgotten", number=gone)
    return gone


def _reference() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def _fit(text: str, length: int) -> str:
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= length else f"{text[: length - 1]}…"
