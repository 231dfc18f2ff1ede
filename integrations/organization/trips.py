"""The way of an Office 365 admin to Microsoft and back, by which an organization is linked to an account.

    begin()     an admin of the account wants it, for one of its verified domains
    send()      a browser sets out: theirs, or that of whoever opened the link that was handed on
    (answers)   Microsoft's answers are written down: the consent, then the sign-in; neither is believed
    (proof)     a worker asks Microsoft itself; then the link is made, and the settings are saved

The admin at Microsoft need not be anybody in the portal: what counts in the meantime is the browser that set out. Who
declines, or signs in as somebody else, may try again until it expires.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import audit, claims, domains, outbound, reviewing, vault
from accounts.models import Account, PendingChange, User
from integrations.microsoft import identity, tenants
from integrations.models import LinkRequest, LinkStep, TenantLink
from integrations.organization import endings, resources, whose
from integrations.organization.endings import Ending
from integrations.preferences import Api

BEGUN = audit.declare("organization.authorization_begun", "{actor} began {target}.")
HANDED_ON = audit.declare("organization.authorization_handed_on", "{actor} made a link for {target}.")
STOPPED = audit.declare("organization.authorization_stopped", "{actor} cancelled {target}.")
REFUSED = audit.declare(
    "organization.authorization_refused", "Nothing came of {target}.", say={"reason": endings.in_words}
)

LASTS = timedelta(hours=1)
HANDED_ON_LASTS = timedelta(days=7)
KEEP = timedelta(days=30)
FORSAKE = timedelta(days=1)  # after Microsoft's answer: what fails in ways nobody foresaw is not tried for ever
PATIENCE = timedelta(seconds=5)  # of a page; only the first trip of a process asks Microsoft anything
# Tells Microsoft's answers to these from all others.
PREFIX = "organization."
# As long as nobody has come back with all that is asked for, a browser may set out, and set out again.
OPEN = (LinkStep.MADE, LinkStep.SENT, LinkStep.CONSENTED)
_SECRETS_GONE = {"flow": "", "answer": "", "state_digest": "", "browser_digest": ""}


class CannotBegin(Exception):
    """The sentence says why."""


class UnderWay(CannotBegin):
    """Microsoft has answered another one for the same organization, and it is being proved."""

    def __init__(self, request: LinkRequest) -> None:
        super().__init__("Microsoft has answered already; Meridian is checking the answer.")
        self.request = request


class Overtaken(Exception):
    """It is no longer as it was read: ended, sent again, or in other hands."""


def begin(
    account: Account,
    *,
    domain: str,
    by: User,
    now: datetime,
    api: Api = Api.GRAPH,
    change: PendingChange | None = None,
    confirmed: Mapping[str, Any] | None = None,
    is_handed_on: bool = False,
) -> LinkRequest:
    """For the organization at Microsoft whose domain it is, and by this API; one that was begun before is void.

    `change` is confirmed at the end, as its sheet was when the button was pressed (`confirmed`). Raises CannotBegin.
    """
    tenant_id = _tenant_of(account, domain)
    word = secrets.token_urlsafe(32) if is_handed_on else ""
    lasts = HANDED_ON_LASTS if is_handed_on else LASTS
    request = LinkRequest(
        id=uuid.uuid4(),
        account=account,
        by=by,
        change=change,
        confirmed={**(confirmed or {}), **_as_json(change)},
        tenant_id=tenant_id,
        api=api.value,
        domain=domain,
        handed_on_digest=digest(word) if word else "",
        created_at=now,
        expires_at=now + lasts,
    )
    if word:
        request.flow = sealed(request, "flow", {"word": word})
    with transaction.atomic():
        claims.account(account.pk)
        if not claims.may(by, account):
            raise CannotBegin("Only an owner or an admin of the account may authorize Application Permissions.")
        same = LinkRequest.objects.filter(account=account, tenant_id=tenant_id, api=api.value, ended_at=None)
        if proving := same.exclude(step__in=OPEN).first():
            raise UnderWay(proving)
        _supersede(list(same), by=by, now=now)
        if change is not None and not reviewing.keep(change, by=by, until=request.expires_at, now=now):
            raise CannotBegin("This change is no longer waiting to be confirmed. Make it again.")
        request.save()
        audit.record(HANDED_ON if word else BEGUN, account=account, actor=by, on=request, now=now)
    return request


def send(request: LinkRequest, *, browser: str, now: datetime) -> str:
    """Where a browser goes to consent. Whichever set out before is void. Raises Overtaken, Unreachable."""
    state, back = _new_state(), settings.PUBLIC_URL + reverse("microsoft_callback")
    with outbound.deadline(PATIENCE):
        flow = identity.begin_sign_in(request.tenant_id, redirect_uri=back, state=_new_state())
        address = tenants.application_consent_address(
            request.tenant_id, resource=resources.of(request.api), redirect_uri=back, state=state
        )
    kept = {"flow": flow, "sent_at": now.isoformat(), "word": word_of(request)}
    found = LinkRequest.objects.filter(pk=request.pk, step__in=OPEN, ended_at=None, expires_at__gt=now)
    if not found.update(
        step=LinkStep.SENT,
        flow=sealed(request, "flow", kept),
        answer="",
        answered_at=None,
        state_digest=digest(state),
        browser_digest=digest(browser),
    ):
        raise Overtaken
    return address


def stop(request: LinkRequest, *, actor: User, now: datetime) -> bool:
    """Whatever comes back afterwards changes nothing. False: it had ended, or the organization is linked already."""
    with transaction.atomic():
        open_ones = LinkRequest.objects.filter(pk=request.pk, ended_at=None, link=None)
        gone = {**_SECRETS_GONE, "claimed_until": None, "not_before": None}
        if not open_ones.update(step=LinkStep.FAILED, reason=Ending.STOPPED, code="", ended_at=now, **gone):
            return False
        audit.record(STOPPED, account=request.account, actor=actor, on=request, now=now)
    return True


def refuse(
    request: LinkRequest, reason: str, *, code: str = "", trace_id: str = "", attempts: int = 0, now: datetime
) -> bool:
    """Nothing came of it this time: it may be tried again, but for what can come to nothing any more. Compared with
    how it was read. False: it was overtaken."""
    is_final = reason in endings.FINAL
    with transaction.atomic():
        as_read = LinkRequest.objects.filter(pk=request.pk, step=request.step, state_digest=request.state_digest)
        if not as_read.filter(ended_at=None).update(
            step=LinkStep.FAILED if is_final else LinkStep.MADE,
            ended_at=now if is_final else None,
            reason=reason,
            code=code[:80],
            trace_id=trace_id[:80],
            attempts=min(attempts, 1000),
            answered_at=None,
            claimed_until=None,
            not_before=None,
            **{**_SECRETS_GONE, "flow": "" if is_final else _word_alone(request)},
        ):
            return False
        # Whoever holds the link may go on coming back with refusals: the log tells of the first.
        if is_final or not request.reason or attempts:
            why = {"reason": reason, "code": code[:80]}
            audit.record(REFUSED, account=request.account, actor=None, on=request, now=now, after=why)
    return True


def advance(request: LinkRequest, step: LinkStep, **more: object) -> None:
    """Raises Overtaken where the request is no longer as it was read."""
    as_read = LinkRequest.objects.filter(pk=request.pk, step=request.step, state_digest=request.state_digest)
    if not as_read.filter(ended_at=None).update(step=step, **more):
        raise Overtaken
    request.step = step
    for name, value in more.items():
        setattr(request, name, value)


def by_word(word: str) -> LinkRequest | None:
    """Of a link that was handed on, whatever has become of it."""
    if not word:
        return None
    found = LinkRequest.objects.filter(handed_on_digest=digest(word))
    return found.select_related("account", "by", "link").first()


def may_set_out(request: LinkRequest, *, now: datetime) -> bool:
    """Can it still be gone, and may whoever began it still have it gone?"""
    is_open = request.step in OPEN and request.ended_at is None and request.expires_at > now
    return is_open and claims.may(request.by, request.account)


def word_of(request: LinkRequest) -> str:
    """What stands in the link that is handed on; "" where none was made, or it can no longer be used."""
    if not request.handed_on_digest or not request.flow:
        return ""
    try:
        return str(opened(request, "flow").get("word", ""))
    except vault.CannotOpen:
        return ""


def to_prove(*, now: datetime) -> list[uuid.UUID]:
    """Answered, and in nobody's hands: nudges get lost and workers die."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    ripe = Q(not_before=None) | Q(not_before__lte=now)
    found = LinkRequest.objects.filter(free, ripe, answered_at__isnull=False, ended_at=None)
    return list(found.order_by("answered_at").values_list("pk", flat=True)[:100])


def forget_old(*, now: datetime) -> int:
    """End what nobody finished, and delete what ended long ago."""
    late = LinkRequest.objects.filter(step__in=OPEN, ended_at=None, expires_at__lte=now)
    late.update(step=LinkStep.FAILED, reason=Ending.EXPIRED, ended_at=now, **_SECRETS_GONE)
    count, _ = LinkRequest.objects.filter(ended_at__lte=now - KEEP).delete()
    return count


def new_browser_secret() -> str:
    return secrets.token_urlsafe(32)


def sealed(request: LinkRequest, column: str, content: Mapping[str, Any]) -> str:
    return vault.seal(json.dumps(content), bound_to=vault.place_of(request, column))


def opened(request: LinkRequest, column: str) -> dict[str, Any]:
    """Raises `vault.CannotOpen`."""
    place = vault.place_of(request, column)
    found: dict[str, Any] = json.loads(vault.open_sealed(getattr(request, column), bound_to=place))
    return found


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _supersede(before: Sequence[LinkRequest], *, by: User, now: datetime) -> None:
    """They may be a colleague's, and handed on: the log says who began anew."""
    for one in before:
        LinkRequest.objects.filter(pk=one.pk).update(
            step=LinkStep.FAILED, reason=Ending.SUPERSEDED, ended_at=now, **_SECRETS_GONE
        )
        why = {"reason": Ending.SUPERSEDED}
        audit.record(REFUSED, account=one.account, actor=by, on=one, now=now, after=why)


def _new_state() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _tenant_of(account: Account, domain: str) -> str:
    """Of a verified domain of the account, as Microsoft said lately or as it is linked. Raises CannotBegin."""
    if domain not in domains.verified(account):
        raise CannotBegin("The domain is not a verified associated domain of this account.")
    (told,) = whose.known([domain])
    if told.tenant_id:
        return told.tenant_id
    linked = TenantLink.objects.filter(account=account, ended_at=None)
    found = next((link.tenant_id for link in linked if domain in link.domains), "")
    if found:
        return found
    if told.tenant_id is None:
        raise CannotBegin("Microsoft has not said yet which organization the domain belongs to. Try again in a moment.")
    raise CannotBegin("Microsoft knows no organization of this domain.")


def _as_json(change: PendingChange | None) -> dict[str, Any]:
    """Enough to propose it again, should it be gone at the end."""
    return {"change": change.change, "back": change.back} if change else {}


def _word_alone(request: LinkRequest) -> str:
    word = word_of(request)
    return sealed(request, "flow", {"word": word}) if word else ""
