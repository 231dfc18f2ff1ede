"""Where a provider that speaks SAML sends answers to, and what it has to know of us.

An answer comes as a form from the provider's site, and so without our cookies (SameSite=Lax). It is put aside, sealed,
for as long as the browser needs to follow us to a page that it asks for with its cookies, and is judged there.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts import vault
from accounts.models import IdentityProvider, Protocol
from accounts.sign_in import guessing
from accounts.single_sign_on import arriving, saml, saml_answers, service_provider, trips
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.trips import Trip

ASIDE: Final = 120  # seconds
A_MINUTE: Final = 300  # answers of one address: a whole company may stand behind it
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_RELAYED: Final = 80  # bytes, as SAML limits it (Bindings §3.5.3)


@csrf_exempt  # the form is the provider's; who may have begun it is told by the session, at sso_finish
@require_POST
@never_cache
def sso_acs(request: HttpRequest, key: str) -> HttpResponse:
    provider = _provider(key)
    if _comes_too_often(request):
        return HttpResponse("Too many sign-ins from this address. Try again in a minute.", "text/plain", status=429)
    response = request.POST.get("SAMLResponse", "")
    if len(response) > saml_answers.LARGEST:
        response = ""  # judged as any other that makes no sense
    relayed = request.POST.get("RelayState", "")[:_RELAYED]
    handle = secrets.token_urlsafe(24)
    kept = vault.seal(json.dumps([provider.pk, relayed, response]), bound_to=_place(handle))
    cache.set(_place(handle), kept, ASIDE)
    there = f"{reverse('sso_finish', args=[provider.key])}?{urlencode({'answer': handle})}"
    return HttpResponse(status=303, headers={"Location": there})


@require_GET
@never_cache
def sso_finish(request: HttpRequest, key: str) -> HttpResponse:
    now, provider, checks = timezone.now(), _provider(key), Checks()
    relayed, response = _take(request.GET.get("answer", ""), provider)
    trip = trips.take(request, relayed, provider=provider.pk)
    try:
        on_the_way = _on_the_way(trip, checks, now=now)
        vouched = saml.receive(provider, on_the_way, response, checks, now=now)
    except Refused as refused:
        return arriving.refuse(request, provider, refused, trip=trip, checks=checks, now=now)
    return arriving.arrive(request, provider, on_the_way, vouched, checks, now=now)


@require_GET
def sso_metadata(request: HttpRequest, key: str) -> HttpResponse:
    """Public, as the metadata of every service provider is."""
    return HttpResponse(service_provider.metadata(_provider(key)), content_type="application/samlmetadata+xml")


def _provider(key: str) -> IdentityProvider:
    found = IdentityProvider.objects.select_related("account")
    return get_object_or_404(found, key=key, protocol=Protocol.SAML)


def _take(handle: str, provider: IdentityProvider) -> tuple[str, str]:
    """RelayState and response, once; ("", "") where there is nothing."""
    if _HANDLE.fullmatch(handle) is None:
        return "", ""
    sealed = cache.get(_place(handle))
    # Of two who come at once, one has deleted it.
    if sealed is None or not cache.delete(_place(handle)):
        return "", ""
    try:
        of_provider, relayed, response = json.loads(vault.open_sealed(sealed, bound_to=_place(handle)))
    except vault.CannotOpen:  # the keys were changed in between
        return "", ""
    return (relayed, response) if of_provider == provider.pk else ("", "")


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


def _comes_too_often(request: HttpRequest) -> bool:
    counter = f"single-sign-on:answers:{guessing.client_address(request)}"
    if cache.add(counter, 1, 60):
        return False
    try:
        return int(cache.incr(counter)) > A_MINUTE
    except ValueError:  # it has expired in between
        return False


def _place(handle: str) -> str:
    return f"single-sign-on:answer:{handle}"
