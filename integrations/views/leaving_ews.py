"""Account Management > EWS retirement: who still goes by Exchange Web Services, and the way from there to Graph."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import csv_files
from accounts.doors import SignedInRequest, account_admin
from accounts.models import PendingChange
from integrations.leaving_ews import census, listing, plan, showing, work
from integrations.leaving_ews.showing import Whole
from integrations.preferences import ServicePolicy

ON_A_PAGE = 50


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@account_admin
def ews(request: SignedInRequest) -> HttpResponse:
    """The page; asked for by itself while a job runs, what the jobs are at alone."""
    now = timezone.now()
    whole = showing.read(request.user.account, now=now)
    shown = showing.page(whole, now=now)
    if getattr(request, "htmx", False):
        return render(request, "integrations/_leaving_ews_jobs.html", shown)
    chosen = listing.read(request.GET, whole.taken)
    found = Paginator(listing.apply(chosen, whole.taken), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        **shown,
        "chosen": chosen,
        "page": found,
        "rows": listing.shown(list(found), whole.taken),
        "total": len(whole.taken.people),
        "places": [(place, whole.taken.name_of(place)) for place in whole.taken.by_place],
        "services": listing.SERVICES.items(),
        "methods": [(method.value, name) for method, name in listing.METHODS.items()],
        "outcomes": listing.OUTCOMES.items(),
    }
    return render(request, "integrations/leaving_ews.html", context)


@require_GET  # not HEAD: that somebody downloaded it is written down
@account_admin
def ews_csv(request: SignedInRequest) -> StreamingHttpResponse:
    now = timezone.now()
    taken = showing.read(request.user.account, now=now).taken
    zone = timezone.get_current_timezone()
    rows = listing.export(listing.read(request.GET, taken), taken, actor=request.user, now=now, zone=zone)
    answer = csv_files.stream(f"ews {timezone.localtime(now):%Y-%m-%d}.csv", listing.HEADER, rows)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@require_POST
@account_admin
def ews_act(request: SignedInRequest) -> HttpResponse:
    """Look, move, put the settings back, or bring people back: each a job, or a change to review."""
    whole = showing.read(request.user.account, now=timezone.now())
    acts = {"look": _look, "move": _move, "graph": _to_graph, "ews": _to_ews, "back": _bring_back}
    act = acts.get(request.POST.get("do", ""))
    return act(request, whole) if act else redirect("ews")


def _look(request: SignedInRequest, whole: Whole) -> HttpResponse:
    if not whole.taken.people:
        return redirect("ews")
    job = work.look(request.user.account, by=request.user, now=timezone.now())
    return redirect("job", job.pk)


def _move(request: SignedInRequest, whole: Whole) -> HttpResponse:
    """Those for whom the settings say Graph, now and not when the sweep comes by."""
    waiting = [one.connection for one in whole.taken.people if not one.is_policy]
    if not waiting:
        messages.error(
            request, "The settings say EWS for everybody who uses it. Choose Move to Graph at a place first."
        )
        return redirect("ews")
    if work.is_moving(request.user.account):
        messages.info(request, "People are being moved already.")
        return redirect("ews")
    return redirect("job", work.move(request.user.account, waiting, by=request.user, now=timezone.now()).pk)


def _to_graph(request: SignedInRequest, whole: Whole) -> HttpResponse:
    place = request.POST.get("place", "")
    policy = whole.taken.policy_at(place)
    if policy is None:
        return _gone(request)
    return _proposed(request, place, plan.to_graph(policy))


def _to_ews(request: SignedInRequest, whole: Whole) -> HttpResponse:
    place = request.POST.get("place", "")
    kept = showing.at(whole, place)
    if not kept:
        return _gone(request)
    policy = whole.taken.policy_at(place) or census.SERVICES.default
    return _proposed(request, place, plan.to_ews(policy, kept))


def _bring_back(request: SignedInRequest, whole: Whole) -> HttpResponse:
    """One whom the form names, or everybody whose settings say EWS again."""
    named, ready = request.POST.get("connection", ""), showing.to_bring_back(whole)
    chosen = [one for one in ready if not named or str(one) == named]
    if not chosen:
        messages.error(request, "The settings say Graph for them. Put EWS back in the settings first.")
        return redirect("ews")
    return redirect("job", work.bring_back(request.user.account, chosen, by=request.user, now=timezone.now()).pk)


def _proposed(request: SignedInRequest, place: str, policy: ServicePolicy) -> HttpResponse:
    account, back = request.user.account, reverse("ews")
    try:
        made = plan.propose(account, place, policy, by=request.user, back=back, now=timezone.now())
    except plan.NotProposed as refusal:
        messages.error(request, str(refusal))
        return redirect("ews")
    if isinstance(made, PendingChange):
        return redirect("change", made.pk)
    messages.success(request, "Saved.")
    return redirect("ews")


def _gone(request: SignedInRequest) -> HttpResponse:
    messages.error(request, plan.CHANGED)
    return redirect("ews")
