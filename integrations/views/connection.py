"""The person's own way: select a service, tick permissions, go to Microsoft, come back, see, end."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.cascade.read import effective
from accounts.doors import SignedInRequest, signed_in
from integrations import connecting, disconnecting, health, panels
from integrations.contracts import CalendarError
from integrations.forms import PermissionsForm, ServiceForm
from integrations.policy import Obstacle, Shape, may_connect
from integrations.preferences import SERVICE_NAMES, Integrations, Service

_NARROWED = {
    connecting.Narrowed.UNCHANGED: "These are the permissions Meridian uses already. Nothing has changed.",
    connecting.Narrowed.YES: (
        "Meridian now uses only what is ticked. Microsoft goes on listing what you gave before, until you withdraw it "
        "there."
    ),
}
BROWSER = "calendar-browser"  # the key, in the session, of what binds a trip to this browser


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def select_service(request: SignedInRequest) -> HttpResponse:
    settings = effective(Integrations, request.user)
    if obstacle := _obstacle(request, settings):
        return _not_allowed(request, obstacle)
    form = ServiceForm(request.POST or None, initial={"service": settings.services.default_service.value})
    if form.is_valid():
        return redirect("permissions")
    return render(
        request,
        "integrations/select_service.html",
        {"form": form, "services": list(SERVICE_NAMES.items()), "only": health.of_rule(settings.domains)},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def permissions(request: SignedInRequest) -> HttpResponse:
    settings = effective(Integrations, request.user)
    connection = connecting.current(request.user)
    if obstacle := _obstacle(request, settings):
        return _not_allowed(request, obstacle)
    ticked = connection or settings.services
    form = PermissionsForm(
        request.POST if request.method == "POST" else None,
        initial={"calendar_write": ticked.calendar_write, "contacts_write": ticked.contacts_write},
    )
    if form.is_valid():
        wish = form.cleaned_data
        narrowed = connecting.narrow(request.user, **wish, now=timezone.now())
        if narrowed is connecting.Narrowed.NO:
            return _go(request, **wish)
        messages.success(request, _NARROWED[narrowed])
        return _to_profile()
    return render(
        request,
        "integrations/permissions.html",
        {
            "form": form,
            "ceiling": settings.services,
            "connection": connection,
            "service": SERVICE_NAMES[Service.OFFICE_365],
            "only": health.of_rule(settings.domains),
        },
    )


@require_POST
@signed_in
def reconnect(request: SignedInRequest) -> HttpResponse:
    """The same permissions again, by way of Microsoft. Needs no working token."""
    connection = connecting.current(request.user)
    if connection is None:
        return redirect("select_service")
    ceiling = effective(Integrations, request.user).services
    return _go(
        request,
        calendar_write=connection.calendar_write and ceiling.calendar_write,
        contacts_write=connection.contacts_write and ceiling.contacts_write,
    )


@require_safe
@signed_in
def connection_status(request: SignedInRequest) -> HttpResponse:
    """The section of the profile alone, asked for again while a worker is at it."""
    context = panels.calendar_of(request.user, now=timezone.now())
    return render(request, "integrations/_calendar_panel.html", {"panel": context})


@require_POST
@signed_in
def connection_delete(request: SignedInRequest) -> HttpResponse:
    if disconnecting.disconnect(request.user, actor=request.user, now=timezone.now()):
        messages.success(request, "The connection is deleted. Microsoft lists Meridian until you withdraw it there.")
    return _to_profile()


def _go(request: SignedInRequest, *, calendar_write: bool, contacts_write: bool) -> HttpResponse:
    """To Microsoft, or back to the profile with a sentence."""
    browser = request.session.setdefault(BROWSER, connecting.new_browser_secret())
    try:
        address = connecting.start(
            request.user,
            calendar_write=calendar_write,
            contacts_write=contacts_write,
            browser=browser,
            now=timezone.now(),
        )
    except connecting.NotAllowed as problem:
        return _not_allowed(request, problem.obstacle)
    except CalendarError:
        messages.error(request, "Microsoft does not answer at the moment. Nothing has changed; try again in a minute.")
        return _to_profile()
    return HttpResponseRedirect(address)


def _obstacle(request: SignedInRequest, settings: Integrations) -> Obstacle | None:
    bound = connecting.domain_bound(connecting.current(request.user))
    return may_connect(settings, Shape(domain=bound))


def _not_allowed(request: SignedInRequest, obstacle: Obstacle) -> HttpResponse:
    behind = panels.decision_behind(request.user, obstacle)
    if behind and behind.is_own:
        messages.error(request, health.of_obstacle(obstacle, is_own=True))
        return _to_profile()
    rule = effective(Integrations, request.user).domains
    messages.error(request, f"{health.of_obstacle(obstacle, rule)} Ask an admin of your account if you need it.")
    return _to_profile()


def _to_profile() -> HttpResponse:
    return HttpResponseRedirect(reverse("profile") + "#calendar")
