"""*Authorize and Save*: an Office 365 admin is sent to Microsoft, comes back, and sees what becomes of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.cascade.declare import BadValue
from accounts.cascade.write import ChangedMeanwhile, SettingLocked
from accounts.doors import SignedInRequest, account_admin, signed_in
from accounts.forms.reason import ReasonForm
from accounts.models import PendingChange
from accounts.nudging import nudge
from accounts.reviewing import Gone
from accounts.views import change_sheet
from integrations import credentials
from integrations.contracts import CalendarError
from integrations.models import LinkRequest
from integrations.organization import answers, checklist, links, progress, saving, trips
from integrations.preferences import Api
from integrations.tasks import prove_authorization
from integrations.views.connection import BROWSER

LONGEST = 8192  # of one parameter of an answer
_WORD = "authorization"  # the key, in the session, of the word in a link that was handed on
_NO_ANSWER = "Microsoft does not answer at the moment. Nothing has changed in Meridian; try again in a minute."
_REGISTRATION = (
    "Meridian’s own registration at Microsoft needs attention. Its operator has been told. "
    "Nothing has changed in Meridian."
)


@require_POST
@account_admin
def authorize_begin(request: SignedInRequest) -> HttpResponse:
    """From the sheet of a change, which is saved at the end; or for an organization alone."""
    now = timezone.now()
    change, confirmed, api = None, None, _api(request.POST.get("api", ""))
    if sent := request.POST.get("change"):
        change = _own_change(request, sent)
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return change_sheet.show(request, change, form=form, status=422)
        confirmed, policy = form.cleaned_data, checklist.policy_of(change)
        api = policy.authorize_with if policy else api
    is_handed_on = "hand_on" in request.POST
    try:
        begun = trips.begin(
            request.user.account,
            domain=request.POST.get("domain", ""),
            by=request.user,
            api=api,
            change=change,
            confirmed=confirmed,
            is_handed_on=is_handed_on,
            now=now,
        )
    except trips.UnderWay as problem:
        messages.info(request, str(problem))
        return redirect("authorize", problem.request.pk)
    except trips.CannotBegin as problem:
        messages.error(request, f"{problem} Nothing has changed.")
        return redirect("change", change.pk) if change else _back_to_organization(request)
    return redirect("authorize", begun.pk) if is_handed_on else _go(request, begun)


@require_safe
@never_cache
@signed_in
def authorize_checklist(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """The checklist of a sheet alone, asked for again while a worker asks Microsoft."""
    pending = _own_change(request, str(pk))
    policy = checklist.policy_of(pending)
    if policy is None:
        raise Http404
    panel = checklist.panel(pending, policy, now=timezone.now())
    return render(request, "integrations/_organization_trip_checklist.html", {"panel": panel.context})


@require_safe
@never_cache
@account_admin
def authorize(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    found = _of_account(request, pk)
    trip = progress.of(found, now=timezone.now())
    context = {"trip": trip, "link": _link(found), "is_own": found.by_id == request.user.pk}
    return render(request, "integrations/organization_trip.html", context)


@require_POST
@account_admin
def authorize_go(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    found = _of_account(request, pk)
    if found.by_id != request.user.pk:
        raise PermissionDenied(
            "Only whoever began this authorization can go on with it. You can begin one of your own."
        )
    return _go(request, found)


@require_POST
@account_admin
def authorize_cancel(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    found = _of_account(request, pk)
    if trips.stop(found, actor=request.user, now=timezone.now()):
        messages.success(request, f"Cancelled. {progress.what_stays(found)}")
    else:
        messages.info(request, "It can no longer be cancelled: it has ended, or Microsoft has confirmed the consent.")
    return redirect("authorize", found.pk)


@require_POST
@account_admin
def authorize_save(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """What the authorization was for and could not be saved: reviewed once more."""
    found = _of_account(request, pk)
    if "change" not in found.confirmed:
        raise Http404
    try:
        made = saving.propose_again(found, by=request.user, now=timezone.now())
    except (Gone, BadValue, PermissionDenied, ChangedMeanwhile, SettingLocked):
        messages.error(request, "This can no longer be changed here: it was locked, deleted or is no longer offered.")
        return redirect("authorize", found.pk)
    if isinstance(made, PendingChange):
        return redirect("change", made.pk)
    messages.info(request, "It is like that already. Nothing has changed.")
    return redirect("authorize", found.pk)


@require_safe
@never_cache
def authorize_link(request: HttpRequest, word: str) -> HttpResponse:
    """What was handed on: the word goes into the session, and out of the address."""
    if trips.by_word(word):  # else anybody could fill the table of sessions
        request.session[_WORD] = word
    return redirect("authorize_handed_on")


@require_safe
@never_cache
def authorize_handed_on(request: HttpRequest) -> HttpResponse:
    """For an Office 365 admin who need not be anybody here."""
    found = trips.by_word(request.session.get(_WORD, ""))
    if found is None:
        return render(request, "integrations/organization_trip_unknown.html", status=404)
    context = {"trip": progress.of(found, now=timezone.now()), "may_go": trips.may_set_out(found, now=timezone.now())}
    return render(request, "integrations/organization_trip_handed_on.html", context)


@require_POST
def authorize_set_out(request: HttpRequest) -> HttpResponse:
    found = trips.by_word(request.session.get(_WORD, ""))
    if found is None or not trips.may_set_out(found, now=timezone.now()):
        return redirect("authorize_handed_on")
    return _go(request, found)


@require_safe
def authorize_unknown(request: HttpRequest) -> HttpResponse:
    """Where answers lead that belong to nothing."""
    return render(request, "integrations/organization_trip_unknown.html")


def trip_answer(request: HttpRequest) -> HttpResponse:
    """Microsoft's redirect, in whichever browser. Always ends in a redirect, so that no code stays in the address."""
    answer = {name: str(value)[:LONGEST] for name, value in request.GET.items()}
    try:
        came = answers.record(answer, browser=request.session.get(BROWSER, ""), now=timezone.now())
    except answers.NotOurs:
        return redirect("authorize_unknown")
    if came.onward:
        return HttpResponseRedirect(came.onward)
    if came.request.answered_at:
        nudge(prove_authorization, request_id=str(came.request.pk))
    handed_on = trips.by_word(request.session.get(_WORD, ""))
    return redirect("authorize_handed_on") if handed_on == came.request else redirect("authorize", came.request.pk)


def _go(request: HttpRequest, trip: LinkRequest) -> HttpResponse:
    """To Microsoft, or to the page of the authorization with a sentence."""
    is_guest = trips.by_word(request.session.get(_WORD, "")) == trip
    page = redirect("authorize_handed_on") if is_guest else redirect("authorize", trip.pk)
    if credentials.is_refused(now=timezone.now()):
        messages.error(request, _REGISTRATION)
        return page
    browser = request.session.setdefault(BROWSER, trips.new_browser_secret())
    try:
        return HttpResponseRedirect(trips.send(trip, browser=browser, now=timezone.now()))
    except trips.Overtaken:
        return page
    except CalendarError:
        messages.error(request, _NO_ANSWER)
        return page


def _back_to_organization(request: SignedInRequest) -> HttpResponse:
    """Whose domain was sent, where it is linked; else to all of them."""
    domain = request.POST.get("domain", "")
    api = _api(request.POST.get("api", ""))
    same = links.of(request.user.account).filter(api=api.value)
    found = next((link for link in same if domain in link.domains), None)
    return redirect("organization", found.pk) if found else redirect("organizations")


def _api(sent: str) -> Api:
    """Graph, unless it is asked for otherwise."""
    return Api.EWS if sent == Api.EWS else Api.GRAPH


def _own_change(request: SignedInRequest, pk: str) -> PendingChange:
    try:
        wanted = uuid.UUID(pk)
    except ValueError as problem:
        raise Http404 from problem
    mine = PendingChange.objects.filter(by=request.user, account=request.user.account, expires_at__gt=timezone.now())
    return get_object_or_404(mine.select_related("by", "account"), pk=wanted)


def _of_account(request: SignedInRequest, pk: uuid.UUID) -> LinkRequest:
    mine = LinkRequest.objects.filter(account=request.user.account)
    return get_object_or_404(mine.select_related("account", "by", "change", "link__job"), pk=pk)


def _link(trip: LinkRequest) -> str:
    """To hand on; "" where there is none."""
    word = trips.word_of(trip)
    return f"{settings.PUBLIC_URL}{reverse('authorize_link', args=[word])}" if word else ""
