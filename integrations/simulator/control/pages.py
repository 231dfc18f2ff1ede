"""The console's pages of one thing each: an organization, a person, an event, an application."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from integrations.simulator import place
from integrations.simulator.control import diary, forms, logbook, subjects
from integrations.simulator.control.badges import badges
from integrations.simulator.control.console import guarded, names, show
from integrations.simulator.entra import approvals
from integrations.simulator.entra.lies import Lies
from integrations.simulator.models import Application, Grant, Person, ServicePrincipal, Subscription, Tenant
from integrations.simulator.names import zones

PEOPLE_ON_A_PAGE = 50
# Beyond that a search field helps.
MANY = 12
COMING = timedelta(days=7)


@require_safe
@guarded
def tenant(request: HttpRequest, tid: UUID) -> HttpResponse:
    found = subjects.tenant(str(tid))
    now, sought = timezone.now(), request.GET.get("q", "").strip()
    everybody = Person.objects.filter(tenant=found).order_by("name", "pk")
    people = everybody.filter(Q(name__icontains=sought) | Q(sign_in_name__icontains=sought)) if sought else everybody
    page = Paginator(people.prefetch_related("grants__service_principal__application"), PEOPLE_ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "tenant": found,
        "domains": found.domains.order_by("pk"),
        "texts": zones.published_in(found),
        "name_server": f"{place.here().host}, port {place.here().dns_port}",
        "page": page,
        "people": [(person, badges(person, now=now), _connected(person)) for person in page],
        "sought": sought,
        "has_search": sought or everybody.count() > MANY,
        "enrolments": [
            (application, ServicePrincipal.objects.filter(application=application, tenant=found).first())
            for application in Application.objects.order_by("pk")
        ],
        "aged": timedelta(seconds=found.aged_seconds),
        "approvals": [one for one in approvals.waiting() if one.tenant == str(found.tid)],
        "groups": forms.groups("tenants", found),
        "names": names(),
    }
    return show(request, "console_tenant", context)


@require_safe
@guarded
def person(request: HttpRequest, oid: UUID) -> HttpResponse:
    found, now = subjects.person(str(oid)), timezone.now()
    context = {
        "person": found,
        "badges": badges(found, now=now),
        "grants": _grants(Q(person=found) | Q(person=None, service_principal__tenant=found.tenant)),
        "days": _coming(found, now) if found.mailbox != Person.Mailbox.NONE else [],
        "subscriptions": _subscriptions(Q(person=found)),
        "groups": forms.groups("people", found),
        "names": names(),
        "log": logbook.entries(logbook.Filter(person=found.sign_in_name, most=5)),
    }
    return show(request, "console_person", context)


@require_safe
@guarded
def appointment(request: HttpRequest, oid: UUID, graph_id: str) -> HttpResponse:
    found = subjects.appointment(str(oid), graph_id)
    zone = diary.zone_of(found.owner)
    context = {
        "appointment": found,
        "person": found.owner,
        "starts": found.starts_at.astimezone(zone),
        "ends": found.ends_at.astimezone(zone),
        "groups": forms.groups("events", found),
    }
    return show(request, "console_event", context)


@require_safe
@guarded
def application(request: HttpRequest, client_id: UUID) -> HttpResponse:
    found, now = subjects.application(str(client_id)), timezone.now()
    context = {
        "application": found,
        "secrets": [(one, one.expires_at <= now) for one in found.secrets.order_by("expires_at")],
        "certificates": [(one, one.expires_at <= now) for one in found.certificates.order_by("expires_at")],
        "enrolments": [(one, _principal(found, one)) for one in Tenant.objects.order_by("pk")],
        "verdicts": [one for one in logbook.verdicts() if one.app == found.name],
        "subscriptions": _subscriptions(Q(application=found)),
        "groups": forms.groups("applications", found),
    }
    return show(request, "console_application", context)


@require_safe
@guarded
def enrolment(request: HttpRequest, client_id: UUID, tid: UUID) -> HttpResponse:
    found = subjects.enrolment(str(client_id), str(tid))
    principal = found.principal
    context: dict[str, Any] = {"enrolment": found, "principal": principal, "groups": forms.groups("principals", found)}
    if principal is not None:
        context |= {
            "is_ready": principal.ready_at <= timezone.now(),
            "grants": _grants(Q(service_principal=principal)),
            "roles": principal.roles.order_by("name"),
            "scoped_roles": principal.scoped_roles.prefetch_related("people").order_by("name"),
            "policy": getattr(principal, "access_policy", None),
            "assigned": principal.assigned.order_by("name"),
            "lies": Lies(**principal.lies).told(),
        }
    return show(request, "console_enrolment", {**context, "names": names()})


def _principal(found: Application, where: Tenant) -> ServicePrincipal | None:
    principals = ServicePrincipal.objects.filter(application=found, tenant=where)
    return principals.prefetch_related("grants", "roles").first()


def _connected(found: Person) -> Sequence[str]:
    return sorted({grant.service_principal.application.name for grant in found.grants.all()})


def _grants(which: Q) -> Sequence[Grant]:
    related = ("person", "service_principal__application", "service_principal__tenant")
    return list(Grant.objects.filter(which).select_related(*related).order_by("pk")[:200])


def _subscriptions(which: Q) -> Sequence[tuple[Subscription, Sequence[forms.Group]]]:
    found = Subscription.objects.filter(which).select_related("application", "person").order_by("pk")[:20]
    return [(one, forms.groups("subscriptions", one)) for one in found]


def _coming(found: Person, now: datetime) -> Sequence[tuple[datetime, list[Any]]]:
    """Their next week, by local day."""
    zone = diary.zone_of(found)
    days: dict[Any, list[Any]] = {}
    for entry in diary.entries(found, now, now + COMING):
        # All-day events float: their midnights are the day's in any zone.
        local = entry.starts_at if entry.is_all_day else entry.starts_at.astimezone(zone)
        ends = entry.ends_at if entry.is_all_day else entry.ends_at.astimezone(zone)
        days.setdefault(local.date(), []).append((entry, local, ends))
    return sorted(days.items())
