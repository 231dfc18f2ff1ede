"""Who waits for an administrator at Microsoft: people whom Microsoft told that only an administrator may consent.

Somebody waits until an administrator has consented (then one step is left, which is theirs), until they are connected
some other way, until they take it back, or until the settings no longer allow it. One row a person.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Account, User
from integrations import connecting
from integrations.domains import domain_of
from integrations.failures import Failure
from integrations.models import AwaitedApproval, ConsentRequest


def awaited(request: ConsentRequest, failure: Failure, *, now: datetime) -> None:
    """Microsoft stopped this trip because an administrator must approve. Whoever was released before waits again."""
    ask(
        request.user,
        calendar_write=request.calendar_write,
        contacts_write=request.contacts_write,
        code=failure.code,
        now=now,
    )


def ask(person: User, *, calendar_write: bool, contacts_write: bool, now: datetime, code: str = "") -> AwaitedApproval:
    existing = connecting.current(person)
    address = (existing and existing.address) or person.email
    row, _ = AwaitedApproval.objects.update_or_create(
        user=person,
        defaults={
            "account_id": person.account_id,
            "calendar_write": calendar_write,
            "contacts_write": contacts_write,
            "domain": domain_of(address),
            "tenant_id": existing.tenant_id if existing else "",
            "code": code[:80],
            "since_at": now,
            "released_at": None,
            "released_by": None,
        },
    )
    return row


def of(person: User) -> AwaitedApproval | None:
    """What somebody waits for, or has been released from: `released_at` tells which. One query."""
    return AwaitedApproval.objects.select_related("released_by").filter(user=person).first()


def waiting(account: Account) -> QuerySet[AwaitedApproval]:
    """The queue, the longest first."""
    return AwaitedApproval.objects.filter(account=account, released_at=None).order_by("since_at", "pk")


def settled(person: User) -> None:
    """They are connected: there is nothing to wait for."""
    AwaitedApproval.objects.filter(user=person).delete()


def take_back(person: User, *, actor: User | None, now: datetime) -> bool:
    """False: nobody waited."""
    count, _ = AwaitedApproval.objects.filter(user=person).delete()
    return bool(count)
