"""Who guesses passwords is slowed down; whose password is guessed is not.

Failures are counted in the cache, for a quarter of an hour since the last: per person, over all browsers in which
that person has never signed in, and per address over all persons. A browser in which the person has signed in
before carries a cookie that says so, and is counted by itself alone: a stranger can lock out strangers only (OWASP,
*Slow Down Online Guessing Attacks with Device Cookies*).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from allauth.core.internal.ratelimit import truncate_ip
from axes.handlers.base import AbstractAxesHandler, AxesBaseHandler
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac

from accounts.models import User

PER_PERSON = settings.AXES_FAILURE_LIMIT
PER_ADDRESS = 50
COOKIE_LASTS = 180 * 24 * 60 * 60  # seconds
PEOPLE_OF_A_BROWSER = 5
_SALT = "accounts.known_browser"
_SIGNED_IN = "_known_browser_of"


@dataclass(frozen=True)
class Counter:
    key: str
    limit: int


class Guesses(AbstractAxesHandler, AxesBaseHandler):  # type: ignore[misc]  # axes ships no types
    """django-axes' handler: asked before each password is looked at, and told how that ended. It finds this class by
    the setting AXES_HANDLER."""

    def is_locked(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> bool:
        counters = counters_of(request, username(request, credentials))
        found = cache.get_many([counter.key for counter in counters])
        return any(found.get(counter.key, 0) >= counter.limit for counter in counters)

    def get_failures(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        keys = [counter.key for counter in counters_of(request, username(request, credentials))]
        return int(max([0, *cache.get_many(keys).values()]))

    def user_login_failed(
        self, sender: Any, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any
    ) -> None:
        if request is None:
            return
        if self.is_locked(request, credentials):  # the password was not looked at, and it lasts no longer for it
            request.axes_locked_out = True  # type: ignore[attr-defined]  # the name that axes gives it
            return
        for counter in counters_of(request, username(request, credentials)):
            if not cache.add(counter.key, 1, settings.AXES_COOLOFF_TIME.total_seconds()):
                _count(counter.key)

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
        """Own failures of a known browser are forgotten. What strangers have tried is not: else whoever guesses would
        wait for the person to sign in."""
        device = _device(request, user.email)
        if device:
            cache.delete(_of_device(device).key)

    def user_logged_out(self, sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
        pass


def counters_of(request: HttpRequest, email: str) -> list[Counter]:
    device = _device(request, email)
    if device:
        return [_of_device(device)]
    counters = [Counter(_key("address", truncate_ip(client_address(request) or "unknown")), PER_ADDRESS)]
    return [Counter(_key("person", email), PER_PERSON), *counters] if email else counters


def username(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The setting AXES_USERNAME_CALLABLE."""
    found = credentials or {}
    return str(found.get("email") or found.get("username") or "").strip().lower()


def client_address(request: HttpRequest) -> str | None:
    """The setting AXES_CLIENT_IP_CALLABLE. Behind a proxy, what the proxy itself has appended."""
    passed_on = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if settings.BEHIND_PROXY and passed_on:
        return str(passed_on[-1])
    return request.META.get("REMOTE_ADDR")


def as_it_is(request: HttpRequest, response: HttpResponseBase, *_: Any) -> HttpResponseBase:
    """The setting AXES_LOCKOUT_CALLABLE: the form says it, and keeps what was typed."""
    return response


class KnownBrowsers:
    """Gives a browser in which somebody has just signed in the cookie that says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        email = getattr(request, _SIGNED_IN, "")
        if email:
            response.set_cookie(
                settings.KNOWN_BROWSER_COOKIE_NAME,
                signing.dumps(_with(_known(request), email), salt=_SALT),
                max_age=COOKIE_LASTS,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


@receiver(user_logged_in, dispatch_uid="accounts.known_browser")
def _remember(request: HttpRequest, user: User, **_: Any) -> None:
    setattr(request, _SIGNED_IN, user.email)


def _device(request: HttpRequest, email: str) -> str:
    return _known(request).get(_digest(email), "")


def _known(request: HttpRequest) -> dict[str, str]:
    """Of the people who have signed in in this browser: a random word for each, by a digest of the address."""
    cookie = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
    try:
        found = signing.loads(cookie, salt=_SALT, max_age=COOKIE_LASTS)
    except signing.BadSignature:
        return {}
    return found if isinstance(found, dict) else {}


def _with(known: dict[str, str], email: str) -> dict[str, str]:
    mine = _digest(email)
    others = [pair for pair in known.items() if pair[0] != mine][-(PEOPLE_OF_A_BROWSER - 1) :]
    return {**dict(others), mine: known.get(mine) or secrets.token_urlsafe(16)}


def _digest(email: str) -> str:
    return salted_hmac(_SALT, email.strip().lower(), algorithm="sha256").hexdigest()[:32]


def _of_device(device: str) -> Counter:
    return Counter(_key("browser", device), PER_PERSON)


def _key(kind: str, of: str) -> str:
    return f"guesses:{kind}:{hashlib.sha256(of.encode()).hexdigest()}"


def _count(key: str) -> None:
    try:
        cache.incr(key)
        cache.touch(key, settings.AXES_COOLOFF_TIME.total_seconds())
    except ValueError:  # forgotten between the question and the count
        cache.add(key, 1, settings.AXES_COOLOFF_TIME.total_seconds())
