"""What the console's buttons do: the same functions as the JSON API, and then back to the page with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from integrations.simulator.control import doing, flashes, forms, subjects
from integrations.simulator.control.acts import reading
from integrations.simulator.control.acts.declaring import Action, Unfit
from integrations.simulator.control.console import guarded, names, show
from integrations.simulator.control.subjects import Appointment, Enrolment
from integrations.simulator.models import Person, Subscription


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def press(request: HttpRequest, /, on: str, action: str, **ids: Any) -> HttpResponse:
    """GET shows the one form by itself; so does a POST that cannot be done, with the reason."""
    subject = _subject(on, ids)
    found = doing.find(on, action)
    if request.method != "POST":
        return _alone(request, found, subject, None)
    sent = {name: str(value) for name, value in request.POST.items()}
    try:
        said = doing.do(found, subject, reading.from_form(found, sent), now=timezone.now())
    except Unfit as unfit:
        return _alone(request, found, subject, sent, unfit)
    return back(_after(found, subject), said)


def back(page: str, said: str) -> HttpResponse:
    return HttpResponseRedirect(f"{page}?{urlencode({flashes.PARAMETER: flashes.keep(said)})}")


def _alone(
    request: HttpRequest, action: Action, subject: Any, sent: Mapping[str, str] | None, unfit: Unfit | None = None
) -> HttpResponse:
    context = {
        "form": forms.form(action, subject, sent),
        "problem": unfit.sentence if unfit else "",
        "back": _after(action, subject),
        "names": names(),
    }
    status = 200 if unfit is None else 409 if unfit.status == 409 else 400
    return show(request, "console_action", context, status=status)


def _subject(on: str, ids: Mapping[str, Any]) -> Any:
    match on:
        case "people":
            return subjects.person(str(ids["oid"]))
        case "events":
            return subjects.appointment(str(ids["oid"]), ids["graph_id"])
        case "tenants":
            return subjects.tenant(str(ids["tid"]))
        case "applications":
            return subjects.application(str(ids["client_id"]))
        case "principals":
            return subjects.enrolment(str(ids["client_id"]), str(ids["tid"]))
        case "subscriptions":
            return subjects.subscription(str(_guid(ids)))
    return None


def _guid(ids: Mapping[str, Any]) -> UUID:
    guid: UUID = ids["graph_id"]
    return guid


def _after(action: Action, subject: Any) -> str:
    """Where what was acted on can be seen; what is gone is seen where it was listed."""
    match subject:
        case Appointment():
            return forms.page_of(subject.owner)
        case Subscription():
            return forms.page_of(subject.person)
        case Person() if action.on == "people":
            return forms.page_of(subject)
        case None:
            return "/"
        case Enrolment():
            return forms.page_of(subject)
    return forms.page_of(subject)
