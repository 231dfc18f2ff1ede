"""Account Management > Connections > one connection: what is wrong with it, and what helps."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import doors
from accounts.doors import SignedInRequest
from accounts.models import User
from integrations import bundles
from integrations.models import Connection


@require_safe
@doors.account_admin
def connection_diagnose(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = _connection_or_404(request.user, pk)
    return render(request, "integrations/diagnose.html", {"connection": shown, "person": shown.user})


@require_safe
@doors.account_admin
def connection_bundle(request: SignedInRequest, pk: int) -> HttpResponse:
    return JsonResponse(bundles.bundle(_connection_or_404(request.user, pk)))


@require_POST
@doors.account_admin
def connection_check(request: SignedInRequest, pk: int) -> HttpResponse:
    return redirect("connection_diagnose", _connection_or_404(request.user, pk).pk)


@require_POST
@doors.account_admin
def connection_remind(request: SignedInRequest, pk: int) -> HttpResponse:
    return redirect("connection_diagnose", _connection_or_404(request.user, pk).pk)


def _connection_or_404(user: User, pk: int) -> Connection:
    """A connection of the same account, for those who may manage whose it is."""
    found = Connection.objects.select_related("user__account").filter(account=user.account_id)
    connection = get_object_or_404(found, pk=pk)
    if not doors.can_manage(user, connection.user):
        raise PermissionDenied("Only an owner or an admin of the account may diagnose, and only owners owners.")
    return connection
