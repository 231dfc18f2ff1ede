"""Where only an administrator of Microsoft 365 may consent: asking, the queue, the link, and the answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.domain_names import NotADomain
from accounts.doors import SignedInRequest, account_admin, signed_in
from accounts.models import User
from accounts.nudging import nudge
from accounts.templatetags.ui import counted
from accounts.views.groups import words
from integrations import admin_consent, approval_queue, connecting, consent_proof, health, tenancy
from integrations import approvals as awaiting
from integrations.admin_consent import Said
from integrations.approval_queue import Organization
from integrations.contracts import CalendarError
from integrations.tasks import look_up_tenants, prove_consent, release_approved

ON_A_PAGE = 50
LONGEST = 8192  # of one parameter of an answer


@require_POST
@signed_in
def ask_admin(request: SignedInRequest) -> HttpResponse:
    """Microsoft often says no more than that somebody left its page; they know that it wanted an administrator."""
    try:
        awaiting.ask(request.user, now=timezone.now())
    except awaiting.NothingToAsk:
        messages.error(request, "There is nothing to ask for yet. Choose your permissions and press Authorize first.")
    except connecting.NotAllowed as problem:
        messages.error(request, f"{health.of_obstacle(problem.obstacle)} Nothing has changed.")
    else:
        messages.success(
            request, "Your admins see that you wait for an approval. You will be told as soon as it is there."
        )
    return _to_profile()


@require_POST
@signed_in
def approval_take_back(request: SignedInRequest) -> HttpResponse:
    if awaiting.take_back(request.user, actor=request.user, now=timezone.now()):
        messages.success(request, "All right. You can authorize Meridian at any other time.")
    return _to_profile()


@require_safe
@never_cache
@account_admin
def approvals(request: SignedInRequest) -> HttpResponse:
    account, now = request.user.account, timezone.now()
    found = approval_queue.organizations(account, now=now)
    sent = request.GET.get("organization", "")
    chosen = next((one for one in found if one.key == sent), found[0] if found else None)
    context: dict[str, Any] = {"organizations": found, "one": chosen, "q": words(request, "q")}
    if chosen:
        needed = approval_queue.permissions(account, chosen)
        link = admin_consent.address_of(chosen.newest, now=now) if chosen.newest else ""
        rows = approval_queue.people(account, chosen, q=context["q"])
        context |= {
            "needed": needed,
            "link": link,
            "letter": approval_queue.letter(account, chosen, link, needed) if link else "",
            "consent": approval_queue.standing(chosen, needed, now=now),
            "is_unanswered": approval_queue.is_unanswered(chosen, now=now),
            "page": Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page")),
        }
    return render(request, "integrations/approvals.html", context)


@require_POST
@account_admin
def approvals_act(request: SignedInRequest) -> HttpResponse:
    """What an admin does about one organization."""
    account, sent = request.user.account, request.POST.get("organization", "")
    found = approval_queue.organizations(account, now=timezone.now())
    chosen = next((one for one in found if one.key == sent), None)
    act = _ACTS.get(request.POST.get("do", ""))
    if chosen is None or act is None:
        messages.error(request, "Nobody waits in this organization any more. Nothing has changed.")
        return redirect("approvals")
    if act in _OF_A_TENANT and not chosen.tenant_id:
        messages.error(request, "Microsoft knows no organization of this domain yet. Nothing has changed.")
    else:
        act(request, chosen)
    return HttpResponseRedirect(f"{reverse('approvals')}?{urlencode({'organization': chosen.key})}")


@require_safe
def admin_consent_answer(request: HttpRequest) -> HttpResponse:
    """Microsoft's redirect, in anybody's browser, signed in or not. It is written down and leads on to a page without
    the state in its address."""
    answer = {name: str(value)[:LONGEST] for name, value in request.GET.items()}
    said, consent = admin_consent.record(answer, now=timezone.now())
    if said is Said.RECORDED and consent:
        nudge(prove_consent, consent_id=str(consent.pk))
    return redirect("admin_consent_done", said.value)


@require_safe
def admin_consent_done(request: HttpRequest, said: str) -> HttpResponse:
    """Says what becomes of the answer, and nothing of whose it was."""
    if said not in list(Said):
        raise Http404
    is_admin = isinstance(request.user, User) and request.user.is_account_admin
    return render(request, "integrations/admin_consent_done.html", {"said": said, "is_admin": is_admin})


def _link(request: SignedInRequest, one: Organization) -> None:
    try:
        admin_consent.make(request.user.account, one.tenant_id, actor=request.user, now=timezone.now())
    except admin_consent.NobodyWaits:
        messages.error(request, "Nobody waits in this organization any more, so there is nothing to ask for.")
    except CalendarError:
        messages.error(request, "Microsoft does not answer at the moment. Nothing has changed; try again in a minute.")
    else:
        messages.success(request, "The link is ready. Any link made before for this organization no longer works.")


def _check(request: SignedInRequest, one: Organization) -> None:
    account, now = request.user.account, timezone.now()
    asked = consent_proof.check_again(account, one.tenant_id, now=now) if one.tenant_id else tenancy.ask_again(account)
    nudge(look_up_tenants)
    if one.newest and asked:
        nudge(prove_consent, consent_id=str(one.newest.pk))
    nudge(release_approved)
    messages.success(request, "Meridian asks Microsoft once more." if asked else "This is as Microsoft has told it.")


def _released(request: SignedInRequest, one: Organization) -> None:
    now = timezone.now()
    count = awaiting.release_by_word(request.user.account, one.tenant_id, actor=request.user, now=now)
    messages.success(request, f"{counted(count, 'person is,people are')} told that one step is left.")


def _domain(request: SignedInRequest, one: Organization) -> None:
    try:
        tenancy.name_domain(request.user.account, instead_of=one.domains[0], domain=request.POST.get("domain", ""))
    except NotADomain as problem:
        messages.error(request, str(problem))
    else:
        nudge(look_up_tenants)
        messages.success(request, "Meridian asks Microsoft whose domain that is.")


_ACTS = {"link": _link, "check": _check, "release": _released, "domain": _domain}
# Who waits without a tenant has only that in common.
_OF_A_TENANT = (_link, _released)


def _to_profile() -> HttpResponse:
    return HttpResponseRedirect(reverse("profile") + "#calendar")
