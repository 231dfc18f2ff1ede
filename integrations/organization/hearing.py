"""What the ground floor tells of that decides whom an organisation's consent is used for: written down, and followed
soon."""

from __future__ import annotations

from celery import current_app
from django.utils import timezone

from accounts.models import Account
from accounts.nudging import nudge
from integrations.organization import links
from integrations.preferences import Integrations

FOLLOW = "integrations.follow_account"  # the task


def settings_changed(*, account: Account, key: str, **_: object) -> None:
    if key.startswith(Integrations.prefix + "."):
        changed(account)


def people_placed(*, account: Account, **_: object) -> None:
    """The ranks of groups changed, or who is in them."""
    changed(account)


def changed(account: Account) -> None:
    """Also: somebody joined, or an associated domain came or went. One statement."""
    if links.want_followed(account, now=timezone.now()):
        nudge(current_app.signature(FOLLOW), account_id=account.pk)
