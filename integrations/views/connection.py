"""The person's own way: select a service, tick permissions, go to Microsoft, come back, see, renew, end."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.cascade.read import effective
from accounts.doors import SignedInRequest, signed_in
from integrations import (
    connecting,
    credentials,
    disconnecting,
    health,
    panels,
    permitting,
    renewing,
    retrying,
)
from integrations.contracts import CalendarError
from integrations.exchange import retirement
from integrations.forms import PermissionsForm, ServiceForm
from integrations.models import ALIVE, Connection, State
from integrations.preferences import SERVICE_NAMES, Api, Integrations, Method, Service
from integrations.views.exchange_sign_in import begin_by_impersonation
from integrations.views.trips import GET_AND_POST, not_allowed, to_profile
from integrations.ways import Way, own_way

_NEXT = {Service.OFFICE_365: "permissions", Service.EXCHANGE: "exchange_sign_in"}

BROWSER = "calendar-browser"  # the key, in the session, of what binds a trip to this browser


@require_http_methods(GET_AND_POST)
@signed_in
def select_service(request: SignedInRequest) -> HttpResponse:
    settings, connection = effective(Integrations, request.user), connecting.current(request.user)
    if obstacle := connecting.obstacle_to(settings, connection):
        return not_allowed(request, obstacle)
    works = not own_way(settings.services).is_at_microsoft or not credentials.is_refused(now=timezone.now())
    offered = connecting.offered(settings, connection) if works else []
    form = ServiceForm(
        request.POST or None, offered=offered, initial={"service": settings.services.default_service.value}
    )
    if form.is_valid():
        return redirect(_NEXT[Service(form.cleaned_data["service"])])
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
    connection, way = connecting.own(request.user), own_way(settings.services)
    if obstacle := connecting.obstacle_to(settings, connecting.current(request.user)):
        return not_allowed(request, obstacle)
    if not way.is_at_microsoft:
        return redirect("exchange_sign_in")
    ticked = connection if connection and connection.api == Api.GRAPH.value else settings.services
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
        return to_profile()
    return render(
        request,
        "integrations/permissions.html",
        {
            "form": form,
            "rows": permitting.rows(request.user, settings.services, connection, form),
            "at_once": _is_at_once(connection, way),
            "capabilities": way.capabilities,
            "dates": retirement.sentence(timezone.localdate()) if way.capabilities.is_retired else "",
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
    way = own_way(settings.services)
    if way.method is Method.PASSWORD:
        return redirect("exchange_sign_in")
    if way.method is Method.IMPERSONATION:
        return begin_by_impersonation(request)
    return _go(request, calendar_write=wish.calendar_write, contacts_write=wish.contacts_write)


@require_POST
@signed_in
def connection_to_graph(request: SignedInRequest) -> HttpResponse:
    """From Exchange Web Services, by the usual consent. What there was goes on until the new way has been gone."""
    return _go(request, calendar_write=False, contacts_write=False, is_leaving_ews=True)


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
    return to_profile()


@require_POST
@signed_in
def connection_try(request: SignedInRequest) -> HttpResponse:
    """What comes of it, or that Microsoft may not be hurried, the profile shows."""
    connection, now = connecting.current(request.user), timezone.now()
    if retrying.may_try(connection, now=now) and not retrying.try_now(connection, now=now):
        messages.error(request, "It cannot be tried at the moment. Meridian tries again by itself.")
    return to_profile()


@require_http_methods(GET_AND_POST)
@signed_in
def connection_delete(request: SignedInRequest) -> HttpResponse:
    """Asks, and does it when asked by a form."""
    if not disconnecting.may_delete(request.user):
        messages.error(request, "Your organization connects your calendar: it would be connected again.")
        return to_profile()
    if request.method == "POST":
        own = connecting.own(request.user)
        if disconnecting.disconnect(request.user, actor=request.user, now=timezone.now()):
            is_listed = own is not None and own.service == Service.OFFICE_365.value
            listed = " Microsoft lists Meridian until you withdraw it there." if is_listed else ""
            messages.success(request, f"The connection is deleted.{listed}")
        return to_profile()
    panel = panels.calendar_of(request.user, now=timezone.now())
    if panel["connection"] is None:
        return to_profile()
    return render(request, "integrations/connection_delete.html", {"panel": panel})


def _go(
    request: SignedInRequest, *, calendar_write: bool, contacts_write: bool, is_leaving_ews: bool = False
) -> HttpResponse:
    """To Microsoft, or back to the profile with a sentence."""
    if credentials.is_refused(now=timezone.now()):
        messages.error(
            request,
            "Meridian’s own registration at Microsoft needs attention. Its operator has been told. "
            "Nothing has changed.",
        )
        return to_profile()
    browser = request.session.setdefault(BROWSER, connecting.new_browser_secret())
    try:
        address = connecting.start(
            request.user,
            calendar_write=calendar_write,
            contacts_write=contacts_write,
            browser=browser,
            now=timezone.now(),
            is_leaving_ews=is_leaving_ews,
        )
    except connecting.NotAllowed as problem:
        return not_allowed(request, problem.obstacle)
    except CalendarError:
        messages.error(request, "Microsoft does not answer at the moment. Nothing has changed; try again in a minute.")
        return to_profile()
    return HttpResponseRedirect(address)


def _is_at_once(connection: Connection | None, way: Way) -> bool:
    """Whether what is unticked takes effect without Microsoft."""
    if connection is None or connection.state not in (*ALIVE, State.BLOCKED_BY_POLICY):
        return False
    return way.api is Api.GRAPH and connection.api == Api.GRAPH.value


def _say_narrowed(request: SignedInRequest, narrowed: connecting.Narrowed) -> None:
    unused = panels.unused_of(connecting.current(request.user))
    if narrowed is connecting.Narrowed.UNCHANGED:
        messages.success(request, "These are the permissions Meridian uses already. Nothing has changed.")
    elif unused:
        listed = "; ".join(unused)
        messages.success(request, f"Meridian now uses only what is ticked. Microsoft still lists more: {listed}.")
    else:
        messages.success(request, "Meridian now uses only what is ticked.")
