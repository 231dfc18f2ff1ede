"""/{tenant}/oauth2/v2.0/logout. Refresh tokens outlive it: it ends the session of this browser alone."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from integrations.simulator.control import seen
from integrations.simulator.entra import pages, returning, sessions
from integrations.simulator.entra.errand import is_registered
from integrations.simulator.models import Application


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_exempt
def logout(request: HttpRequest, segment: str) -> HttpResponse:
    """Back to the application only where its registration allows: this must not become an open redirect."""
    sent = request.POST if request.method == "POST" else request.GET
    back = str(sent.get("post_logout_redirect_uri", ""))
    session = sessions.current(request, now=timezone.now())
    is_known = bool(back) and any(is_registered(back, app) for app in Application.objects.all())
    response = returning.redirect(_with_state(back, sent.get("state"))) if is_known else pages.signed_out(request)
    sessions.end(request, response)
    seen.explain(request, why=_why(back, is_known=is_known), who=session.person.sign_in_name if session else "")
    return response


def _with_state(back: str, state: str | None) -> str:
    """OpenID Connect RP-initiated logout §3: the state comes back."""
    if state is None:
        return back
    return f"{back}{'&' if '?' in back else '?'}{urlencode({'state': state})}"


def _why(back: str, *, is_known: bool) -> str:
    if back and not is_known:
        return "Signed out; the address to go back to is registered for no application."
    return "Signed out of this browser; refresh tokens live on."
