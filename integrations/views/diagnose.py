"""Account Management > Connections > one connection: what is wrong with it, and what helps."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from accounts import doors
from accounts.doors import SignedInRequest
from accounts.models import User
from accounts.nudging import nudge
from integrations import diagnosis, telling
from integrations.diagnosis import asked, bundle, panel
from integrations.models import Connection
from integrations.tasks import carry_out_check


@require_safe
@vary_on_headers("HX-Request")
@doors.account_admin
def connection_diagnose(request: SignedInRequest, pk: int) -> HttpResponse:
    """The page; asked for by itself while a worker checks, the page anew as soon as it has."""
    shown = _connection_or_404(request.user, pk)
    if getattr(request, "htmx", False):
        waiting = asked.latest(shown, now=timezone.now())
        if waiting is None or not waiting.is_waiting:
            return HttpResponseClientRefresh()
        return render(request, "integrations/_diagnose_check.html", {"connection": shown, "asked": waiting})
    case = diagnosis.read(shown, reader=request.user, now=timezone.now())
    return render(request, "integrations/diagnose.html", panel.of(case))


@require_GET  # not HEAD: that somebody downloaded it is written down
@doors.account_admin
def connection_bundle(request: SignedInRequest, pk: int) -> HttpResponse:
    case = diagnosis.read(_connection_or_404(request.user, pk), reader=request.user, now=timezone.now())
    name = f"support bundle, connection {pk}.json"
    return HttpResponse(
        bundle.downloaded(case),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


@require_POST
@doors.account_admin
def connection_check(request: SignedInRequest, pk: int) -> HttpResponse:
    shown, now = _connection_or_404(request.user, pk), timezone.now()
    if not asked.can_check(shown):
        messages.error(request, "There is nothing to check with: Meridian holds no access for this connection.")
    elif asked.ask(shown, now=now):
        nudge(carry_out_check, connection_id=shown.pk)
    else:
        messages.error(request, "It cannot be checked at the moment. Try again in a minute.")
    return redirect("connection_diagnose", shown.pk)


@require_POST
@doors.account_admin
def connection_remind(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = _connection_or_404(request.user, pk)
    if telling.remind([shown], by=request.user, now=timezone.now()):
        messages.success(request, f"{shown.user} gets an e-mail with a link to reconnect.")
    else:
        messages.error(request, f"{shown.user} was reminded within a day, or has nothing to act on.")
    return redirect("connection_diagnose", shown.pk)


def _connection_or_404(user: User, pk: int) -> Connection:
    """A connection of the same account, for those who may manage whose it is."""
    found = Connection.objects.select_related("user__account", "link", "server", "prospect", "ews_past").filter(
        account=user.account_id
    )
    connection = get_object_or_404(found, pk=pk)
    if not doors.can_manage(user, connection.user):
        raise PermissionDenied("Only an owner or an admin of the account may diagnose, and only owners owners.")
    return connection
