"""The control API: JSON in, JSON out, by the bearer control token. `GET /control/` describes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator.control import (
    catalogue,
    diary,
    doing,
    door,
    fault_requests,
    faults,
    logbook,
    seen,
    subjects,
    tally,
)
from integrations.simulator.control import state as states
from integrations.simulator.control.acts import reading
from integrations.simulator.control.acts.declaring import Unfit
from integrations.simulator.control.fault_orders import Senseless
from integrations.simulator.graph import throttling
from integrations.simulator.models import Grant, ServicePrincipal

Rest = ParamSpec("Rest")
Answer = dict[str, Any]


def _guarded(
    *methods: str,
) -> Callable[
    [Callable[Concatenate[HttpRequest, Rest], Answer]], Callable[Concatenate[HttpRequest, Rest], HttpResponse]
]:
    """The token first, then the method; no cookie counts here, so no other site's page can use one."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, Rest], Answer],
    ) -> Callable[Concatenate[HttpRequest, Rest], HttpResponse]:
        def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
            if not door.has_token(request):
                return _problem(401, "Send the control token: Authorization: Bearer <DATA/control-token>.")
            if request.method not in methods:
                refused = _problem(405, f"Use {' or '.join(methods)} here.")
                refused["Allow"] = ", ".join(methods)
                return refused
            try:
                return JsonResponse(view(request, *args, **kwargs))
            except Unfit as unfit:
                return _problem(unfit.status, unfit.sentence)
            except Senseless as problem:
                return _problem(400, str(problem))

        return csrf_exempt(guarded)

    return decorate


# ── To look at ──────────────────────────────────────────────────────────────
@_guarded("GET")
def index(request: HttpRequest) -> Answer:
    return catalogue.everything()


@_guarded("GET")
def state(request: HttpRequest) -> Answer:
    return states.everything(now=timezone.now())


@_guarded("GET")
def requests(request: HttpRequest) -> Answer:
    """The counts alone: the whole state is long where people are many."""
    return dict(tally.numbers())


@_guarded("GET", "DELETE")
def log(request: HttpRequest) -> Answer:
    if request.method == "DELETE":
        seen.clear()
        return {"cleared": True}
    logbook.check(request.GET)
    return logbook.as_json(logbook.read_filter(request.GET))


@_guarded("GET")
def tenant(request: HttpRequest, name: str) -> Answer:
    return states.tenant(subjects.tenant(name))


@_guarded("GET")
def person(request: HttpRequest, name: str) -> Answer:
    return states.person(subjects.person(name), now=timezone.now())


@_guarded("GET")
def application(request: HttpRequest, client_id: UUID) -> Answer:
    found, now = subjects.application(str(client_id)), timezone.now()
    principals = ServicePrincipal.objects.filter(application=found).select_related("tenant", "application")
    grants = Grant.objects.filter(service_principal__application=found)
    return {
        **states.application(found, now=now),
        "service_principals": [states.principal(one, now=now) for one in principals],
        "grants": [states.grant(one) for one in grants.select_related("person", "service_principal__tenant")],
    }


@_guarded("GET")
def subscriptions(request: HttpRequest) -> Answer:
    return {"subscriptions": states.subscriptions()}


# ── Faults and limits ───────────────────────────────────────────────────────
@_guarded("GET", "POST", "DELETE")
def all_faults(request: HttpRequest) -> Answer:
    now = timezone.now()
    if request.method == "DELETE":
        return {"stopped": faults.stop_all()}
    if request.method == "POST":
        return states.fault(fault_requests.place(_body(request), now=now), now=now)
    return {"faults": [states.fault(fault, now=now) for fault in faults.active(now=now)]}


@_guarded("GET", "DELETE")
def one_fault(request: HttpRequest, pk: int) -> Answer:
    now = timezone.now()
    if request.method == "DELETE" and faults.stop(pk):
        return {"stopped": 1}
    found = next((fault for fault in faults.active(now=now) if fault.pk == pk), None)
    if found is None:
        raise Unfit("There is no such fault (any more).", 404)
    return states.fault(found, now=now)


@_guarded("GET", "POST")
def limits(request: HttpRequest) -> Answer:
    said = {} if request.method == "GET" else _do(request, "service", "throttling", None)
    now = throttling.limits()
    return {**said, "requests": now.requests, "seconds": now.seconds, "concurrent": now.concurrent}


# ── Actions ─────────────────────────────────────────────────────────────────
@_guarded("POST")
def reset(request: HttpRequest) -> Answer:
    """Everything as on the first day; tokens, sessions and faults are gone."""
    return {**_do(request, "service", "reset", None), "reset": True}


@_guarded("POST")
def act_on_service(request: HttpRequest, action: str) -> Answer:
    return _do(request, "service", action, None)


@_guarded("POST")
def follow_recipe(request: HttpRequest, action: str) -> Answer:
    return _do(request, "recipes", action, None)


@_guarded("POST")
def act_on_tenant(request: HttpRequest, name: str, action: str) -> Answer:
    found = subjects.tenant(name)
    return {**_do(request, "tenants", action, found), "tenant": found.name}


@_guarded("POST")
def act_on_person(request: HttpRequest, name: str, action: str) -> Answer:
    found = subjects.person(name)
    return {**_do(request, "people", action, found), "person": found.sign_in_name}


@_guarded("DELETE")
def grants(request: HttpRequest, name: str) -> Answer:
    """All of the person's, or (?client_id=) of one application."""
    found = subjects.person(name)
    mine = Grant.objects.filter(person=found)
    sent = {"client_id": request.GET["client_id"]} if request.GET.get("client_id") else {}
    if sent:
        mine = mine.filter(service_principal__application=subjects.application(sent["client_id"]))
    count = mine.count()
    return {**_do(request, "people", "withdraw-consent", found, sent), "deleted": count}


@_guarded("POST")
def act_on_application(request: HttpRequest, client_id: UUID, action: str) -> Answer:
    found = subjects.application(str(client_id))
    return {**_do(request, "applications", action, found), "client_id": str(client_id)}


@_guarded("POST")
def act_on_principal(request: HttpRequest, client_id: UUID, name: str, action: str) -> Answer:
    found = subjects.enrolment(str(client_id), name)
    return {**_do(request, "principals", action, found), "client_id": str(client_id), "tenant": found.tenant.name}


@_guarded("POST")
def act_on_subscription(request: HttpRequest, graph_id: UUID, action: str) -> Answer:
    return _do(request, "subscriptions", action, subjects.subscription(str(graph_id)))


@_guarded("DELETE")
def one_subscription(request: HttpRequest, graph_id: UUID) -> Answer:
    return _do(request, "subscriptions", "drop", subjects.subscription(str(graph_id)))


# ── Events ──────────────────────────────────────────────────────────────────
@_guarded("GET", "POST")
def events(request: HttpRequest, name: str) -> Answer:
    owner = subjects.person(name)
    if request.method == "POST":
        return {**_do(request, "people", "create-event", owner), "person": owner.sign_in_name}
    today = timezone.now().astimezone(diary.zone_of(owner)).date()
    first = _day(request, "from", today)
    last = _day(request, "to", first + timedelta(days=14))
    zone = diary.zone_of(owner)
    found = diary.entries(owner, _midnight(first, zone), _midnight(last + timedelta(days=1), zone))
    return {"person": owner.sign_in_name, "events": [_shown(entry) for entry in found]}


@_guarded("PATCH", "DELETE")
def one_event(request: HttpRequest, name: str, graph_id: str) -> Answer:
    action = "change" if request.method == "PATCH" else "delete"
    return _do(request, "events", action, subjects.appointment(name, graph_id))


@_guarded("POST")
def act_on_event(request: HttpRequest, name: str, graph_id: str, action: str) -> Answer:
    return _do(request, "events", action, subjects.appointment(name, graph_id))


@_guarded("GET", "POST", "PUT", "PATCH", "DELETE")
def nothing(request: HttpRequest, path: str = "") -> Answer:
    raise Unfit("There is nothing at this address. GET /control/ tells what there is.", 404)


def _do(request: HttpRequest, on: str, name: str, subject: Any, sent: Mapping[str, Any] | None = None) -> Answer:
    action = doing.find(on, name)
    values = reading.from_json(action, _body(request) if sent is None else sent)
    return {"done": name, "said": doing.do(action, subject, values, now=timezone.now())}


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        sent = json.loads(request.body or b"{}")
        # Half of a surrogate pair is fit for JSON and for nothing else.
        json.dumps(sent, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        sent = None
    if sent is None and request.body.strip() == b"null":
        return {}
    if not isinstance(sent, dict):
        raise Unfit("Send a JSON object.")
    return sent


def _day(request: HttpRequest, name: str, default: date) -> date:
    try:
        day = date.fromisoformat(request.GET[name]) if request.GET.get(name) else default
    except ValueError:
        raise Unfit(f"“{name}” must be a date such as 2030-01-31.") from None
    reading.check_year(name, day)
    return day


def _midnight(day: date, zone: Any) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def _shown(entry: diary.Entry) -> Answer:
    return {
        "id": entry.graph_id,
        "subject": entry.subject,
        "starts": entry.starts_at.isoformat(),
        "ends": entry.ends_at.isoformat(),
        "is_all_day": entry.is_all_day,
        "kind": entry.kind,
        "is_cancelled": entry.is_cancelled,
        "organizer": entry.organizer,
    }


def _problem(status: int, sentence: str) -> HttpResponse:
    return JsonResponse({"error": sentence}, status=status)
