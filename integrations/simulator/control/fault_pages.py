"""The console's page of faults, with its builder of rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from integrations.simulator.control import fault_requests, fault_words, faults
from integrations.simulator.control.acts.declaring import Unfit
from integrations.simulator.control.console import guarded, names, show
from integrations.simulator.control.fault_orders import METHODS, NAME_CODES, STATUSES, Senseless
from integrations.simulator.control.pressing import back
from integrations.simulator.models import Application, Tenant

PAGE = "/console/faults"
STEPS = (1, 2, 3, 4)
NUMBERS = ("status", "aadsts", "retry_after", "latency_ms")
WORDED = ("reset", "well", *NAME_CODES)
WORDS = ("code", "message", "retry_after_as")


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def every(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    sent = {name: str(value).strip() for name, value in request.POST.items()}
    try:
        fault_requests.place(_order(sent), now=timezone.now())
    except (Senseless, Unfit) as problem:
        return _page(request, sent, str(problem))
    return back(PAGE, "The fault is on.")


@require_POST
@guarded
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    faults.stop(pk)
    return back(PAGE, "The fault is off.")


@require_POST
@guarded
def stop_all(request: HttpRequest) -> HttpResponse:
    faults.stop_all()
    return back(PAGE, "All faults are off.")


def _order(sent: Mapping[str, str]) -> dict[str, Any]:
    """Up to four steps: the first one's fields have plain names, those of the others end in their number."""
    order: dict[str, Any] = {name: sent.get(name, "") for name in ("target", "method", "path")}
    order |= {name: sent.get(name) or None for name in ("tenant", "person", "application")}
    order |= {"seconds": _whole(sent, "seconds"), "percent": _whole(sent, "percent", 100)}
    order |= {"count": _whole(sent, "count") if sent.get("count") else None}
    order["steps"] = [step for number in STEPS if (step := _step(sent, "" if number == 1 else f"-{number}"))]
    return order


def _step(sent: Mapping[str, str], ending: str) -> dict[str, Any]:
    answer = sent.get(f"status{ending}", "")
    numbers = {name: _whole(sent, f"{name}{ending}") for name in NUMBERS if sent.get(f"{name}{ending}")}
    words = {name: sent[f"{name}{ending}"] for name in WORDS if sent.get(f"{name}{ending}")}
    if answer in WORDED:
        numbers.pop("status", None)
    step: dict[str, Any] = {**numbers, **words}
    if answer == "reset":
        step["reset"] = True
    elif answer in NAME_CODES:
        step["code"] = answer
    # “All is well” is a step of a sequence, too.
    return step or ({"latency_ms": 0} if answer == "well" else {})


def _whole(sent: Mapping[str, str], name: str, default: int = 0) -> int:
    text = sent.get(name, "")
    if not text:
        return default
    if text in WORDED:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Senseless("Write numbers with digits only.")
    return int(text)


def _page(request: HttpRequest, sent: Mapping[str, str] | None = None, problem: str = "") -> HttpResponse:
    now = timezone.now()
    context = {
        "here": "faults",
        "faults": fault_words.active(now=now),
        "problem": problem,
        "sent": sent or {},
        "steps": [_shown(sent or {}, number) for number in STEPS],
        "statuses": STATUSES,
        "name_codes": NAME_CODES,
        "methods": METHODS,
        "tenants": Tenant.objects.order_by("pk"),
        "applications": Application.objects.order_by("pk"),
        "names": names(),
    }
    return show(request, "console_faults", context, status=400 if problem else 200)


def _shown(sent: Mapping[str, str], number: int) -> dict[str, Any]:
    ending = "" if number == 1 else f"-{number}"
    values = {name: sent.get(f"{name}{ending}", "") for name in (*NUMBERS, *WORDS)}
    return {"number": number, "ending": ending, **values}
