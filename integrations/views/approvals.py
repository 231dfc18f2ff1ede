"""Where only an administrator of Microsoft 365 may consent: asking, the queue, the link, and the answer."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

@require_safe
def admin_consent_answer(request: HttpRequest) -> HttpResponse:
    """Anybody's browser, signed in or not: believes nothing."""
    messages.error(request, "This answer from Microsoft was not asked for.")
    return redirect("account_login")
