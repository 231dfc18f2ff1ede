"""Microsoft's two answers to an authorization, by way of a browser: the consent, then the sign-in. They are written
down and not believed.

Whoever brings them need not be anybody in the portal. What counts is the browser that set out, a `state` that nobody
else knows and that is good once, and the order. What is forged, replayed, late, of another browser or of another
organization changes nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import reviewing, vault
from integrations import failures
from integrations.failures import Outcome, Reason
from integrations.models import LinkRequest, LinkStep
from integrations.organization import trips
from integrations.organization.endings import Ending
from integrations.organization.trips import Overtaken

ROUND = timedelta(hours=1)  # so long may a browser stay at Microsoft
LONGEST_STATE = 100


class NotOurs(Exception):
    """It belongs to no authorization that is under way in this browser."""


@dataclass(frozen=True)
class Came:
    """`onward`: Microsoft's address where the browser goes next; "" where the page of the authorization is next."""

    request: LinkRequest
    onward: str = ""


def belongs(answer: Mapping[str, str]) -> bool:
    """Is it an answer to an authorization by an Office 365 admin? Says nothing of whether it is genuine."""
    return answer.get("state", "").startswith(trips.PREFIX)


def record(answer: Mapping[str, str], *, browser: str, now: datetime) -> Came:
    """Write it down, once. Raises NotOurs; then nothing has changed."""
    request, kept = _under_way(answer, browser=browser, now=now)
    try:
        if answer.get("error"):  # first: a success mark may stand beside it
            _refused(request, answer, now=now)
            return Came(request)
        if request.step == LinkStep.SENT:
            return _consented(request, answer, kept, now=now)
        return _signed_in(request, answer, now=now)
    except Overtaken:
        raise NotOurs from None


def _under_way(answer: Mapping[str, str], *, browser: str, now: datetime) -> tuple[LinkRequest, dict[str, Any]]:
    state = answer.get("state", "")[:LONGEST_STATE]
    found = LinkRequest.objects.filter(
        state_digest=trips.digest(state), step__in=(LinkStep.SENT, LinkStep.CONSENTED), ended_at=None
    )
    request = found.select_related("account", "by").filter(expires_at__gt=now).first()
    if request is None or not browser or not hmac.compare_digest(request.browser_digest, trips.digest(browser)):
        raise NotOurs
    try:
        kept = trips.opened(request, "flow")
        is_late = now - datetime.fromisoformat(kept["sent_at"]) > ROUND
    except (vault.CannotOpen, KeyError, ValueError) as problem:
        raise NotOurs from problem
    if is_late:
        raise NotOurs
    return request, kept


def _consented(request: LinkRequest, answer: Mapping[str, str], kept: dict[str, Any], *, now: datetime) -> Came:
    if answer.get("admin_consent", "").lower() != "true":
        raise NotOurs
    if answer.get("tenant", "").strip().lower() != request.tenant_id.lower():
        trips.refuse(request, Ending.ANOTHER_TENANT, now=now)
        return Came(request)
    flow = kept["flow"]
    trips.advance(request, LinkStep.CONSENTED, state_digest=trips.digest(flow["state"]))
    return Came(request, onward=str(flow["auth_uri"]))


def _signed_in(request: LinkRequest, answer: Mapping[str, str], *, now: datetime) -> Came:
    if not answer.get("code"):
        raise NotOurs
    kept = trips.sealed(request, "answer", dict(answer))
    clean = {"reason": "", "code": "", "trace_id": "", "attempts": 0, "claimed_until": None, "not_before": None}
    with transaction.atomic():
        # Its state is good no more; the word of a link that was handed on neither.
        trips.advance(request, LinkStep.ANSWERED, answer=kept, answered_at=now, state_digest="", **clean)
        # However long the proof takes, what is saved at its end waits as long.
        if request.change is not None:
            reviewing.keep(request.change, by=request.by, until=now + trips.FORSAKE, now=now)
    return Came(request)


def _refused(request: LinkRequest, answer: Mapping[str, str], *, now: datetime) -> None:
    # `permission_denied` is what the documentation calls it.
    told = {**answer, "error": "access_denied"} if answer["error"] == "permission_denied" else answer
    failure = failures.of_redirect(told)
    # What a browser brings is no word about our own credential.
    is_known = failure is not None and failure.outcome is not Outcome.CREDENTIAL_REFUSED
    reason = failure.reason if failure and is_known else Reason.REFUSED
    code, trace_id = (failure.code, failure.trace_id) if failure else ("", "")
    if not trips.refuse(request, reason.value, code=code, trace_id=trace_id, now=now):
        raise NotOurs
