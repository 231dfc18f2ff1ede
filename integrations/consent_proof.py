"""What an answer to an administrator's link is worth: a worker asks Microsoft for a token of the application itself in
that tenant, which it gives only where the tenant knows the application. Then everybody who waits there is released.

What Microsoft has just been told it may not know everywhere at once: *not known* is asked again for a while, and is no
failure before that.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import audit, outbound
from accounts.models import Account
from integrations import alarms, approvals, reasons
from integrations.contracts import CalendarError, CredentialRefused, Passing
from integrations.microsoft import identity
from integrations.models import AwaitedApproval, TenantConsent

APPROVED = audit.declare("tenant_consent.approved", "A Microsoft 365 admin gave the {target}.")
NOT_PROVED = audit.declare(
    "tenant_consent.not_proved",
    "Microsoft did not bear out the {target}.",
    say={"reason": reasons.in_words},
)

# In these words Microsoft says that the tenant does not know the application, whatever `error` stands beside them.
NOT_THERE_YET = ("AADSTS700016", "AADSTS7000229")

CLAIM = timedelta(seconds=60)
ATTEMPT = timedelta(seconds=50)  # every request of one attempt together; shorter than the claim
SPREADS_FOR = timedelta(minutes=15)  # so long Microsoft may take to know everywhere what it was told
GIVE_UP = timedelta(days=1)
FIRST_WAIT = timedelta(seconds=3)
LONGEST_WAIT = timedelta(minutes=1)


def to_prove(*, now: datetime) -> list[uuid.UUID]:
    """Answered, and in nobody's hands."""
    found = TenantConsent.objects.filter(_free(now), answered_at__isnull=False, granted_at=None, reason="")
    return list(found.order_by("answered_at").values_list("pk", flat=True)[:100])


def prove(consent_id: uuid.UUID, *, now: datetime) -> None:
    """Runs any number of times; one at a time."""
    open_ones = TenantConsent.objects.filter(
        _free(now), pk=consent_id, answered_at__isnull=False, granted_at=None, reason=""
    )
    if not open_ones.update(claimed_until=now + CLAIM):
        return
    consent = TenantConsent.objects.select_related("account").get(pk=consent_id)
    try:
        with outbound.deadline(ATTEMPT):
            identity.prove_credential(consent.tenant_id)
    except CalendarError as problem:
        _not_yet(consent, problem, now=now)
    else:
        _believe(consent, now=now)


def release_waiting(*, now: datetime) -> int:
    """Whoever a consent covers and still waits: a worker died half-way, or only now is it known whose they are."""
    return sum(approvals.release(approvals.covered(consent), consent, now=now) for consent in _with_waiting())


def check_again(account: Account, tenant_id: str, *, now: datetime) -> int:
    """Ask once more about an answer that Microsoft did not bear out."""
    of_tenant = TenantConsent.objects.filter(account=account, tenant_id=tenant_id)
    newest = of_tenant.order_by("-created_at").first()
    if newest is None or not is_not_borne_out(newest):
        return 0
    same = TenantConsent.objects.filter(pk=newest.pk, granted_at=None, reason=newest.reason)
    return same.update(answered_at=now, reason="", code="", trace_id="", attempts=0, claimed_until=None)


def is_being_proved(consent: TenantConsent) -> bool:
    return consent.answered_at is not None and consent.granted_at is None and not consent.reason


def is_not_borne_out(consent: TenantConsent) -> bool:
    """A worker asked Microsoft and gave up; else a reason is what the answer itself said."""
    return bool(consent.reason and consent.attempts)


def is_spreading(consent: TenantConsent) -> bool:
    """The last answer was that the tenant does not know the application."""
    return consent.code in NOT_THERE_YET


def _free(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=now)


def _with_waiting() -> QuerySet[TenantConsent]:
    there = AwaitedApproval.objects.filter(
        account=OuterRef("account"),
        tenant_id=OuterRef("tenant_id"),
        released_at=None,
        since_at__lte=OuterRef("granted_at"),
    )
    return TenantConsent.objects.filter(Exists(there), granted_at__isnull=False).select_related("account")


def _believe(consent: TenantConsent, *, now: datetime) -> None:
    with transaction.atomic():
        # The state has done its work; its digest stays, so that the link can say what became of it.
        proved = {"granted_at": now, "state": "", "code": "", "trace_id": "", "claimed_until": None}
        if not TenantConsent.objects.filter(pk=consent.pk, granted_at=None, reason="").update(**proved):
            return
        consent.refresh_from_db(fields=list(proved))
        ready = approvals.covered(consent)
        audit.record(
            APPROVED,
            account=consent.account,
            actor=None,
            on=consent,
            now=now,
            after={"permissions": consent.granted},
            affected=len(ready),
        )
    approvals.release(ready, consent, now=now)


def _not_yet(consent: TenantConsent, problem: CalendarError, *, now: datetime) -> None:
    """Passing trouble, or our own credential, says nothing about the consent; *not known there* may change."""
    assert consent.answered_at is not None, "only answered ones are claimed"  # noqa: S101
    failure = problem.failure
    is_ours = isinstance(problem, CredentialRefused) and failure.code not in NOT_THERE_YET
    if is_ours:
        alarms.alarm(failure)
    patience = GIVE_UP if is_ours or isinstance(problem, Passing) else SPREADS_FOR
    ends = now - consent.answered_at > patience
    wait = max(min(FIRST_WAIT * 2 ** min(consent.attempts, 10), LONGEST_WAIT), failure.retry_after or timedelta())
    with transaction.atomic():
        held = TenantConsent.objects.filter(pk=consent.pk, granted_at=None, reason="")
        written = held.update(
            attempts=min(consent.attempts + 1, 1000),
            reason=failure.reason.value if ends else "",
            code=failure.code[:80],
            trace_id=failure.trace_id[:80],
            claimed_until=None if ends else now + wait,
        )
        if written and ends:
            why = {"reason": failure.reason.value, "code": failure.code}
            audit.record(NOT_PROVED, account=consent.account, actor=None, on=consent, now=now, after=why)
