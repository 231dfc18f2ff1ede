"""How every step of a sign-in begins: read the request anew, and refuse where it is safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from integrations.simulator.control import seen
from integrations.simulator.entra import pages, returning, sessions
from integrations.simulator.entra.errand import Errand, Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import BrowserSession

E = TypeVar("E", bound=Errand)
Sent = Mapping[str, str]
View = Callable[[HttpRequest, str], HttpResponse]


def visit(
    reply_of: Callable[[str, Sent], tuple[Directory, Reply]], read: Callable[[Directory, Reply, Sent], E]
) -> Callable[[Callable[[HttpRequest, E], HttpResponse]], View]:
    """Refusals become a page until the reply address is known good, then a redirect to it.

    No step keeps anything of the request on the server: each form carries the request as its query. What the person
    did before is in the session and in the grants.
    """

    def decorate(step: Callable[[HttpRequest, E], HttpResponse]) -> View:
        @wraps(step)
        def view(request: HttpRequest, segment: str) -> HttpResponse:
            sent = {name: str(value) for name, value in request.GET.items()}
            now = timezone.now()
            session = sessions.current(request, now=now)
            try:
                _check_once(request)
                where, reply = reply_of(segment, sent)
                _introduce(request, reply, session)
            except Refused as refused:
                seen.explain(request, why=refused.why, code=refused.code)
                return pages.refusal(request, refused)
            try:
                return step(request, read(where, reply, sent))
            except Refused as refused:
                return returning.refuse(request, reply, refused)

        return view

    return decorate


def _check_once(request: HttpRequest) -> None:
    for name, values in request.GET.lists():
        if len(values) > 1:
            raise Refused(9000411, parameter=name)


def _introduce(request: HttpRequest, reply: Reply, session: BrowserSession | None) -> None:
    """To the request log. Whoever is signed in in this browser may yet turn out not to be meant."""
    who = session.person if session else None
    name, tenant = (who.sign_in_name, who.tenant.name) if who else ("", "")
    seen.explain(request, app=reply.application.client_id, who=name, tenant=tenant)
