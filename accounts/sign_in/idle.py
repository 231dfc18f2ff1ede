"""How long a session lasts: a working day, whatever happens in it, and not through an hour in which nobody was there.

Both moments stand in the session itself. What a page asks for by itself, to show how far something is, keeps nobody
signed in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

BEGAN_AT = "began_at"
ACTIVE_AT = "active_at"
# Sent by static/portal.js with what no person has asked for.
BACKGROUND = "X-Background"
WRITES_AFTER = 60.0  # seconds; a session is a row, and need not be written for every page

_DAY_IS_OVER = "You were signed out: after twelve hours everybody signs in anew."
_NOBODY_THERE = "You were signed out, because nobody did anything here for a while."


class LimitedSessions:
    """Signs out whoever is over a limit, before the page is made: a page that needs somebody leads to sign-in then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            self._look(request, timezone.now())
        return self.get_response(request)

    def _look(self, request: HttpRequest, now: datetime) -> None:
        over = _why_over(request.session, now)
        if over:
            logout(request)
            messages.warning(request, over)
        elif not _is_by_itself(request):
            _note_activity(request.session, now)


def began_at(session: Any) -> float:
    """When the person of this session signed in, in seconds since 1970; 0 where it is unknown."""
    return float(session.get(BEGAN_AT, 0.0))


@receiver(user_logged_in, dispatch_uid="accounts.session_began")
def _begin(request: HttpRequest, **_: Any) -> None:
    at = timezone.now().timestamp()
    request.session[BEGAN_AT] = request.session[ACTIVE_AT] = at


def _why_over(session: Any, now: datetime) -> str:
    at = now.timestamp()
    if at >= session.get(BEGAN_AT, at) + settings.SESSION_COOKIE_AGE:
        return _DAY_IS_OVER
    if at >= session.get(ACTIVE_AT, at) + settings.SESSION_IDLE_MINUTES * 60:
        return _NOBODY_THERE
    return ""


def _is_by_itself(request: HttpRequest) -> bool:
    return request.headers.get(BACKGROUND) == "true"


def _note_activity(session: Any, now: datetime) -> None:
    at = now.timestamp()
    if BEGAN_AT not in session:  # begun before there was a limit
        session[BEGAN_AT] = at
    if at >= session.get(ACTIVE_AT, 0.0) + WRITES_AFTER:
        session[ACTIVE_AT] = at
