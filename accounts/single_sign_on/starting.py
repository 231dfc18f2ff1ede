"""The way to the identity provider.

No other site can begin it for somebody: it could sign them in as somebody of its own choosing (login CSRF, RFC 6749
§10.12). So each link of ours carries a word that this browser's session knows, once; without it people are asked.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.models import IdentityProvider, Protocol
from accounts.single_sign_on import arriving, returning, trips
from accounts.single_sign_on.causes import Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.trips import Purpose

# Loaded with the first trip: the libraries for SAML are large.
PROTOCOLS = {
    Protocol.OPENID_CONNECT: "accounts.single_sign_on.openid_connect",
    Protocol.SAML: "accounts.single_sign_on.saml",
}
_WORDS = "single_sign_on_links"
_AT_ONCE = 5  # tabs of one browser


def link(
    request: HttpRequest, provider: IdentityProvider, *, going_to: str, email: str = "", purpose: Purpose = "sign_in"
) -> str:
    """The address, good for one trip of this browser."""
    word = secrets.token_urlsafe(16)
    others = list(request.session.get(_WORDS, {}).items())[-(_AT_ONCE - 1) :]
    mine = {"provider": provider.pk, "going_to": returning.ours(going_to), "email": email, "purpose": purpose}
    request.session[_WORDS] = {**dict(others), word: mine}
    return f"{reverse('sso_start', args=[provider.key])}?{urlencode({'go': word})}"


def take(request: HttpRequest, provider: IdentityProvider, word: str) -> dict[str, Any] | None:
    """What a link of ours was made for; None: it is none, or was used."""
    kept = dict(request.session.get(_WORDS, {}))
    found = kept.pop(word, None)
    if found is None or found["provider"] != provider.pk:
        return None
    request.session[_WORDS] = kept
    return dict(found)


def go(
    request: HttpRequest,
    provider: IdentityProvider,
    *,
    going_to: str,
    now: datetime,
    purpose: Purpose = "sign_in",
    email: str = "",
) -> HttpResponse:
    """To the provider. Not as the answer to a form of ours: browsers would not follow (`form-action`)."""
    trip = trips.begin(request, provider.pk, purpose=purpose, going_to=returning.ours(going_to), email=email, now=now)
    protocol = import_module(PROTOCOLS[Protocol(provider.protocol)])
    try:
        return HttpResponseRedirect(protocol.begin(provider, trip, now=now))
    except Refused as refused:
        return arriving.refuse(request, provider, refused, trip=trip, checks=Checks(), now=now)
