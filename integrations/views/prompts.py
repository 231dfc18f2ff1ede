"""After single sign-on: the page that asks somebody to connect the calendar, and what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.cascade.read import held
from accounts.doors import SignedInRequest, signed_in
from integrations import connecting, credentials, deciding, fitting, health, panels, permitting, prompting
from integrations.contracts import CalendarError
from integrations.exchange import retirement
from integrations.failures import Reason
from integrations.forms import PermissionsForm
from integrations.models import Answer, State, Step
from integrations.preferences import Api, Integrations, ServicePolicy
from integrations.prompt_rules import may_agree
from integrations.prompting import Open
from integrations.views.connection import BROWSER
from integrations.views.trips import GET_AND_POST, to_profile
from integrations.ways import own_way


@require_http_methods(GET_AND_POST)
@never_cache
@signed_in
def calendar_prompt(request: SignedInRequest) -> HttpResponse:
    """For whoever was asked in this session, and has not gone on yet."""
    asked, now = prompting.open_in(request), timezone.now()
    if asked is None:
        return to_profile()
    if request.POST.get("do") == "go-on":
        return _go_on(request, asked)
    if _is_under_way(asked):
        return redirect("calendar_prompt_done")
    holding = held(Integrations, request.user)
    connection = fitting.settled(request.user, holding, now=now)
    domain = connecting.domain_bound(connection, own_way(holding.values.services))
    is_alive = connection is not None and connection.is_alive
    if is_alive or not may_agree(holding.values, domain=domain):
        return _go_on(request, asked)
    policy = holding.values.services
    ticked = connection if connection and connection.api == Api.GRAPH.value else policy
    form = PermissionsForm(
        request.POST if request.method == "POST" else None,
        initial={"calendar_write": ticked.calendar_write, "contacts_write": ticked.contacts_write},
    )
    if form.is_valid():
        return _agree(request, asked, **form.cleaned_data)
    return render(request, "integrations/calendar_prompt.html", _shown(request, asked, policy, form))


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@signed_in
def calendar_prompt_done(request: SignedInRequest) -> HttpResponse:
    """Back from Microsoft: how far it has come, or why it did not work; on its own way on once it works. Asked for by
    itself while a worker is at it, its piece alone."""
    asked = prompting.open_in(request)
    is_piece = bool(getattr(request, "htmx", False))
    if asked is None:
        return HttpResponseClientRedirect(to_profile()["Location"]) if is_piece else to_profile()
    if asked.became == Answer.CONNECTED:
        messages.success(request, "Your calendar is connected.")
        going_to = prompting.go_on(request, asked, now=timezone.now())
        return HttpResponseClientRedirect(going_to) if is_piece else HttpResponseRedirect(going_to)
    if asked.became in (Answer.NONE, Answer.DECLINED):
        return redirect("calendar_prompt")
    panel = panels.calendar_of(request.user, now=timezone.now())
    template = "integrations/_calendar_prompt_done.html" if is_piece else "integrations/calendar_prompt_done.html"
    return render(request, template, {"panel": panel, "asked": asked, "mode": asked.prompt.mode})


def _shown(request: SignedInRequest, asked: Open, policy: ServicePolicy, form: PermissionsForm) -> dict[str, Any]:
    connection, way = connecting.own(request.user), own_way(policy)
    return {
        "form": form,
        "account": request.user.account,
        "decided": deciding.in_words(deciding.decisions_on(request.user, ["sso_prompt"])["sso_prompt"], request.user),
        "rows": permitting.rows(request.user, policy, connection, form),
        "capabilities": way.capabilities,
        "dates": retirement.sentence(timezone.localdate()) if way.capabilities.is_retired else "",
        "is_lost": connection is not None and connection.state == State.NEEDS_REAUTH,
        "mode": asked.prompt.mode,
        "known": asked.known,
    }


def _agree(request: SignedInRequest, asked: Open, *, calendar_write: bool, contacts_write: bool) -> HttpResponse:
    """To Microsoft; or on, with a sentence, where that is not possible or not needed."""
    now, person = timezone.now(), request.user
    ticks = {"calendar_write": calendar_write, "contacts_write": contacts_write}
    if _works_with_less(request, **ticks):
        prompting.came_back(asked, now=now)
        messages.success(request, "Your calendar is connected again.")
        return _go_on(request, asked)
    if credentials.is_refused(now=now):
        says = "Meridian’s own registration at Microsoft needs attention. Its operator has been told."
        return _failed(request, asked, Reason.CREDENTIAL_WRONG, says)
    browser = request.session.setdefault(BROWSER, connecting.new_browser_secret())
    try:
        return HttpResponseRedirect(prompting.set_out(person, asked, **ticks, browser=browser, now=now))
    except connecting.NotAllowed as problem:
        return _failed(request, asked, problem.obstacle.value, health.of_obstacle(problem.obstacle))
    except CalendarError:
        return _failed(request, asked, Reason.NO_ANSWER, "Microsoft does not answer at the moment.")


def _works_with_less(request: SignedInRequest, **ticks: bool) -> bool:
    """What the settings block because it may too much comes back by itself once less is ticked."""
    now, person = timezone.now(), request.user
    if connecting.narrow(person, **ticks, now=now) is connecting.Narrowed.NO:
        return False
    connection = fitting.settled(person, held(Integrations, person), now=now)
    return connection is not None and connection.is_alive


def _failed(request: SignedInRequest, asked: Open, reason: str, says: str) -> HttpResponse:
    prompting.failed(asked, str(reason), now=timezone.now())
    messages.error(request, f"{says} Your calendar is not connected; you can do it in your profile at any time.")
    return _go_on(request, asked)


def _go_on(request: SignedInRequest, asked: Open) -> HttpResponse:
    return HttpResponseRedirect(prompting.go_on(request, asked, now=timezone.now()))


def _is_under_way(asked: Open) -> bool:
    """A worker is at it: to begin anew would end it."""
    trip = asked.prompt.consent
    return asked.became == Answer.AT_MICROSOFT and trip is not None and trip.step != Step.SENT
