"""/{tenant}/saml2: who is it, and may they; then the assertion. Nobody is asked for consent: an administrator has put
the application there."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from integrations.simulator.control import seen
from integrations.simulator.entra import gates, pages, sessions
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.saml import asked, messages, saying
from integrations.simulator.entra.saml.asked import SamlAsked
from integrations.simulator.entra.visiting import visit
from integrations.simulator.models import BrowserSession


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def saml2(request: HttpRequest, segment: str) -> HttpResponse:
    """A POST is the same request in the other binding; it changes nothing here."""
    return _turn(request) if request.method == "POST" else _begin(request, segment)


def _turn(request: HttpRequest) -> HttpResponse:
    sent = {name: str(value) for name, value in request.POST.items() if name in asked.PARAMETERS}
    try:
        sent["SAMLRequest"] = messages.deflate(sent.get("SAMLRequest", ""))
    except Refused as refused:
        seen.explain(request, why=refused.why, code=refused.code)
        return pages.refusal(request, refused)
    return HttpResponseRedirect(f"{request.path}?{urlencode(sent)}")


@visit(asked.reply, asked.read)
def _begin(request: HttpRequest, wanted: SamlAsked) -> HttpResponse:
    now = timezone.now()
    session = sessions.current(request, now=now)
    if wanted.question.is_passive:
        return _silently(request, wanted, session, now=now)
    step = request.GET.get("step")
    if step == "pick":
        return pages.pick(request, wanted, session)
    if step == "password":
        return pages.password(request, wanted, name=wanted.login_hint)
    if wanted.question.force_authn:
        name = session.person.sign_in_name if session and wanted.suits(session.person) else wanted.login_hint
        return pages.password(request, wanted, name=name)
    if session and wanted.suits(session.person):
        return onward(request, wanted, session, now=now)
    if wanted.login_hint:
        return pages.password(request, wanted, name=wanted.login_hint)
    return pages.pick(request, wanted, session)


def onward(request: HttpRequest, wanted: SamlAsked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    """Signed in: past the organization's rules, to the answer."""
    seen.explain(request, who=session.person.sign_in_name, tenant=session.person.tenant.name)
    return gates.stop(request, wanted, session) or _answer(request, wanted, session, now=now)


def _silently(
    request: HttpRequest, wanted: SamlAsked, session: BrowserSession | None, *, now: datetime
) -> HttpResponse:
    if session is None or not wanted.suits(session.person) or wanted.question.force_authn:
        raise Refused(50058)
    gates.check(session, wanted)
    return _answer(request, wanted, session, now=now)


def _answer(request: HttpRequest, wanted: SamlAsked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    seen.explain(request, why=f"{session.person.name} is signed in: an assertion for {wanted.application.name}.")
    return pages.send_form(request, wanted.reply, wanted.reply.carry(saying.assertion(wanted.reply, session, now=now)))
