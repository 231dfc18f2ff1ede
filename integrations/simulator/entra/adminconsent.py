"""/{tenant}/adminconsent and /{tenant}/v2.0/adminconsent: an administrator consents for the whole organization."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from integrations.simulator.control import seen
from integrations.simulator.entra import (
    admin_asked,
    approvals,
    consent_pages,
    gates,
    grants,
    pages,
    particulars,
    returning,
    sessions,
)
from integrations.simulator.entra.admin_asked import NEW, OLD, AdminAsked
from integrations.simulator.entra.errand import Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.entra.visiting import Sent, View, visit
from integrations.simulator.models import BrowserSession, Person


def _beginning(flow: str) -> View:
    """One view per endpoint: which one it is follows from the path alone."""

    def reply(segment: str, sent: Sent) -> tuple[Directory, Reply]:
        return admin_asked.reply(segment, {**sent, "flow": flow})

    def read(where: Directory, to: Reply, sent: Sent) -> AdminAsked:
        return admin_asked.read(where, to, {**sent, "flow": flow})

    view: View = require_safe(visit(reply, read)(_begin))
    return view


def _begin(request: HttpRequest, wanted: AdminAsked) -> HttpResponse:
    now = timezone.now()
    session = sessions.current(request, now=now)
    step = request.GET.get("step")
    if step == "pick":
        return pages.pick(request, wanted, session)
    if step != "password" and session and wanted.suits(session.person):
        return onward(request, wanted, session, now=now)
    if step == "password" or wanted.login_hint:
        return pages.password(request, wanted, name=wanted.login_hint)
    return pages.pick(request, wanted, session)


old = _beginning(OLD)
new = _beginning(NEW)


@require_POST
@visit(admin_asked.reply, admin_asked.read)
def grant(request: HttpRequest, wanted: AdminAsked) -> HttpResponse:
    """What the administrator said."""
    now = timezone.now()
    session = sessions.current(request, now=now)
    # The page was made for one person; another tab may have signed in somebody else since.
    if session is None or not wanted.holds(session.person) or str(session.person.oid) != request.POST.get("person"):
        return pages.pick(request, wanted, session)
    stopped = gates.stop(request, wanted, session)
    if stopped:
        return stopped
    person = session.person
    said = request.POST.get("answer")
    if not person.is_admin:
        needed = _needs_an_admin(wanted, person)
        leaves = said == "return"
        return returning.cancel(request, wanted.by(person), needed) if leaves else _turn_away(request, wanted, person)
    if said == "cancel":
        return returning.refuse(request, wanted.by(person), wanted.declined)
    if said != "accept":
        return onward(request, wanted, session, now=now)
    return _accept(request, wanted, person, now=now)


def onward(request: HttpRequest, wanted: AdminAsked, session: BrowserSession, *, now: datetime) -> HttpResponse:
    person = session.person
    seen.explain(request, who=person.sign_in_name, tenant=person.tenant.name)
    stopped = gates.stop(request, wanted, session)
    if stopped:
        return stopped
    if not person.is_admin:
        return _turn_away(request, wanted, person)
    seen.explain(request, why=f"{person.name} is asked to consent for {person.tenant.name}.")
    return consent_pages.for_everybody(request, wanted, person, wanted.names, wanted.roles)


def _accept(request: HttpRequest, wanted: AdminAsked, person: Person, *, now: datetime) -> HttpResponse:
    grants.allow_for_all(wanted.application, person.tenant, wanted.names, wanted.roles, now=now)
    approvals.settle(str(person.tenant.tid), str(wanted.application.client_id))
    seen.explain(request, why=f"{person.name} consented on behalf of {person.tenant.name}.")
    told = {"admin_consent": "True", "tenant": str(person.tenant.tid), **wanted.granted()}
    return returning.answer(request, wanted.reply, told)


def _turn_away(request: HttpRequest, wanted: AdminAsked, person: Person) -> HttpResponse:
    refused = _needs_an_admin(wanted, person)
    seen.explain(request, why=refused.why, code=refused.code)
    return consent_pages.need_admin(request, wanted, person, wanted.names, refused, step="grant")


def _needs_an_admin(wanted: AdminAsked, person: Person) -> Refused:
    about = {**particulars.of_application(wanted.application), **particulars.of_person(person)}
    return Refused(90094, why=f"{person.name} is no administrator.", **about)
