"""Releasing somebody from an identity of single sign-on: what it means, and then it is done."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import doors
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.models import SingleSignOnIdentity, User
from accounts.sign_in import again
from accounts.single_sign_on import identities


@dataclass(frozen=True)
class Shown:
    identity: SingleSignOnIdentity
    subject: str


def shown_of(person: User) -> list[Shown]:
    """For a page about the person: one query."""
    return [Shown(bound, identities.shortened(bound.subject)) for bound in identities.of_person(person)]


@require_http_methods(["GET", "HEAD", "POST"])
@again.required
@doors.signed_in
def person_release(request: SignedInRequest, pk: int) -> HttpResponse:
    person = doors.managed_person_or_404(request.user, pk)
    if request.method == "POST":
        sent = doors.number_in(request.POST.get("identity", ""))
        try:
            identities.release(person, sent, actor=request.user, now=timezone.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{person} is released, and may be bound anew at the next sign-in.")
        return redirect("person", person.pk)
    return render(request, "accounts/person_release.html", {"person": person, "identities": shown_of(person)})
