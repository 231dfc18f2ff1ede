"""The steps by which somebody becomes known, whatever for: password, expired password, second factor, and giving up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from integrations.simulator.control import seen
from integrations.simulator.entra import (
    admin_asked,
    adminconsent,
    asked,
    authorize,
    gates,
    pages,
    people,
    renewing,
    returning,
    second_factor,
    sessions,
)
from integrations.simulator.entra.admin_asked import AdminAsked
from integrations.simulator.entra.asked import Asked
from integrations.simulator.entra.errand import Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.saml import asked as saml_asked
from integrations.simulator.entra.saml import asking
from integrations.simulator.entra.saml.asked import SamlAsked
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.entra.visiting import visit
from integrations.simulator.models import BrowserSession, Person

AnyAsked = Asked | AdminAsked | SamlAsked


def _reply(segment: str, sent: Mapping[str, str]) -> tuple[Directory, Reply]:
    if sent.get("flow") == saml_asked.FLOW:
        return saml_asked.reply(segment, sent)
    return admin_asked.reply(segment, sent) if sent.get("flow") else asked.reply(segment, sent)


def _read(where: Directory, to: Reply, sent: Mapping[str, str]) -> AnyAsked:
    if sent.get("flow") == saml_asked.FLOW:
        return saml_asked.read(where, to, sent)
    return admin_asked.read(where, to, sent) if sent.get("flow") else asked.read(where, to, sent)


@require_POST
@visit(_reply, _read)
def login(request: HttpRequest, errand: AnyAsked) -> HttpResponse:
    if request.POST.get("answer") == "cancel":
        return returning.cancel(request, errand.reply)
    now = timezone.now()
    name = request.POST.get("name", "")
    seen.explain(request, who=name)
    try:
        person = people.sign_in(name, request.POST.get("password", ""), errand.application, errand.where, now=now)
    except Refused as refused:
        seen.explain(request, why=refused.why, code=refused.code)
        if refused.code == 50055:
            return pages.renew(request, errand, name=name)
        return pages.password(request, errand, name=name, problem=refused)
    return _start(request, errand, person, now=now)


@require_POST
@visit(_reply, _read)
def renew(request: HttpRequest, errand: AnyAsked) -> HttpResponse:
    """In place of an expired password."""
    if request.POST.get("answer") == "cancel":
        return returning.cancel(request, errand.reply)
    now = timezone.now()
    name, new = request.POST.get("name", ""), request.POST.get("new_password", "")
    if new != request.POST.get("new_again", ""):
        return pages.renew(request, errand, name=name, problem="The passwords that you typed are not the same.")
    try:
        current = request.POST.get("password", "")
        person = renewing.renew(name, current, new, errand.application, errand.where, now=now)
    except Refused as refused:
        seen.explain(request, why=refused.why, who=name, code=refused.code)
        return pages.renew(request, errand, name=name, problem=refused)
    seen.explain(request, why=f"{person.name} has chosen a new password.", who=name)
    return _start(request, errand, person, now=now)


@require_POST
@visit(_reply, _read)
def approve(request: HttpRequest, errand: AnyAsked) -> HttpResponse:
    """What the person did with their simulated authenticator."""
    now = timezone.now()
    said = request.POST.get("answer")
    session = sessions.current(request, now=now)
    if said == "cancel":
        return returning.cancel(request, errand.reply)
    if session is None or not errand.holds(session.person):
        return HttpResponseRedirect(errand.again())
    if said == "deny":
        return pages.second_factor(request, errand, session, Refused(500121))
    if not second_factor.is_right(session, request.POST.get("request", ""), request.POST.get("number", "")):
        return pages.second_factor(request, errand, session, "That is not the number. Here is a new one.")
    sessions.add_second_factor(session)
    return _onward(request, errand, session, now=now)


@require_POST
@visit(_reply, _read)
def leave(request: HttpRequest, errand: AnyAsked) -> HttpResponse:
    """Back to the application from a page that the organization's rules put in the way."""
    session = sessions.current(request, now=timezone.now())
    refused = gates.shut(session.person, errand) if session else None
    return returning.cancel(request, errand.reply, refused)


def _start(request: HttpRequest, errand: AnyAsked, person: Person, *, now: datetime) -> HttpResponse:
    session, cookie = sessions.start(person, now=now)
    response = _onward(request, errand, session, now=now)
    sessions.remember(response, cookie)
    return response


def _onward(request: HttpRequest, errand: AnyAsked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    if isinstance(errand, AdminAsked):
        return adminconsent.onward(request, errand, session, now=now)
    if isinstance(errand, SamlAsked):
        return asking.onward(request, errand, session, now=now)
    return authorize.onward(request, errand, session, now=now)
