"""Account Management > Organizations: who consented to Application Permissions, what that grants, and how it ends."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from accounts.doors import SignedInRequest, account_admin
from accounts.forms.reason import ReasonForm
from accounts.models import Account
from accounts.nudging import nudge
from accounts.templatetags.ui import counted
from integrations.console.tiles import LOOKS
from integrations.models import Connection, State, TenantLink
from integrations.organization import checklist, links, narrowing, showing, validating
from integrations.organization.forms import CheckForm, ScopeForm
from integrations.preferences import Api
from integrations.tasks import check_organization

ON_A_PAGE = 20


@require_safe
@never_cache
@account_admin
def organizations(request: SignedInRequest) -> HttpResponse:
    account = request.user.account
    api = Api.EWS if request.GET.get("api") == Api.EWS else Api.GRAPH
    another = checklist.another(account, by=request.user, now=timezone.now(), api=api)
    return render(request, "integrations/organizations.html", {"cards": showing.cards(account), "another": another})


@require_safe
@vary_on_headers("HX-Request")
@never_cache
@account_admin
def organization(request: SignedInRequest, pk: int) -> HttpResponse:
    """The page; asked for by itself while a worker asks Microsoft, the page anew as soon as it has."""
    link = _link_or_404(request.user.account, pk)
    if getattr(request, "htmx", False):
        check = validating.latest(link, now=timezone.now())
        if check is None or not check.is_waiting:
            return HttpResponseClientRefresh()
        return render(request, "integrations/_organization_check.html", {"link": link, "check": check})
    return _page(request, link, _check_form(link))


@require_POST
@account_admin
def organization_check(request: SignedInRequest, pk: int) -> HttpResponse:
    link, now = _link_or_404(request.user.account, pk), timezone.now()
    form = CheckForm(request.POST, link=link)
    if not form.is_valid():
        return _page(request, link, form, status=422)
    under_way = validating.latest(link, now=now)
    if under_way is not None and under_way.is_waiting and not under_way.is_silent:
        messages.info(request, "A worker asks Microsoft already.")
    elif validating.ask(link, now=now, **form.cleaned_data):
        nudge(check_organization, link_id=link.pk)
    else:
        messages.error(request, "It cannot be checked at the moment. Try again in a minute.")
    return redirect("organization", link.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@account_admin
def organization_end(request: SignedInRequest, pk: int) -> HttpResponse:
    """Whom exactly, and what is left at Microsoft: nothing is ended before it is said here."""
    link = _link_or_404(request.user.account, pk)
    number = _to_be_disconnected(link).count()
    form = ReasonForm(request.POST if request.method == "POST" else None, initial={"said": number})
    if form.is_valid() and number > (form.cleaned_data["said"] or 0):
        form = ReasonForm(initial={"said": number, "reason": form.cleaned_data["reason"]})
        messages.error(request, "More people are connected now than this page had said. Nothing has changed.")
    elif form.is_valid():
        name, reason = showing.name_of(link), form.cleaned_data["reason"].strip()
        count = links.ended(link, actor=request.user, now=timezone.now(), reason=reason)
        people = counted(count, "person is,people are")
        messages.success(request, f"The authorization of {name} is ended. {people} disconnected.")
        return redirect("organizations")
    context = {"form": form, "number": number, **_to_end(request, link)}
    return render(request, "integrations/organization_end.html", context)


def _page(request: SignedInRequest, link: TenantLink, form: CheckForm, *, status: int = 200) -> HttpResponse:
    scope = ScopeForm(request.GET or None)
    shown = showing.page(link, scope.chosen, now=timezone.now())
    more = {"form": form, "scope": scope, "is_scope_shown": bool(request.GET.get("how"))}
    return render(request, "integrations/organization.html", {**shown, **more}, status=status)


def _check_form(link: TenantLink) -> CheckForm:
    """With what was asked last."""
    last = validating.latest(link, now=timezone.now())
    return CheckForm(initial={"inside": last.inside, "outside": last.outside} if last else None, link=link)


def _to_end(request: SignedInRequest, link: TenantLink) -> dict[str, Any]:
    carried = _to_be_disconnected(link).select_related("user").defer("refresh_token", "access_token")
    found = Paginator(carried.order_by("user__name", "pk"), ON_A_PAGE).get_page(request.GET.get("page"))
    return {
        "link": link,
        "name": showing.name_of(link),
        "page": found,
        "named": [(one, LOOKS[one.state]) for one in found],
        "remains": showing.remains(link),
        "entra": narrowing.entra_address(showing.place_of(link)),
    }


def _to_be_disconnected(link: TenantLink) -> QuerySet[Connection]:
    return links.carried_by(link).exclude(state=State.DISCONNECTED)


def _link_or_404(account: Account, pk: int) -> TenantLink:
    """One that is in use; of another account there is nothing."""
    return get_object_or_404(links.of(account).select_related("account", "linked_by", "job"), pk=pk)
