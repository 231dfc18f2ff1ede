"""/{tenant}/oauth2/v2.0/authorize: who is it, may they, do they agree; then the answer."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from integrations.simulator import place
from integrations.simulator.control import seen
from integrations.simulator.entra import (
    approvals,
    asked,
    claims,
    codes,
    consent_pages,
    consenting,
    gates,
    grants,
    pages,
    particulars,
    returning,
    sessions,
)
from integrations.simulator.entra.asked import Asked
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.visiting import visit
from integrations.simulator.models import BrowserSession


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest, segment: str) -> HttpResponse:
    """A POST is the same request with its parameters in the body; it changes nothing here."""
    if request.method == "POST":
        return HttpResponseRedirect(f"{request.path}?{request.POST.urlencode()}")
    return _begin(request, segment)


@visit(asked.reply, asked.read)
def _begin(request: HttpRequest, wanted: Asked) -> HttpResponse:
    now = timezone.now()
    session = sessions.current(request, now=now)
    if wanted.prompt == "none":
        return _silently(request, wanted, session, now=now)
    step = request.GET.get("step")
    if step == "pick" or (wanted.prompt in ("select_account", "create") and step != "password"):
        return pages.pick(request, wanted, session)
    if step == "password" or wanted.prompt == "login":
        return pages.password(request, wanted, name=wanted.login_hint)
    if session and wanted.suits(session.person):
        if wanted.is_too_old(session, now=now):
            return pages.password(request, wanted, name=session.person.sign_in_name)
        return onward(request, wanted, session, now=now)
    if wanted.login_hint:
        return pages.password(request, wanted, name=wanted.login_hint)
    return pages.pick(request, wanted, session)


@require_POST
@visit(asked.reply, asked.read)
def consent(request: HttpRequest, wanted: Asked) -> HttpResponse:
    """What the person said to the consent page, or to the one that sends them to an administrator."""
    now = timezone.now()
    session = sessions.current(request, now=now)
    said = request.POST.get("answer")
    if said == "cancel":
        return returning.refuse(request, wanted.reply, Refused(65004))
    # The page was made for one person; another tab may have signed in somebody else since.
    if session is None or not wanted.holds(session.person) or str(session.person.oid) != request.POST.get("person"):
        return pages.pick(request, wanted, session)
    stopped = gates.stop(request, wanted, session)
    if stopped:
        return stopped
    if said == "return":
        return returning.cancel(request, wanted.reply, _needs_an_admin(wanted, session))
    if said == "ask":
        return _ask_for_approval(request, wanted, session, now=now)
    if said != "accept":
        return onward(request, wanted, session, now=now)
    return _accept(request, wanted, session, now=now)


def onward(request: HttpRequest, wanted: Asked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    """Signed in: past the organization's rules, through consent where it is wanting, to the answer."""
    seen.explain(request, who=session.person.sign_in_name, tenant=session.person.tenant.name)
    stopped = gates.stop(request, wanted, session)
    if stopped:
        return stopped
    names = grants.wanted(wanted.scopes, wanted.application)
    missing = grants.missing(names, wanted.application, session.person)
    refused = consenting.may_consent(session.person, wanted.application, missing)
    if refused:
        seen.explain(request, why=refused.why, code=refused.code)
        return consent_pages.need_admin(request, wanted, session.person, missing, refused, step="consent")
    if missing or wanted.prompt == "consent":
        seen.explain(request, why=f"{session.person.name} is asked for consent to {', '.join(missing or names)}.")
        return consent_pages.consent(request, wanted, session, names)
    return _answer(request, wanted, session, now=now)


def _silently(request: HttpRequest, wanted: Asked, session: BrowserSession | None, *, now: datetime) -> HttpResponse:
    if session and not wanted.holds(session.person):
        raise Refused(16000)
    if session is None or not wanted.suits(session.person) or wanted.is_too_old(session, now=now):
        raise Refused(50058)
    gates.check(session, wanted)
    names = grants.wanted(wanted.scopes, wanted.application)
    if grants.missing(names, wanted.application, session.person):
        raise Refused(65001, **particulars.of_application(wanted.application))
    return _answer(request, wanted, session, now=now)


def _accept(request: HttpRequest, wanted: Asked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    person, application = session.person, wanted.application
    names = grants.wanted(wanted.scopes, application)
    missing = grants.missing(names, application, person)
    refused = consenting.may_consent(person, application, missing)
    if refused:
        return consent_pages.need_admin(request, wanted, person, missing, refused, step="consent")
    if person.is_admin and request.POST.get("for_everybody") == "on":
        grants.allow_for_all(application, person.tenant, names, (), now=now)
        approvals.settle(str(person.tenant.tid), str(application.client_id))
        whom = f"{person.name} consented on behalf of {person.tenant.name}."
    else:
        # Who is asked again for what only an administrator could grant, and has, adds nothing of their own to it.
        if consenting.may_consent(person, application, names) is None:
            grants.allow(application, person, names, now=now)
        whom = f"{person.name} consented."
    response = _answer(request, wanted, session, now=now)
    seen.explain(request, why=whom)
    return response


def _ask_for_approval(request: HttpRequest, wanted: Asked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    names = grants.wanted(wanted.scopes, wanted.application)
    missing = grants.missing(names, wanted.application, session.person)
    refused = consenting.may_consent(session.person, wanted.application, missing)
    if refused is None or refused.code != 90095:
        return onward(request, wanted, session, now=now)
    justification = request.POST.get("justification", "")
    approvals.ask(session.person, wanted.application, missing, justification, now=now)
    seen.explain(request, why=f"{session.person.name} asked an administrator for approval.", code=refused.code)
    return consent_pages.asked_for_approval(request, wanted, session.person)


def _needs_an_admin(wanted: Asked, session: BrowserSession) -> Refused:
    names = grants.wanted(wanted.scopes, wanted.application)
    missing = grants.missing(names, wanted.application, session.person)
    return consenting.may_consent(session.person, wanted.application, missing) or Refused(65004)


def _answer(request: HttpRequest, wanted: Asked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    person = session.person
    seen.explain(
        request,
        why=f"{person.name} is signed in, and everything asked for is consented to.",
        who=person.sign_in_name,
        tenant=person.tenant.name,
    )
    parameters = {}
    if "code" in wanted.response_types:
        parameters["code"] = _code(wanted, session, now=now)
    if "id_token" in wanted.response_types:
        parameters["id_token"] = _id_token(request, wanted, session, parameters.get("code", ""), now=now)
    if wanted.wants_client_info:
        parameters["client_info"] = claims.client_info(person)
    return returning.answer(request, wanted.reply, parameters, session_state=str(session.sid))


def _code(wanted: Asked, session: BrowserSession, *, now: datetime) -> str:
    return codes.issue(
        application=wanted.application,
        person=session.person,
        sid=session.sid,
        redirect_uri=wanted.reply.redirect_uri,
        scopes=grants.wanted(wanted.scopes, wanted.application),
        nonce=wanted.nonce,
        challenge=wanted.challenge,
        challenge_method=wanted.challenge_method,
        has_mfa=session.has_mfa,
        auth_time=session.signed_in_at if wanted.wants_auth_time else None,
        now=now,
    )


def _id_token(request: HttpRequest, wanted: Asked, session: BrowserSession, code: str, *, now: datetime) -> str:
    person = session.person
    return claims.id_token(
        person,
        wanted.application,
        scopes=wanted.scopes.oidc,
        sid=str(session.sid),
        nonce=wanted.nonce,
        code=code or None,
        auth_time=session.signed_in_at if wanted.wants_auth_time else None,
        issuer=f"{place.here().machine_origin(request.get_host())}/{person.tenant.tid}/v2.0",
        now=now,
    )
