"""Of which Microsoft 365 tenant somebody is who waits: a worker asks Microsoft, by the domain of their address."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import structlog

from accounts import outbound
from accounts.domain_names import normal
from accounts.models import Account
from integrations.contracts import Passing
from integrations.microsoft import tenants
from integrations.models import AwaitedApproval

log = structlog.get_logger(__name__)

AT_ONCE = 20  # domains of one task
TOGETHER = timedelta(seconds=50)  # all that one task asks


def look_up(*, now: datetime) -> int:
    """Ask for some of the domains nobody has asked about; answers how many Microsoft has answered. What passes is
    asked again by the next sweep, and keeps no other domain from its turn."""
    unknown = AwaitedApproval.objects.filter(looked_up_at=None)
    # One that never answers stands at another place each time.
    domains = list(unknown.values_list("domain", flat=True).distinct())
    answered = 0
    with outbound.deadline(TOGETHER):
        for domain in random.sample(domains, min(AT_ONCE, len(domains))):
            try:
                tenant = tenants.tenant_of(domain)
            except Passing as problem:
                log.info("tenant.not_answered", reason=problem.failure.reason.value)
                continue
            unknown.filter(domain=domain).update(tenant_id=tenant, looked_up_at=now)
            answered += 1
    return answered


def ask_again(account: Account) -> int:
    """Domains that nobody knew may be known by now."""
    return AwaitedApproval.objects.filter(account=account, tenant_id="").update(looked_up_at=None)


def name_domain(account: Account, *, instead_of: str, domain: str) -> int:
    """An admin knows better by which domain Microsoft knows these people. Raises `domains.NotADomain`."""
    rows = AwaitedApproval.objects.filter(account=account, tenant_id="", domain=instead_of)
    return rows.update(domain=normal(domain), looked_up_at=None)
