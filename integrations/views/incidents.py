"""Account Management > Connections > Incidents: many connections in passing trouble at once, now and lately."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import doors
from accounts.doors import SignedInRequest
from integrations import incidents as known

SHOWN = 50


@require_safe
@doors.account_admin
def incidents(request: SignedInRequest) -> HttpResponse:
    account = request.user.account
    shown = {"incidents": known.open_in(account), "past": known.past_in(account, most=SHOWN)}
    return render(request, "integrations/incidents.html", shown)
