"""People whom Microsoft stops because only an administrator may consent, and administrators who then do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Account, User
from integrations import admin_consent, approvals, consent_proof, tenancy
from integrations.models import AwaitedApproval, TenantConsent
from tests.cast import FOUNDED
from tests.integrations.wired import answered, redeemed
from tests.simulated import Simulator

KESTREL = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
CORVID = "b83e0c4d-91f6-4f0a-8d27-7c12e6a95b30"


def close(microsoft: Simulator, domain: str = "kestrel.example") -> None:
    """From now on only administrators of that organization may consent."""
    microsoft.control("POST", f"tenants/{domain}/user-consent", {"setting": "not_allowed"})


def stopped(
    person: User, microsoft: Simulator, *, calendar_write: bool = False, contacts_write: bool = False
) -> AwaitedApproval:
    """They went to Microsoft and were turned away."""
    redeemed(answered(person, microsoft, calendar_write=calendar_write, contacts_write=contacts_write))
    return AwaitedApproval.objects.get(user=person)


def looked_up() -> None:
    tenancy.look_up(now=timezone.now())


def made(account: Account, by: User, *, tenant: str = KESTREL, now: datetime | None = None) -> TenantConsent:
    return admin_consent.make(account, tenant, actor=by, now=now or timezone.now())


def link_of(consent: TenantConsent) -> str:
    return admin_consent.address_of(consent, now=timezone.now())


def consented(
    consent: TenantConsent, microsoft: Simulator, name: str = "dana@kestrel.example", answer: str = "accept"
) -> dict[str, str]:
    """What Microsoft sends the administrator's browser back with."""
    return microsoft.sign_in(link_of(consent), name, answer=answer)


def recorded(said: dict[str, str], *, now: datetime | None = None) -> admin_consent.Said:
    return admin_consent.record(said, now=now or timezone.now())[0]


def proved(consent: TenantConsent, *, after: timedelta = timedelta()) -> TenantConsent:
    consent_proof.prove(consent.pk, now=timezone.now() + after)
    consent.refresh_from_db()
    return consent


def waits(person: User) -> bool:
    row = approvals.of(person)
    return row is not None and row.released_at is None


def is_released(person: User) -> bool:
    row = approvals.of(person)
    return row is not None and row.released_at is not None


def queue(people: list[User], **more: Any) -> list[AwaitedApproval]:
    """Without Microsoft: each of `people` waits, in the organization of Kestrel unless said otherwise."""
    return AwaitedApproval.objects.bulk_create(
        AwaitedApproval(
            **{
                "user": person,
                "account_id": person.account_id,
                "calendar_write": False,
                "contacts_write": False,
                "domain": "kestrel.example",
                "tenant_id": KESTREL,
                "looked_up_at": FOUNDED,
                "since_at": FOUNDED,
                **more,
            }
        )
        for person in people
    )
