"""The console's door, its first page, and the pages for what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from integrations.simulator import place, premises
from integrations.simulator.control import door, fault_words, flashes, forms, logbook
from integrations.simulator.control.acts.declaring import Unfit
from integrations.simulator.control.logbook import Filter
from integrations.simulator.models import Application, Person, Subscription, Tenant
from integrations.simulator.seeds import loader

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponse]
# A datalist of everybody would make each page heavy where they are thousands.
MOST_NAMES = 200


def guarded(view: View[Rest]) -> View[Rest]:
    """What is not there gets the page that says so."""

    @wraps(view)
    def guarded_view(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if not door.may_use_console(request):
            return HttpResponseRedirect(reverse("enter"))
        try:
            return view(request, *args, **kwargs)
        except Unfit as unfit:
            if unfit.status == 404:
                return page_not_found(request, unfit)
            raise

    return guarded_view


def show(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    said = flashes.find(request.GET.get(flashes.PARAMETER, ""))
    return render(request, f"simulator/{template}.html", {"said": said, **context}, status=status)


@require_safe
@guarded
def front(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    context = {
        "here": "front",
        "tenants": [_summary(tenant) for tenant in Tenant.objects.prefetch_related("domains").order_by("pk")],
        "applications": Application.objects.select_related("publisher").order_by("pk"),
        "faults": fault_words.active(now=now),
        "remarks": logbook.entries(Filter(remarks=True, most=5)),
        "subscriptions": Subscription.objects.filter(expires_at__gt=now).count(),
        "recipes": forms.groups("recipes", None)[0],
        "services": forms.groups("service", None),
        "exchange": premises.current(),
        "exchange_url": f"{place.here().exchange_origin(request.get_host())}/EWS/Exchange.asmx",
        "names": names(),
        "password": loader.password(),
    }
    return show(request, "console", context)


def names() -> list[str]:
    """For fields that want a person."""
    people = Person.objects.filter(deleted_at=None).order_by("tenant__pk", "name")
    return list(people.values_list("sign_in_name", flat=True)[:MOST_NAMES])


def enter(request: HttpRequest) -> HttpResponse:
    """The control token, once per browser; needed only where the console can be reached from elsewhere."""
    response: HttpResponse = HttpResponseRedirect(reverse("console"))
    if door.may_use_console(request):
        return response
    if request.method == "POST" and door.let_in(response, request.POST.get("token", "")):
        return response
    is_wrong = request.method == "POST"
    return render(request, "simulator/enter.html", {"is_wrong": is_wrong}, status=403 if is_wrong else 200)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "simulator/not_found.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "simulator/forged.html", status=403)


def _summary(tenant: Tenant) -> dict[str, Any]:
    people = Person.objects.filter(tenant=tenant, deleted_at=None)
    return {
        "tenant": tenant,
        "domains": [domain.name for domain in tenant.domains.all()],
        "people": people.count(),
        "connected": people.filter(grants__isnull=False).distinct().count(),
        "in_trouble": people.filter(is_enabled=False).count(),
        "aged_days": tenant.aged_seconds // 86_400,
    }
