"""Account Management > Connections > Test the integration: with somebody who is no admin, step by step."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from accounts import doors
from accounts.doors import SignedInRequest
from accounts.models import User
from accounts.nudging import nudge
from accounts.views.groups import words
from integrations import trials
from integrations.models import Trial
from integrations.tasks import look_into_trial
from integrations.trials.progress import outcome, progress

CANDIDATES = 10
LATEST = 10


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
def trial_begin(request: SignedInRequest) -> HttpResponse:
    if request.method == "POST":
        return _begin(request)
    q = words(request, "q")
    shown = {
        "q": q,
        "candidates": _candidates(request.user, q) if q else [],
        "most_candidates": CANDIDATES,
        "latest": [(one, outcome(one)) for one in trials.latest(request.user.account, most=LATEST)],
    }
    return render(request, "integrations/trial_begin.html", shown)


@require_safe
@vary_on_headers("HX-Request")
@doors.account_admin
def trial(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """The page; asked for by itself while the test is under way, the steps alone. Once it has ended, the page anew."""
    shown, now = _trial_or_404(request.user, pk), timezone.now()
    context = {
        "trial": shown,
        "progress": progress(shown, reader=request.user, now=now),
        "profile": settings.PUBLIC_URL + reverse("profile"),
    }
    if getattr(request, "htmx", False):
        return HttpResponseClientRefresh() if shown.ended_at else render(request, "integrations/_trial.html", context)
    return render(request, "integrations/trial.html", context)


@require_POST
@doors.account_admin
def trial_end(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    shown = _trial_or_404(request.user, pk)
    if trials.end(shown, now=timezone.now()):
        messages.success(request, "The test has ended. What it showed is kept.")
    return redirect("trial", shown.pk)


def _begin(request: SignedInRequest) -> HttpResponse:
    person = doors.managed_person_or_404(request.user, doors.number_in(request.POST.get("person", "")))
    try:
        begun = trials.begin(person, by=request.user, now=timezone.now())
    except trials.NotSuitable as refusal:
        messages.error(request, str(refusal))
        return redirect("trial_begin")
    nudge(look_into_trial, trial_id=str(begun.pk))
    return redirect("trial", begun.pk)


def _candidates(by: User, q: str) -> QuerySet[User]:
    """Admins too, so that it can be said why not."""
    found: QuerySet[User] = User.objects.of(by.account).filter(is_active=True, joined_at__isnull=False).matching(q)
    return found.order_by(Lower("name"), "pk")[:CANDIDATES]


def _trial_or_404(user: User, pk: uuid.UUID) -> Trial:
    """A test of the same account, for those who may manage whom it is with."""
    shown = get_object_or_404(Trial.objects.select_related("person__account", "by"), pk=pk, account=user.account_id)
    if not doors.can_manage(user, shown.person):
        raise PermissionDenied("Only an owner or an admin of the account may test, and only owners with owners.")
    return shown
