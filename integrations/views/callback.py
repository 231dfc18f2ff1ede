"""Where Microsoft sends the browser back to. Only writes down what came; a worker does the rest."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.nudging import nudge
from integrations import admin_consent, connecting, prompting, redeeming
from integrations.organization import answers
from integrations.tasks import redeem
from integrations.views.approvals import admin_consent_answer
from integrations.views.connection import BROWSER
from integrations.views.organization_trip import trip_answer

LONGEST = 8192  # of what Microsoft may send; its codes stay well under 2,000 characters


@require_GET
def microsoft_callback(request: HttpRequest) -> HttpResponse:
    """Always ends in a redirect, so that the code does not stay in the address bar."""
    if answers.belongs(request.GET.dict()):
        return trip_answer(request)
    if admin_consent.belongs(request.GET.dict()):
        return admin_consent_answer(request)  # neither administrator need be anybody here
    if not isinstance(request.user, User):
        # Not by way of `?next=`: that would carry the code along.
        messages.error(request, "You were signed out while you were at Microsoft. Sign in and start again.")
        return redirect("account_login")
    answer = {name: str(value)[:LONGEST] for name, value in request.GET.items()}
    now = timezone.now()
    try:
        consent = connecting.record_answer(request.user, answer, browser=request.session.get(BROWSER, ""), now=now)
    except connecting.NotOurs:
        messages.error(
            request,
            "This answer from Microsoft was used already, came too late, or was not asked for in this browser. "
            "Nothing has changed. You can start again.",
        )
    else:
        if answer.get("error"):
            redeeming.redeem(consent.pk, now=now)  # a refusal needs nobody else: it ends here and now
        else:
            nudge(redeem, consent_id=str(consent.pk))
    way_back = prompting.way_back(request, answer.get("state", ""))
    return HttpResponseRedirect(way_back or reverse("profile") + "#calendar")
