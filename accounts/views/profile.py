"""A person's own page: who I am here, and what the floors above add."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import doors, groups, openings, people
from accounts.doors import SignedInRequest
from accounts.forms.profile import ProfileForm
from accounts.views import releasing


@require_safe
@doors.signed_in
def profile(request: SignedInRequest) -> HttpResponse:
    return render(
        request,
        "accounts/profile.html",
        {
            "person": request.user,
            "places": list(groups.placed(request.user.memberships.all())),
            "identities": releasing.shown_of(request.user),
            "panels": [panel(request, request.user) for panel in openings.person_panels],
            "now": timezone.now(),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@doors.signed_in
def profile_edit(request: SignedInRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, person=request.user)
    if not form.is_valid():
        return render(request, "accounts/profile_edit.html", {"form": form})
    people.rename(request.user, **form.cleaned_data, actor=request.user, now=timezone.now())
    messages.success(request, "Your profile is saved.")
    return redirect("profile")
