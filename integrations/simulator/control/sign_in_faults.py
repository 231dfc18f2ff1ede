"""Faults of the sign-in pages: met before a step does anything."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from integrations.simulator.control import faults, seen, troubles
from integrations.simulator.entra import pages, sessions
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import as_guid, directory
from integrations.simulator.models import Application, Fault, Person

View = Callable[[HttpRequest, str], HttpResponse]


def may_fail(view: View) -> View:
    @wraps(view)
    def met(request: HttpRequest, segment: str) -> HttpResponse:
        trouble = faults.meet(
            Fault.Target.SIGN_IN,
            tenant=lambda: _tenant(request, segment),
            person=lambda: _part_of_person(request, "pk"),
            application=lambda: _application(request),
            method=request.method or "",
            path=request.path.partition(f"/{segment}/")[2],
            now=timezone.now(),
        )
        if trouble is None:
            return view(request, segment)
        refused = troubles.EntraInTrouble(trouble)
        seen.explain(request, why=troubles.WHY, code=f"AADSTS{refused.code}")
        return pages.refusal(request, refused)

    return met


def _part_of_person(request: HttpRequest, part: str) -> int | None:
    """Who is named, else who is signed in."""
    name = str(request.POST.get("name") or request.GET.get("login_hint") or "").strip().lower()
    if name:
        found = Person.objects.filter(Q(sign_in_name=name) | Q(upn__iexact=name)).values_list(part, flat=True).first()
        return int(found) if found is not None else None
    session = sessions.current(request, now=timezone.now())
    if session is None:
        return None
    return session.person.pk if part == "pk" else session.person.tenant_id


def _tenant(request: HttpRequest, segment: str) -> int | None:
    try:
        where = directory(segment).tenant
    except Refused:
        where = None
    return where.pk if where else _part_of_person(request, "tenant_id")


def _application(request: HttpRequest) -> int | None:
    client_id = as_guid(str(request.GET.get("client_id", "")))
    return Application.objects.filter(client_id=client_id).values_list("pk", flat=True).first() if client_id else None
