"""What holds for every request of somebody who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class SignedInAndOwnClock:
    """Shows times in the person's own zone, and keeps private pages out of every cache."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _whole_page_if_sent_to_sign_in(request, self.get_response(request))
        with timezone.override(zone_of(request.user.time_zone)):
            response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response["Cache-Control"] = "private, no-store"
        return response


def zone_of(name: str) -> ZoneInfo:
    """UTC where the name means nothing: a page with another clock is better than none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a key at all; a directory of the zone files
        return ZoneInfo("UTC")


def _whole_page_if_sent_to_sign_in(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """A fragment asked for after the session ended must not show the sign-in page inside the page."""
    details = getattr(request, "htmx", None)
    sign_in = resolve_url(settings.LOGIN_URL)
    if not details or not response.get("Location", "").startswith(sign_in):
        return response
    try:
        back = details.current_url_abs_path
    except ValueError:  # no address at all, such as "http://[::1"
        back = None
    return HttpResponseClientRedirect(redirect_to_login(back or resolve_url(settings.LOGIN_REDIRECT_URL)).url)
