"""Account Management > Connections > Test the integration: with somebody who is no admin, step by step."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import doors
from accounts.doors import SignedInRequest
from integrations.models import Trial


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
def trial_begin(request: SignedInRequest) -> HttpResponse:
    return render(request, "integrations/trial_begin.html", {})


@require_safe
@doors.account_admin
def trial(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    shown = get_object_or_404(Trial.objects.select_related("person"), pk=pk, account=request.user.account_id)
    return render(request, "integrations/trial.html", {"trial": shown})
