"""The console: who is there, and the switches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from integrations.simulator.control import actions, door, fault_orders, faults
from integrations.simulator.entra.tenants import as_guid
from integrations.simulator.models import Person, Tenant
from integrations.simulator.seeds import loader

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponse]

DONE = {
    "revoke-sessions": "{who}’s sessions are revoked. Refresh tokens from before are refused; access tokens live on.",
    "expire-tokens": "{who}’s access tokens are refused from now on. Refresh tokens still work.",
    "expire-all-tokens": "{who}’s access tokens and refresh tokens are refused from now on, as after 90 idle days.",
    "withdraw-consent": "{who}’s consents are deleted. The next refresh is refused.",
    "disable": "{who} is disabled and cannot sign in.",
    "enable": "{who} is enabled and can sign in again.",
    "fault": "The fault is on.",
    "stopped": "The fault is off.",
}


def _guarded(view: View[Rest]) -> View[Rest]:
    def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if not door.may_use_console(request):
            return HttpResponseRedirect(reverse("enter"))
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@_guarded
def front(request: HttpRequest) -> HttpResponse:
    return _front(request)


def enter(request: HttpRequest) -> HttpResponse:
    """The control token, once per browser; needed only where the console can be reached from elsewhere."""
    response: HttpResponse = HttpResponseRedirect(reverse("console"))
    if door.may_use_console(request):
        return response
    if request.method == "POST" and door.let_in(response, request.POST.get("token", "")):
        return response
    is_wrong = request.method == "POST"
    return render(request, "simulator/enter.html", {"is_wrong": is_wrong}, status=403 if is_wrong else 200)


@require_POST
@_guarded
def act_on_person(request: HttpRequest, oid: UUID, action: str) -> HttpResponse:
    if action not in actions.ON_PEOPLE:
        raise Http404
    person = get_object_or_404(Person, oid=oid)
    actions.ON_PEOPLE[action][1](person, now=timezone.now())
    return _back(action, person.name)


@require_POST
@_guarded
def add_fault(request: HttpRequest) -> HttpResponse:
    try:
        order = fault_orders.Order(
            target=request.POST.get("target", ""),
            tenant=_tenant(request.POST.get("tenant", "")),
            steps=[{"status": _whole(request, "status") or None, "latency_ms": _whole(request, "latency_ms")}],
            seconds=_whole(request, "seconds"),
        )
        fault_orders.place(order, now=timezone.now())
    except fault_orders.Senseless as problem:
        return _front(request, problem=str(problem), status=400)
    return _back("fault")


@require_POST
@_guarded
def stop_fault(request: HttpRequest, pk: int) -> HttpResponse:
    faults.stop(pk)
    return _back("stopped")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "simulator/not_found.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "simulator/forged.html", status=403)


def _front(request: HttpRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    now = timezone.now()
    people = Person.objects.select_related("tenant").prefetch_related("grants__service_principal__application")
    tenants = groupby(people.order_by("tenant__pk", "name"), key=lambda person: person.tenant)
    context: dict[str, Any] = {
        "tenants": [(tenant, list(group)) for tenant, group in tenants],
        "faults": [(fault, fault.seconds_left(now=now)) for fault in faults.active(now=now)],
        "done": _done(request),
        "problem": problem,
        "sent": request.POST,
        "password": loader.password(),
    }
    return render(request, "simulator/console.html", context, status=status)


def _tenant(tid: str) -> Tenant | None:
    guid = as_guid(tid)
    return Tenant.objects.filter(tid=guid).first() if guid else None


def _done(request: HttpRequest) -> str:
    """Only sentences from the list are shown, with a name only if there is such a person."""
    sentence = DONE.get(request.GET.get("done", ""), "")
    who = request.GET.get("who", "")
    if "{who}" in sentence and not Person.objects.filter(name=who).exists():
        return ""
    return sentence.format(who=who)


def _back(done: str, who: str = "") -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('console')}?{urlencode({'done': done, 'who': who})}")


def _whole(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "").strip()
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 9:
        raise fault_orders.Senseless("Write numbers with digits only.")
    return int(text)
