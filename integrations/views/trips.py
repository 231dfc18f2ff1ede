"""What the views of a person's own way have in common: back to the profile, with a sentence where it is not allowed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.cascade.read import effective
from accounts.doors import SignedInRequest
from integrations import deciding, health
from integrations.policy import Obstacle
from integrations.preferences import Integrations

GET_AND_POST = ["GET", "HEAD", "POST"]


def not_allowed(request: SignedInRequest, obstacle: Obstacle) -> HttpResponse:
    behind = deciding.decision_behind(request.user, obstacle)
    if behind and behind.is_own:
        messages.error(request, health.of_obstacle(obstacle, is_own=True))
        return to_profile()
    rule = effective(Integrations, request.user).domains
    messages.error(request, f"{health.of_obstacle(obstacle, rule)} Ask an admin of your account if you need it.")
    return to_profile()


def to_profile() -> HttpResponse:
    return HttpResponseRedirect(reverse("profile") + "#calendar")
