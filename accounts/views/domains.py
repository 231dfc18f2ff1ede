"""Account Management > Account Profile: the account, and the domains that it has proved to be its own."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import domain_proofs, domain_rules, domain_words, domains, doors
from accounts.claims import Refused
from accounts.domain_names import listed, shown
from accounts.domain_words import Standing
from accounts.doors import SignedInRequest
from accounts.forms.domains import DomainsForm, MethodForm
from accounts.models import AssociatedDomain, DomainMethod, DomainState, Role, User

ON_A_PAGE = 50


@dataclass(frozen=True)
class Row:
    domain: AssociatedDomain
    name: str
    standing: Standing


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
def account_profile(request: SignedInRequest) -> HttpResponse:
    form = DomainsForm(request.POST or None)
    if form.is_valid():
        try:
            added = domains.add(
                request.user.account, form.cleaned_data["domains"], actor=request.user, now=timezone.now()
            )
        except domain_rules.NotOurs as refusal:
            form.refuse(refusal.sentences)
        except Refused as refusal:
            form.refuse([str(refusal)])
        else:
            return _after_adding(request, added)
    return _profile(request, form)


@require_safe
@doors.account_admin
def domain(request: SignedInRequest, pk: int) -> HttpResponse:
    """View Verification Details: what to publish, where, and what the last look has found."""
    found, now = doors.domain_or_404(request.user, pk), timezone.now()
    context = {
        "domain": found,
        "name": shown(found.name),
        "standing": domain_words.standing(found, now=now),
        "method": MethodForm(request.GET).chosen(found.method),
        "methods": DomainMethod.choices,
        "record": domain_proofs.record(found.token),
        "tag": domain_proofs.tag(found.token),
        "file_name": domain_proofs.FILE_NAME,
        "file_address": domain_words.file_address(found.name),
    }
    return render(request, "accounts/domain.html", context)


@require_POST
@doors.account_admin
def domain_verify(request: SignedInRequest, pk: int) -> HttpResponse:
    found = doors.domain_or_404(request.user, pk)
    method = MethodForm(request.POST).chosen(found.method)
    try:
        domains.verify(found, method=method, actor=request.user, now=timezone.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("account_profile")
    return redirect(f"{reverse('domain', args=[pk])}?method={method}#standing")


@require_safe
@doors.account_admin
def domain_file(request: SignedInRequest, pk: int) -> HttpResponse:
    """The file to publish, ready to be uploaded."""
    found = doors.domain_or_404(request.user, pk)
    headers = {"Content-Disposition": f'attachment; filename="{domain_proofs.FILE_NAME}"'}
    return HttpResponse(f"{domain_proofs.record(found.token)}\n", content_type="text/html", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
def domain_remove(request: SignedInRequest, pk: int) -> HttpResponse:
    found = doors.domain_or_404(request.user, pk)
    trouble = ""
    if request.method == "POST":
        try:
            domains.remove(found, actor=request.user, now=timezone.now(), seen=request.POST.getlist("seen"))
        except Refused as refusal:
            trouble = str(refusal)
        else:
            messages.success(request, f"{shown(found.name)} is removed.")
            return redirect("account_profile")
    context = {
        "domain": found,
        "name": shown(found.name),
        "standing": domain_words.standing(found, now=timezone.now()),
        "consequences": domains.consequences(found),
        "trouble": trouble,
    }
    return render(request, "accounts/domain_remove.html", context, status=422 if trouble else 200)


def _profile(request: SignedInRequest, form: DomainsForm) -> HttpResponse:
    account = request.user.account
    page: Page[AssociatedDomain] = Paginator(
        AssociatedDomain.objects.filter(account=account).order_by("name"), ON_A_PAGE
    ).get_page(request.GET.get("page"))
    rows = [_row(one) for one in page]
    context = {
        "account": account,
        "owners": User.objects.of(account).filter(role=Role.OWNER, is_active=True).order_by("name", "pk"),
        "page": page,
        "rows": rows,
        "verified": AssociatedDomain.objects.filter(account=account, state=DomainState.VERIFIED).count(),
        "is_looking": any(row.standing.is_looking for row in rows),
        "is_moving": any(row.standing.is_moving for row in rows),
        "form": form,
    }
    return render(request, "accounts/account_profile.html", context, status=422 if form.errors else 200)


def _row(domain: AssociatedDomain) -> Row:
    return Row(domain, shown(domain.name), domain_words.standing(domain, now=timezone.now()))


def _after_adding(request: SignedInRequest, added: domains.Added) -> HttpResponse:
    """Of one the details come next; of many, the list."""
    if added.known:
        messages.info(request, f"In the list already: {listed(added.known)}.")
    if added.new:
        names = listed([one.name for one in added.new])
        messages.success(request, f"Added: {names}. Now prove that {'they are' if added.new[1:] else 'it is'} yours.")
    if len(added.new) == 1:
        return redirect("domain", added.new[0].pk)
    return redirect(reverse("account_profile") + "#domains")
