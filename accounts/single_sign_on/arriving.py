"""The one way in by single sign-on, whatever the protocol, and the one way out for what is refused."""

from __future__ import annotations

from datetime import datetime

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import openings
from accounts.models import IdentityProvider, SignInEntry, SignInOutcome, SingleSignOnIdentity, User
from accounts.sign_in import guessing
from accounts.single_sign_on import confirming, mapping, returning, settling
from accounts.single_sign_on import log as sign_in_log
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.deciding import Step
from accounts.single_sign_on.trips import Trip
from accounts.single_sign_on.vouched import Vouched

log = structlog.get_logger(__name__)

METHOD = "single_sign_on"  # among allauth's records of how somebody has shown who they are
_WOULD = {
    Step.ENTER: "{email} is known by this identity, and signs in.",
    Step.BIND: "{email} would sign in, and be known by this identity from then on: the domain is verified.",
    Step.JOIN: "{email} was invited, and would join.",
    Step.CREATE: "{email} is nobody here yet, and would be created: the domain is verified.",
    Step.ASK_PASSWORD: "{email} would be asked for the own password, once.",
}


def arrive(
    request: HttpRequest,
    provider: IdentityProvider,
    trip: Trip,
    vouched: Vouched,
    checks: Checks,
    *,
    now: datetime,
) -> HttpResponse:
    try:
        if trip.purpose == "test":
            return _tested(request, provider, trip, vouched, checks, now=now)
        if trip.purpose == "again":
            return _shown_again(request, provider, trip, vouched, now=now)
        return _sign_in(request, provider, trip, vouched, now=now)
    except Refused as refused:
        return refuse(request, provider, refused, trip=trip, checks=checks, now=now)


def refuse(
    request: HttpRequest,
    provider: IdentityProvider,
    refused: Refused,
    *,
    trip: Trip | None,
    checks: Checks,
    now: datetime,
) -> HttpResponse:
    """Write down why, and say it: to the person in words, to the admin exactly."""
    if trip is None and sign_in_log.is_full(provider.account, cause=refused.cause, now=now):
        log.warning("sign_in.unasked", provider=provider.pk, cause=refused.cause.value)
        messages.error(request, "That did not come from a sign-in that was begun here. Sign in again.")
        return redirect("account_login")
    is_test = trip is not None and trip.purpose == "test" and _may_test(request, provider)
    entry = _write(
        request,
        provider,
        SignInOutcome.TESTED if is_test else SignInOutcome.REFUSED,
        now=now,
        user=_whom(provider, refused),
        email=refused.email,
        cause=refused.cause,
        detail=refused.detail,
        checks=checks,
    )
    log.warning("sign_in.refused", provider=provider.pk, cause=refused.cause.value, reference=entry.reference)
    if is_test:
        return redirect("sign_in_test", pk=provider.pk, reference=entry.reference)
    return redirect("sso_trouble", reference=entry.reference)


def let_in(
    request: HttpRequest, provider: IdentityProvider, vouched: Vouched, user: User, *, going_to: str, now: datetime
) -> HttpResponse:
    """`user` is bound. The second factor is the provider's business, so no other step follows."""
    mapping.follow(provider, user, vouched, now=now)
    request.session.pop("account_login", None)  # what another sign-in has left half done
    user.backend = settings.AUTHENTICATION_BACKENDS[-1]
    # Django gives the session another name here, so that nobody knows it who knew it before.
    get_adapter(request).login(request, user)
    identity = SingleSignOnIdentity.objects.get(provider=provider, user=user)
    request.session["signed_in_by"] = {"provider": provider.pk, "identity": identity.pk}
    record_authentication(request, user, method=METHOD, provider=provider.key)
    _write(request, provider, SignInOutcome.SIGNED_IN, now=now, user=user, email=vouched.email)
    going_to = returning.ours(going_to)
    return redirect(_first(request, provider, vouched, user, going_to=going_to, now=now) or going_to)


def _sign_in(
    request: HttpRequest, provider: IdentityProvider, trip: Trip, vouched: Vouched, *, now: datetime
) -> HttpResponse:
    if not provider.is_on:
        raise Refused(Cause.TURNED_OFF, f"{provider} is not turned on.", email=vouched.email)
    if settling.look(provider, vouched).step is Step.ASK_PASSWORD:
        confirming.keep(request, provider, vouched, going_to=trip.going_to, now=now)
        return redirect("sso_confirm")
    user = settling.settle(provider, vouched, now=now)
    return let_in(request, provider, vouched, user, going_to=trip.going_to, now=now)


def _tested(
    request: HttpRequest,
    provider: IdentityProvider,
    trip: Trip,
    vouched: Vouched,
    checks: Checks,
    *,
    now: datetime,
) -> HttpResponse:
    """Nobody is signed in, and nothing is bound."""
    if not _may_test(request, provider):
        raise Refused(Cause.NOT_ASKED, "A test ended in the browser of somebody who may not test.")
    step = settling.look(provider, vouched).step
    if isinstance(step, Cause):
        why = settling.why_not(provider, vouched, step)
        raise checks.failed("Person", step, why.detail, email=vouched.email, subject=vouched.subject)
    checks.passed("Person", _WOULD[step].format(email=vouched.email))
    # Not of settings that were changed while it was on the way.
    if provider.changed_at.timestamp() <= trip.begun_at:
        same = IdentityProvider.objects.filter(pk=provider.pk, changed_at=provider.changed_at)
        same.update(tested_at=now)
    tester = User.objects.get(pk=request.user.pk)
    entry = _write(request, provider, SignInOutcome.TESTED, now=now, user=tester, email=vouched.email, checks=checks)
    return redirect("sign_in_test", pk=provider.pk, reference=entry.reference)


def _shown_again(
    request: HttpRequest, provider: IdentityProvider, trip: Trip, vouched: Vouched, *, now: datetime
) -> HttpResponse:
    found = settling.look(provider, vouched)
    bound = found.identity.user_id if found.identity else None
    if not request.user.is_authenticated or not provider.is_on or bound != request.user.pk:
        says = "Asked again who it is, the provider named somebody else than the person who is signed in."
        raise Refused(Cause.BOUND_TO_ANOTHER, says, email=vouched.email)
    settling.settle(provider, vouched, now=now)
    record_authentication(request, request.user, method=METHOD, provider=provider.key, reauthenticated=True)
    return redirect(returning.ours(trip.going_to))


def _first(
    request: HttpRequest, provider: IdentityProvider, vouched: Vouched, user: User, *, going_to: str, now: datetime
) -> str | None:
    by = openings.SignedInBy(
        protocol=vouched.protocol,
        provider=provider.pk,
        issuer=vouched.issuer,
        subject=vouched.subject,
        email=vouched.email,
        tenant=vouched.tenant,
    )
    for asks in openings.after_single_sign_on:
        try:
            address = asks(request, user, by=by, going_to=going_to, now=now)
        except Exception:
            log.error("single_sign_on.opening_failed", exc_info=True)
            continue
        if address:
            return address
    return None


def _may_test(request: HttpRequest, provider: IdentityProvider) -> bool:
    user = request.user
    return user.is_authenticated and user.is_account_admin and user.account_id == provider.account_id


def _whom(provider: IdentityProvider, refused: Refused) -> User | None:
    """The person of the account whom the line is about, if there is one."""
    if not refused.email or "\0" in refused.email:
        return None
    found: User | None = User.objects.of(provider.account).filter(email__iexact=refused.email).first()
    return found


def _write(
    request: HttpRequest,
    provider: IdentityProvider,
    outcome: SignInOutcome,
    *,
    now: datetime,
    user: User | None,
    email: str,
    cause: str = "",
    detail: str = "",
    checks: Checks | None = None,
) -> SignInEntry:
    return sign_in_log.record(
        provider.account,
        method=provider.protocol,
        outcome=outcome,
        now=now,
        provider=provider,
        user=user,
        email=email,
        cause=cause,
        detail=detail,
        checks=checks.made if checks else (),
        ip_address=guessing.client_address(request),
    )
