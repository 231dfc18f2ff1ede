"""Where an OpenID provider sends the browser back to."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import IdentityProvider, Protocol
from accounts.single_sign_on import arriving, openid_connect, trips
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.trips import Trip


@require_GET
@never_cache
def sso_callback(request: HttpRequest, key: str) -> HttpResponse:
    now = timezone.now()
    found = IdentityProvider.objects.select_related("account")
    provider = get_object_or_404(found, key=key, protocol=Protocol.OPENID_CONNECT)
    trip, checks = trips.take(request, request.GET.get("state", ""), provider=provider.pk), Checks()
    try:
        on_the_way = _on_the_way(trip, checks, now=now)
        answer = _answer(request, checks)
        vouched = openid_connect.receive(provider, on_the_way, answer, checks, now=now)
    except Refused as refused:
        return arriving.refuse(request, provider, refused, trip=trip, checks=checks, now=now)
    return arriving.arrive(request, provider, on_the_way, vouched, checks, now=now)


def _on_the_way(trip: Trip | None, checks: Checks, *, now: datetime) -> Trip:
    if trip is None:
        says = "The answer is not to a question of this browser, or it came a second time."
        raise checks.failed("Question", Cause.NOT_ASKED, says)
    if trips.is_too_late(trip, now=now):
        minutes = int((now.timestamp() - trip.begun_at) // 60)
        says = f"The answer came {minutes} minutes after the question; {trips.LASTS.seconds // 60} are allowed."
        raise checks.failed("Question", Cause.TOO_LATE, says)
    checks.passed("Question", "The answer is to a question of this browser.")
    return trip


def _answer(request: HttpRequest, checks: Checks) -> dict[str, str]:
    """Nothing may come twice (RFC 6749 §3.1): which one counts would be a guess."""
    if any(len(values) > 1 for _, values in request.GET.lists()):
        raise checks.failed("Answer", Cause.MALFORMED, "Something stands twice in the answer.")
    return request.GET.dict()
