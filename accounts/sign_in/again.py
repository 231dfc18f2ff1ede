"""Whoever changes how people sign in has shown within the last quarter of an hour that it is them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from accounts.sign_in import idle

P = ParamSpec("P")
R = TypeVar("R", bound=HttpRequest)


def required(
    view: Callable[Concatenate[R, P], HttpResponseBase],
) -> Callable[Concatenate[R, P], HttpResponseBase]:
    """For every page of such a change, and for what it sends: who is kept up comes back to the page, and sends it
    again."""

    @wraps(view)
    def guarded(request: R, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if has_shown(request, now=timezone.now()):
            return view(request, *args, **kwargs)
        return _ask(request)

    return guarded


def has_shown(request: HttpRequest, *, now: datetime) -> bool:
    """By signing in, or by a password, a code or the identity provider since."""
    since = now.timestamp() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    shown = [float(record.get("at", 0.0)) for record in get_authentication_records(request, request.user)]
    return max([*shown, idle.began_at(request.session)]) > since


def _ask(request: HttpRequest) -> HttpResponse:
    address = f"{reverse('account_reauthenticate')}?{urlencode({'next': _page_of(request)})}"
    return HttpResponseClientRedirect(address) if getattr(request, "htmx", None) else redirect(address)


def _page_of(request: HttpRequest) -> str:
    """Where to come back to: of what was sent, the page it was sent from, since the address may take nothing else."""
    if request.method in ("GET", "HEAD") and not getattr(request, "htmx", None):
        return request.get_full_path()
    came_from = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(came_from, {request.get_host()}):
        return request.get_full_path()
    parts = urlsplit(came_from)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
