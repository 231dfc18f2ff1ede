"""An organization that has consented, an account with its domain, and people whom the settings leave to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts import jobs
from accounts.models import Account, AssociatedDomain, DomainState, Job, User
from integrations.models import Connection, TenantLink
from integrations.organization.following import follow
from tests.cast import FOUNDED
from tests.integrations.authorized import set_up_by_admin
from tests.integrations.linked import linked
from tests.simulated import Simulator


def verified(account: Account, name: str = "kestrel.example") -> AssociatedDomain:
    return AssociatedDomain.objects.create(
        account=account, name=name, token="t", state=DomainState.VERIFIED, added_at=FOUNDED, verified_at=FOUNDED
    )


def served(account: Account, microsoft: Simulator, *, by: User, **more: Any) -> TenantLink:
    """Its domain is verified, its organization has consented, its settings say so; nobody is connected yet."""
    verified(account)
    set_up_by_admin(account, by=by)
    return linked(account, microsoft, **more)


def followed(link: TenantLink, *, after: timedelta = timedelta(), now: datetime | None = None) -> TenantLink:
    """Followed, and whatever job that begins is done."""
    moment = (now or timezone.now()) + after
    follow(link.pk, now=moment)
    fresh = TenantLink.objects.select_related("account").get(pk=link.pk)
    while fresh.job_id and jobs.work_on(fresh.job_id, now=moment):
        pass
    return fresh


def told(job: Job) -> dict[str, str]:
    """By person, in the words of the job."""
    return {row.given["email"]: row.outcome for row in job.rows.all()}


def how(person: User) -> tuple[str, str, str]:
    """By which way, in which state and why; nothing where there is no connection."""
    found = Connection.objects.filter(user=person).first()
    return (found.method, found.state, found.reason) if found else ("", "", "")


def object_id_of(microsoft: Simulator, name: str) -> str:
    return str(microsoft.control("GET", f"people/{name}")["id"])
