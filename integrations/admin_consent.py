"""The consent of an administrator for everybody in a Microsoft 365 tenant.

    make()     a link that an admin of the account hands on to an administrator of the tenant
    record()   Microsoft's answer, by way of anybody's browser: written down, and not believed
    prove()    a worker asks Microsoft itself (`consent_proof.py`); then all who wait are released

A link may be used until it expires or is replaced: who declines at Microsoft may think again.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts import audit, outbound, vault
from accounts.models import Account, User
from integrations import approvals, failures, reasons, scopes
from integrations.failures import Outcome, Reason
from integrations.microsoft import tenants
from integrations.models import TenantConsent

MADE = audit.declare("tenant_consent.made", "{actor} made a link for the {target}.")
REFUSED = audit.declare(
    "tenant_consent.refused", "Microsoft did not give the {target}.", say={"reason": reasons.in_words}
)

LASTS = timedelta(days=7)
KEEP = timedelta(days=30)
PATIENCE = timedelta(seconds=5)  # of a page; only the first link of a process asks Microsoft anything
LONGEST_STATE = 100
# Tells an answer of this kind from a person's own, whose `state` MSAL makes of letters alone.
PREFIX = "tenant."
REPLACED = "replaced"


class Said(StrEnum):
    """What became of an answer of Microsoft's."""

    RECORDED = "thanks"
    APPROVED = "approved"
    REFUSED = "not-approved"
    EXPIRED = "too-late"
    REPLACED = "replaced"
    ANOTHER_TENANT = "another-organization"
    UNKNOWN = "unknown"


class NobodyWaits(Exception):
    """There is nothing to ask for."""


def belongs(answer: Mapping[str, str]) -> bool:
    """Is this answer of Microsoft's one to a link for administrators? Says nothing of whether it is genuine."""
    return answer.get("state", "").startswith(PREFIX) or ("admin_consent" in answer and "code" not in answer)


def make(account: Account, tenant_id: str, *, actor: User, now: datetime) -> TenantConsent:
    """A link for what those need who wait in the tenant; older ones are void. Raises NobodyWaits, Unreachable."""
    wanted = wanted_in(account, tenant_id)
    domain = approvals.waiting(account).filter(tenant_id=tenant_id).values_list("domain", flat=True).first()
    if not wanted or domain is None:
        raise NobodyWaits
    state = PREFIX + secrets.token_urlsafe(32)
    back = settings.PUBLIC_URL + reverse("microsoft_callback")
    with outbound.deadline(PATIENCE):
        address = tenants.consent_address(tenant_id, scopes=scopes.in_full(wanted), redirect_uri=back, state=state)
    made = TenantConsent(
        id=uuid.uuid4(),
        account=account,
        tenant_id=tenant_id,
        domain=domain,
        scopes=wanted,
        state_digest=_digest(state),
        made_by=actor,
        created_at=now,
        expires_at=now + LASTS,
    )
    # The whole address, as it was made: the state in it is the secret.
    made.state = vault.seal(address, bound_to=vault.place_of(made, "state"))
    with transaction.atomic():
        _unused(account, tenant_id).update(reason=REPLACED, state="")
        made.save()
        audit.record(MADE, account=account, actor=actor, on=made, now=now, after={"permissions": wanted})
    return made


def wanted_in(account: Account, tenant_id: str) -> list[str]:
    """The permissions that those need together who wait in the tenant, each within their settings."""
    rows = approvals.waiting(account).filter(tenant_id=tenant_id)
    holding = approvals.holding_of(account, rows)
    wishes = set(rows.order_by().values_list("user_id", "calendar_write", "contacts_write"))
    found = (
        approvals.needs(holding[person], calendar_write=calendar, contacts_write=contacts)
        for person, calendar, contacts in wishes
        if person in holding
    )
    return sorted(frozenset[str]().union(*found))


def address_of(made: TenantConsent, *, now: datetime) -> str:
    """The link, as long as it can be used; else an empty string."""
    if not made.state or made.expires_at <= now:
        return ""
    try:
        return vault.open_sealed(made.state, bound_to=vault.place_of(made, "state"))
    except vault.CannotOpen:
        return ""


def record(answer: Mapping[str, str], *, now: datetime) -> tuple[Said, TenantConsent | None]:
    """Write Microsoft's answer down. Anybody may have written it, so nothing follows from it but that a worker asks
    Microsoft. What is forged, late, replaced or of another tenant changes nothing."""
    made = TenantConsent.objects.filter(state_digest=_digest(answer.get("state", "")[:LONGEST_STATE])).first()
    if made is None:
        return Said.UNKNOWN, None
    if void := _void(made, now=now):
        return void, made
    if answer.get("error"):  # first: a success mark stands beside errors too
        _refused(made, answer, now=now)
        return Said.REFUSED, made
    if answer.get("admin_consent", "").lower() != "true":
        return Said.UNKNOWN, made
    if answer.get("tenant", "").strip().lower() != made.tenant_id.lower():
        return Said.ANOTHER_TENANT, made
    given = granted_in(answer, made.scopes)
    free = TenantConsent.objects.filter(pk=made.pk, granted_at=None).exclude(reason=REPLACED)
    # Not one that is being proved: the first answer stands.
    free.filter(Q(answered_at=None) | ~Q(reason="")).update(
        answered_at=now, granted=given, reason="", code="", trace_id="", attempts=0, claimed_until=None
    )
    return Said.RECORDED, made


def granted_in(answer: Mapping[str, str], asked: Iterable[str]) -> list[str]:
    """Of what was asked for, what the answer lists; all of it where it lists nothing, for it is given as a whole."""
    if "scope" not in answer:
        return sorted(asked)
    listed = {scope.lower() for scope in scopes.bare(answer["scope"].split())}
    return sorted(scope for scope in asked if scope.lower() in listed)


def forget_old(*, now: datetime) -> int:
    """What nobody has used in time."""
    unused = TenantConsent.objects.filter(granted_at=None, expires_at__lte=now - KEEP)
    count, _ = unused.delete()
    return count


def _void(made: TenantConsent, *, now: datetime) -> Said | None:
    """What makes any answer to this link pointless."""
    if made.reason == REPLACED:
        return Said.REPLACED
    if made.granted_at is not None:
        return Said.APPROVED
    return Said.EXPIRED if made.expires_at <= now else None


def _refused(made: TenantConsent, answer: Mapping[str, str], *, now: datetime) -> None:
    """The link goes on to be good. What is being proved is not undone by a word that anybody may write."""
    # `permission_denied` is what the documentation calls it.
    told = {**answer, "error": "access_denied"} if answer["error"] == "permission_denied" else answer
    failure = failures.of_redirect(told)
    # What a browser brings is no word about our own credential.
    is_known = failure is not None and failure.outcome is not Outcome.CREDENTIAL_REFUSED
    reason = failure.reason.value if failure and is_known else Reason.REFUSED.value
    code = failure.code[:80] if failure else ""
    with transaction.atomic():
        found = TenantConsent.objects.select_for_update(of=("self",)).select_related("account").filter(pk=made.pk)
        current = found.first()
        if current is None or (current.answered_at and not current.reason) or current.reason == reason:
            return
        found.update(answered_at=now, reason=reason, code=code, trace_id="", attempts=0)
        if current.answered_at is None:  # anybody who holds the link may go on writing
            why = {"reason": reason, "code": code}
            audit.record(REFUSED, account=current.account, actor=None, on=current, now=now, after=why)


def _unused(account: Account, tenant_id: str) -> QuerySet[TenantConsent]:
    """Links that a new one makes void: not those whose answer is being proved."""
    found = TenantConsent.objects.filter(account=account, tenant_id=tenant_id, granted_at=None)
    return found.filter(Q(answered_at=None) | ~Q(reason="")).exclude(reason=REPLACED)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
