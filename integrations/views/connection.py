"""The person's own way: select a service, tick permissions, go to Microsoft, come back, see, renew, end."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.cascade.read import effective
from accounts.doors import SignedInRequest, signed_in
from integrations import (
    connecting,
    credentials,
    deciding,
    disconnecting,
    health,
    panels,
    permitting,
    renewing,
    retrying,
)
from integrations.contracts import CalendarError
from integrations.forms import PermissionsForm, ServiceForm
from integrations.models import ALIVE, State
from integrations.policy import Obstacle, Shape, may_connect
from integrations.preferences import SERVICE_NAMES, Integrations, Service

BROWSER = "calendar-browser"  # the key, in the session, of what binds a trip to this browser
GET_AND_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_AND_POST)
@signed_in
def select_service(request: SignedInRequest) -> HttpResponse:
    settings = effective(Integrations, request.user)
    if obstacle := _obstacle(request, settings):
        return _not_allowed(request, obstacle)
    works = not credentials.is_refused(now=timezone.now())
    offered = connecting.offered(settings, connecting.current(request.user)) if works else []
    form = ServiceForm(
        request.POST or None, offered=offered, initial={"service": settings.services.default_service.value}
    )
    if form.is_valid():
        return redirect("permissions")
    return render(
        request,
        "integrations/select_service.html",
        {
            "form": form,
            "services": [(service, SERVICE_NAMES[service]) for service in offered],
            "only": health.of_rule(settings.domains),
        },
    )


@require_http_methods(GET_AND_POST)
@signed_in
def permissions(request: SignedInRequest) -> HttpResponse:
    settings = effective(Integrations, request.user)
    connection = connecting.own(request.user)
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
        _say_narrowed(request, narrowed)
        return _to_profile()
    return render(
        request,
        "integrations/permissions.html",
        {
            "form": form,
            "rows": permitting.rows(request.user, settings.services, connection, form),
            "at_once": connection is not None and connection.state in (*ALIVE, State.BLOCKED_BY_POLICY),
            "connection": connection,
            "service": SERVICE_NAMES[Service.OFFICE_365],
            "only": health.of_rule(settings.domains),
        },
    )


@require_http_methods(GET_AND_POST)
@signed_in
def reconnect(request: SignedInRequest) -> HttpResponse:
    """The same permissions again, by way of Microsoft. Needs no working token. Letters lead here: to look at the
    address is to see one button, and what it is for."""
    now = timezone.now()
    if request.method != "POST":
        panel = panels.calendar_of(request.user, now=now)
        return render(request, "integrations/reconnect.html", {"panel": panel})
    settings = effective(Integrations, request.user)
    wish = renewing.wish_again(request.user, settings.services, now=now)
    if wish is None:
        return redirect("select_service")
    return _go(request, calendar_write=wish.calendar_write, contacts_write=wish.contacts_write)


@require_safe
@signed_in
def connection_status(request: SignedInRequest) -> HttpResponse:
    """The section of the profile alone, asked for again while a worker is at it."""
    context = panels.calendar_of(request.user, now=timezone.now())
    return render(request, "integrations/_calendar_panel.html", {"panel": context})


@require_POST
@signed_in
def connection_stop(request: SignedInRequest) -> HttpResponse:
    """A way to Microsoft that takes too long; what there was before is there again, with its buttons."""
    if connecting.give_up(request.user, now=timezone.now()):
        messages.success(request, "Stopped. Nothing has changed.")
    return _to_profile()


@require_POST
@signed_in
def connection_try(request: SignedInRequest) -> HttpResponse:
    """What comes of it, or that Microsoft may not be hurried, the profile shows."""
    connection, now = connecting.current(request.user), timezone.now()
    if retrying.may_try(connection, now=now) and not retrying.try_now(connection, now=now):
        messages.error(request, "It cannot be tried at the moment. Meridian tries again by itself.")
    return _to_profile()


@require_http_methods(GET_AND_POST)
@signed_in
def connection_delete(request: SignedInRequest) -> HttpResponse:
    """Asks, and does it when asked by a form."""
    if not disconnecting.may_delete(request.user):
        messages.error(request, "Your organization connects your calendar: it would be connected again.")
        return _to_profile()
    if request.method == "POST":
        own = connecting.own(request.user)
        if disconnecting.disconnect(request.user, actor=request.user, now=timezone.now()):
            listed = " Microsoft lists Meridian until you withdraw it there." if own else ""
            messages.success(request, f"The connection is deleted.{listed}")
        return _to_profile()
    panel = panels.calendar_of(request.user, now=timezone.now())
    if panel["connection"] is None:
        return _to_profile()
    return render(request, "integrations/connection_delete.html", {"panel": panel})


def _go(request: SignedInRequest, *, calendar_write: bool, contacts_write: bool) -> HttpResponse:
    """To Microsoft, or back to the profile with a sentence."""
    if credentials.is_refused(now=timezone.now()):
        messages.error(
            request,
            "Meridian’s own registration at Microsoft needs attention. Its operator has been told. "
            "Nothing has changed.",
        )
        return _to_profile()
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


def _say_narrowed(request: SignedInRequest, narrowed: connecting.Narrowed) -> None:
    unused = panels.unused_of(connecting.current(request.user))
    if narrowed is connecting.Narrowed.UNCHANGED:
        messages.success(request, "These are the permissions Meridian uses already. Nothing has changed.")
    elif unused:
        listed = "; ".join(unused)
        messages.success(request, f"Meridian now uses only what is ticked. Microsoft still lists more: {listed}.")
    else:
        messages.success(request, "Meridian now uses only what is ticked.")


def _obstacle(request: SignedInRequest, settings: Integrations) -> Obstacle | None:
    bound = connecting.domain_bound(connecting.current(request.user))
    return may_connect(settings, Shape(domain=bound))


def _not_allowed(request: SignedInRequest, obstacle: Obstacle) -> HttpResponse:
    behind = deciding.decision_behind(request.user, obstacle)
    if behind and behind.is_own:
        messages.error(request, health.of_obstacle(obstacle, is_own=True))
        return _to_profile()
    rule = effective(Integrations, request.user).domains
    messages.error(request, f"{health.of_obstacle(obstacle, rule)} Ask an admin of your account if you need it.")
    return _to_profile()


def _to_profile() -> HttpResponse:
    return HttpResponseRedirect(reverse("profile") + "#calendar")
