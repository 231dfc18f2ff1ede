"""What stands between somebody who is signed in and the application: the organization's rules, and a second factor."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from integrations.simulator.control import seen
from integrations.simulator.entra import pages, particulars, principals, standing
from integrations.simulator.entra.errand import Errand
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.resources import GRAPH
from integrations.simulator.models import BrowserSession, Person


def shut(person: Person, errand: Errand) -> Refused | None:
    """Who may not pass: 5000224 the organization is blocked, 7000112 the application is disabled there, 50105 they are
    not assigned to it, 53003 Conditional Access.

    An administrator may consent for others to what they are not assigned to themselves.
    """
    application = errand.application
    principal = principals.find(application, person.tenant)
    try:
        standing.check_tenant(person.tenant)
        # What nobody has consented to yet is not there yet; consent is about to make it.
        if principal:
            standing.check_application(principal, person, application)
        standing.check_policies(person, has_mfa=True, resource=GRAPH.app_id)
    except Refused as refused:
        return refused if errand.gives_tokens or refused.code != 50105 else None
    return None


def lacks_second_factor(session: BrowserSession, errand: Errand) -> bool:
    return (session.person.needs_mfa or errand.demands_mfa) and not session.has_mfa


def check(session: BrowserSession, errand: Errand) -> None:
    """For a request that must not show a page: what would have been shown, as a refusal."""
    refused = shut(session.person, errand)
    if refused:
        raise refused
    if lacks_second_factor(session, errand):
        raise Refused(50076, resource=GRAPH.app_id, **particulars.of_person(session.person))


def stop(request: HttpRequest, errand: Errand, session: BrowserSession) -> HttpResponse | None:
    """The page that stands in the way, if any."""
    refused = shut(session.person, errand)
    if refused:
        seen.explain(request, why=refused.why, code=refused.code)
        return pages.shut(request, errand, session.person, refused)
    if lacks_second_factor(session, errand):
        seen.explain(request, why=f"{session.person.name} is asked for a second factor.")
        return pages.second_factor(request, errand, session)
    return None
