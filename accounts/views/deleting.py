"""Deleting a person: what would end, the address typed out, and then it is done."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import deleting, doors, openings
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.forms.people import DeleteForm, state_of


@require_http_methods(["GET", "HEAD", "POST"])
@doors.signed_in
def person_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.managed_person_or_404(request.user, pk)
    form = DeleteForm(request.POST or None, person=shown)
    if form.is_valid():
        try:
            deleting.delete(shown, actor=request.user, now=timezone.now(), reason=form.cleaned_data["reason"])
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{shown} is deleted.")
            return redirect("people")
    context = {
        "person": shown,
        "who": str(shown),
        "state": state_of(shown),
        "form": form,
        "ending": deleting.ending(shown),
        "panels": [panel(request, shown) for panel in openings.person_admin_panels],
        "is_own": shown == request.user,
    }
    return render(request, "accounts/person_delete.html", context)
