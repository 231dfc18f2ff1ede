"""The control API: JSON in, JSON out, by the bearer control token."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator.control import actions, door, faults, tally
from integrations.simulator.control import state as states
from integrations.simulator.models import Application, Grant, Person, Tenant
from integrations.simulator.seeds import loader

Rest = ParamSpec("Rest")


class _Unfit(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        self.status, self.sentence = status, sentence
        super().__init__(sentence)


def _guarded(
    *methods: str,
) -> Callable[
    [Callable[Concatenate[HttpRequest, Rest], dict[str, Any]]], Callable[Concatenate[HttpRequest, Rest], HttpResponse]
]:
    """The token first, then the method; no cookie counts here, so no other site's page can use one."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, Rest], dict[str, Any]],
    ) -> Callable[Concatenate[HttpRequest, Rest], HttpResponse]:
        def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
            if not door.has_token(request):
                return _problem(401, "Send the control token: Authorization: Bearer <DATA/control-token>.")
            if request.method not in methods:
                return _problem(405, f"Use {' or '.join(methods)} here.")
            try:
                return JsonResponse(view(request, *args, **kwargs))
            except _Unfit as unfit:
                return _problem(unfit.status, unfit.sentence)
            except (faults.Senseless, loader.BadSeed) as problem:
                return _problem(400, str(problem))

        return csrf_exempt(guarded)

    return decorate


@_guarded("GET")
def state(request: HttpRequest) -> dict[str, Any]:
    return states.everything(now=timezone.now())


@_guarded("POST")
def reset(request: HttpRequest) -> dict[str, Any]:
    """Everything as on the first day; tokens, sessions and faults are gone."""
    loader.reset(now=timezone.now())
    tally.clear()
    return {"reset": True}


@_guarded("GET", "POST", "DELETE")
def all_faults(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    if request.method == "DELETE":
        return {"stopped": faults.stop_all()}
    if request.method == "POST":
        sent = _body(request)
        status = sent.get("status")
        fault = faults.order(
            target=str(sent.get("target", "")),
            tenant=_tenant(sent.get("tenant")),
            status=None if status is None else _number(sent, "status"),
            seconds=_number(sent, "seconds"),
            latency_ms=_number(sent, "latency_ms", 0),
            now=now,
        )
        return states.fault(fault, now=now)
    return {"faults": [states.fault(fault, now=now) for fault in faults.active(now=now)]}


@_guarded("DELETE")
def one_fault(request: HttpRequest, pk: int) -> dict[str, Any]:
    if not faults.stop(pk):
        raise _Unfit(404, "There is no such fault (any more).")
    return {"stopped": 1}


@_guarded("POST")
def act_on_person(request: HttpRequest, name: str, action: str) -> dict[str, Any]:
    if action not in actions.ON_PEOPLE:
        raise _Unfit(404, f"Unknown action. There are: {', '.join(actions.ON_PEOPLE)}, password, grants.")
    person = _person(name)
    actions.ON_PEOPLE[action][1](person, now=timezone.now())
    return {"done": action, "person": person.sign_in_name}


@_guarded("POST")
def password(request: HttpRequest, name: str) -> dict[str, Any]:
    sent = _body(request)
    if not sent.get("password"):
        raise _Unfit(400, "Send the new password as “password”.")
    person = _person(name)
    actions.set_password(person, str(sent["password"]), revoke=bool(sent.get("revoke", False)), now=timezone.now())
    return {"done": "password", "person": person.sign_in_name}


@_guarded("DELETE")
def grants(request: HttpRequest, name: str) -> dict[str, Any]:
    """All of the person's, or (?client_id=) of one application."""
    mine = Grant.objects.filter(person=_person(name))
    if request.GET.get("client_id"):
        mine = mine.filter(service_principal__application__client_id=request.GET["client_id"])
    return {"deleted": mine.delete()[0]}


@_guarded("POST")
def secret(request: HttpRequest, client_id: UUID) -> dict[str, Any]:
    sent = _body(request)
    if not sent.get("secret"):
        raise _Unfit(400, "Send the new secret as “secret”.")
    now = timezone.now()
    days = _number(sent, "days", 180)
    actions.set_secret(_application(client_id), str(sent["secret"]), expires_at=now + timedelta(days=days), now=now)
    return {"done": "secret"}


@_guarded("POST")
def expire_secrets(request: HttpRequest, client_id: UUID) -> dict[str, Any]:
    actions.expire_secrets(_application(client_id), now=timezone.now())
    return {"done": "expire-secrets"}


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        sent = json.loads(request.body or b"{}")
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise _Unfit(400, "Send a JSON object.")
    return sent


def _number(sent: dict[str, Any], name: str, default: int | None = None) -> int:
    value = sent.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Unfit(400, f"“{name}” must be a whole number.")
    return value


def _person(name: str) -> Person:
    person = Person.objects.filter(sign_in_name=name.lower()).first()
    if person is None:
        raise _Unfit(404, "Nobody signs in by that name.")
    return person


def _application(client_id: UUID) -> Application:
    application = Application.objects.filter(client_id=client_id).first()
    if application is None:
        raise _Unfit(404, "No application has that client id.")
    return application


def _tenant(domain: object) -> Tenant | None:
    if domain is None:
        return None
    tenant = Tenant.objects.filter(domains__name=str(domain)).first()
    if tenant is None:
        raise _Unfit(404, "No tenant has that domain.")
    return tenant


def _problem(status: int, sentence: str) -> HttpResponse:
    return JsonResponse({"error": sentence}, status=status)
