"""/{tenant}/oauth2/v2.0/authorize and the steps behind it: account, password, consent.

No step keeps anything of the request on the server: each form carries the request as its query, where it is read and
checked anew. What the person did before is in the session and in the grants.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from integrations.simulator.entra import answers, asked, claims, codes, errors, grants, pages, people, sessions
from integrations.simulator.entra.asked import Asked, Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.models import Application, BrowserSession

View = Callable[[HttpRequest, str], HttpResponse]


def _with_request(step: Callable[[HttpRequest, Asked], HttpResponse]) -> View:
    """Read the authorization request; refuse on a page until the reply address is known good, then by redirect."""

    @wraps(step)
    def view(request: HttpRequest, segment: str) -> HttpResponse:
        sent = {name: str(value) for name, value in request.GET.items()}
        try:
            where, reply = asked.reply(segment, sent)
        except Refused as refused:
            return pages.refusal(request, refused)
        try:
            return step(request, asked.read(where, reply, sent))
        except Refused as refused:
            return _refuse(request, reply, refused)

    return view


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest, segment: str) -> HttpResponse:
    """A POST is the same request with its parameters in the body; it changes nothing here."""
    if request.method == "POST":
        return HttpResponseRedirect(f"{request.path}?{request.POST.urlencode()}")
    return _begin(request, segment)


@_with_request
def _begin(request: HttpRequest, wanted: Asked) -> HttpResponse:
    now = timezone.now()
    session = sessions.current(request, now=now)
    if wanted.prompt == "none":
        return _silently(request, wanted, session, now=now)
    step = request.GET.get("step")
    if step == "password" or wanted.prompt == "login":
        return pages.password(request, wanted, name=wanted.login_hint)
    if wanted.prompt in ("select_account", "create"):
        return pages.pick(request, wanted, session)
    if session and _suits(session, wanted):
        return _onward(request, wanted, session, now=now)
    if wanted.login_hint:
        return pages.password(request, wanted, name=wanted.login_hint)
    return pages.pick(request, wanted, session)


@require_POST
@_with_request
def login(request: HttpRequest, wanted: Asked) -> HttpResponse:
    if request.POST.get("answer") == "cancel":
        return _answer(request, wanted.reply, {**_as_parameters(request, Refused(65004)), "error_subcode": "cancel"})
    now = timezone.now()
    name = request.POST.get("name", "")
    try:
        person = people.sign_in(name, request.POST.get("password", ""), wanted.where)
    except Refused as refused:
        return pages.password(request, wanted, name=name, problem=refused.text)
    session, cookie = sessions.start(person, now=now)
    response = _onward(request, wanted, session, now=now)
    sessions.remember(response, cookie)
    return response


@require_POST
@_with_request
def consent(request: HttpRequest, wanted: Asked) -> HttpResponse:
    now = timezone.now()
    session = sessions.current(request, now=now)
    if request.POST.get("answer") == "return" and session:
        needed = grants.needs_an_admin(wanted.application, session.person)
        return _answer(request, wanted.reply, {**_as_parameters(request, needed), "error_subcode": "cancel"})
    if request.POST.get("answer") != "accept":
        return _answer(request, wanted.reply, _as_parameters(request, Refused(65004)))
    # The page was made for one person; another tab may have signed in somebody else since.
    if session is None or str(session.person.oid) != request.POST.get("person"):
        return pages.pick(request, wanted, session)
    names = grants.wanted(wanted.scopes, wanted.application)
    if grants.needs_admin(names, session.person):
        return pages.need_admin(request, wanted, session.person, names)
    grants.allow(wanted.application, session.person, names, now=now)
    return _give_code(request, wanted, session, now=now)


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_exempt
def logout(request: HttpRequest, segment: str) -> HttpResponse:
    """Back to the application only where its registration allows: this must not become an open redirect."""
    back = request.GET.get("post_logout_redirect_uri", "")
    is_known = bool(back) and any(back in app.redirect_uris for app in Application.objects.all())
    response = HttpResponseRedirect(back) if is_known else pages.signed_out(request)
    sessions.end(request, response)
    return response


def _suits(session: BrowserSession, wanted: Asked) -> bool:
    person = session.person
    if not wanted.where.holds(person.tenant_id):
        return False
    return not wanted.login_hint or wanted.login_hint in (person.sign_in_name, person.upn.lower(), str(person.oid))


def _silently(request: HttpRequest, wanted: Asked, session: BrowserSession | None, *, now: datetime) -> HttpResponse:
    if session is None or not _suits(session, wanted):
        raise Refused(50058)
    names = grants.wanted(wanted.scopes, wanted.application)
    if grants.missing(names, wanted.application, session.person):
        raise Refused(65001, client_id=str(wanted.application.client_id), app=wanted.application.name)
    return _give_code(request, wanted, session, now=now)


def _onward(request: HttpRequest, wanted: Asked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    """Signed in: ask for consent where it is wanting, else answer."""
    names = grants.wanted(wanted.scopes, wanted.application)
    missing = grants.missing(names, wanted.application, session.person)
    if missing and grants.needs_admin(missing, session.person):
        return pages.need_admin(request, wanted, session.person, missing)
    if missing or wanted.prompt == "consent":
        return pages.consent(request, wanted, session, names)
    return _give_code(request, wanted, session, now=now)


def _give_code(request: HttpRequest, wanted: Asked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    code = codes.issue(
        application=wanted.application,
        person=session.person,
        sid=session.sid,
        redirect_uri=wanted.reply.redirect_uri,
        scopes=grants.wanted(wanted.scopes, wanted.application),
        nonce=wanted.nonce,
        challenge=wanted.challenge,
        challenge_method=wanted.challenge_method,
        now=now,
    )
    parameters = {"code": code}
    if wanted.wants_client_info:
        parameters["client_info"] = claims.client_info(session.person)
    return _answer(request, wanted.reply, parameters, session_state=str(session.sid))


def _as_parameters(request: HttpRequest, refused: Refused) -> dict[str, str]:
    return errors.redirect_parameters(refused, answers.trace(request))


def _refuse(request: HttpRequest, reply: Reply, refused: Refused) -> HttpResponse:
    return _answer(request, reply, _as_parameters(request, refused))


def _answer(request: HttpRequest, reply: Reply, parameters: dict[str, str], *, session_state: str = "") -> HttpResponse:
    if reply.state is not None:
        parameters["state"] = reply.state
    if session_state:
        parameters["session_state"] = session_state
    if reply.mode == "form_post":
        return pages.send_form(request, reply, parameters)
    return HttpResponseRedirect(reply.url(parameters))
