"""How every step of a sign-in begins: read the request anew, sit out ordered faults, refuse where it is safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from integrations.simulator.control import faults, seen, troubles
from integrations.simulator.entra import pages, returning, sessions
from integrations.simulator.entra.errand import Errand, Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Fault

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
            try:
                where, reply = reply_of(segment, sent)
                _meet_faults(request, where, reply, now=timezone.now())
            except Refused as refused:
                seen.explain(request, why=refused.why, code=refused.code)
                return pages.refusal(request, refused)
            _introduce(request, where, reply)
            try:
                return step(request, read(where, reply, sent))
            except Refused as refused:
                return returning.refuse(request, reply, refused)

        return view

    return decorate


def _meet_faults(request: HttpRequest, where: Directory, reply: Reply, *, now: datetime) -> None:
    session = sessions.current(request, now=now)
    tenant = session.person.tenant_id if session else where.tenant.pk if where.tenant else None
    trouble = faults.meet(
        Fault.Target.SIGN_IN,
        tenant=tenant,
        person=session.person.pk if session else None,
        application=reply.application.pk,
        method=request.method or "",
        path=request.path.partition("/")[2].partition("/")[2],
        now=now,
    )
    if trouble:
        seen.explain(request, why=troubles.WHY)
        raise troubles.EntraInTrouble(trouble)


def _introduce(request: HttpRequest, where: Directory, reply: Reply) -> None:
    tenant = where.tenant.name if where.tenant else ""
    seen.explain(request, app=reply.application.client_id, tenant=tenant)
