"""Account Management > Exchange servers: the organization's own, how they stand, and their impersonation accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from accounts.doors import SignedInRequest, account_admin
from accounts.forms.reason import ReasonForm
from accounts.models import Account
from accounts.nudging import nudge
from accounts.templatetags.ui import counted
from integrations.console.tiles import LOOKS
from integrations.exchange import asked, servers, showing
from integrations.exchange.server_forms import AccountForm, CheckForm
from integrations.models import ExchangeServer
from integrations.tasks import check_asked_server

ON_A_PAGE = 20


@require_safe
@never_cache
@account_admin
def exchange_servers(request: SignedInRequest) -> HttpResponse:
    account = request.user.account
    servers.keep(account, now=timezone.now())
    context = {"cards": showing.cards(account), "online": showing.online(account)}
    return render(request, "integrations/exchange_servers.html", context)


@require_safe
@vary_on_headers("HX-Request")
@never_cache
@account_admin
def exchange_server(request: SignedInRequest, pk: int) -> HttpResponse:
    """The page; asked for by itself while a worker asks the server, the page anew as soon as it has."""
    server = _server_or_404(request.user.account, pk)
    if getattr(request, "htmx", False):
        check = asked.latest(server, now=timezone.now())
        if check is None or not check.is_waiting:
            return HttpResponseClientRefresh()
        return render(request, "integrations/_exchange_server_check.html", {"server": server, "check": check})
    return _page(request, server)


@require_POST
@account_admin
def exchange_server_check(request: SignedInRequest, pk: int) -> HttpResponse:
    server, now = _server_or_404(request.user.account, pk), timezone.now()
    form = CheckForm(request.POST, server=server)
    if not form.is_valid():
        return _page(request, server, check_form=form, status=422)
    under_way = asked.latest(server, now=now)
    if under_way is not None and under_way.is_waiting and not under_way.is_silent:
        messages.info(request, "A worker asks the server already.")
    elif asked.ask(server, address=form.cleaned_data["mailbox"], now=now):
        nudge(check_asked_server, server_id=server.pk)
    else:
        messages.error(request, "It cannot be checked at the moment. Try again in a minute.")
    return redirect("exchange_server", server.pk)


@sensitive_post_parameters("password")
@require_POST
@account_admin
def exchange_server_account(request: SignedInRequest, pk: int) -> HttpResponse:
    server, now = _server_or_404(request.user.account, pk), timezone.now()
    form = AccountForm(request.POST)
    if not form.is_valid():
        return _page(request, server, account_form=form, status=422)
    servers.set_impersonation(server, actor=request.user, now=now, **form.cleaned_data)
    asked.ask(server, now=now)
    nudge(check_asked_server, server_id=server.pk)
    messages.success(request, "The impersonation account is set. A worker tries it now.")
    return redirect("exchange_server", server.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@account_admin
def exchange_server_account_remove(request: SignedInRequest, pk: int) -> HttpResponse:
    """Whom exactly it connects: nothing is removed before it is said here."""
    server = _server_or_404(request.user.account, pk)
    if not servers.has_account(server):
        return redirect("exchange_server", server.pk)
    number = servers.carried_on(server).count()
    form = ReasonForm(request.POST if request.method == "POST" else None, initial={"said": number})
    if form.is_valid() and number > (form.cleaned_data["said"] or 0):
        form = ReasonForm(initial={"said": number, "reason": form.cleaned_data["reason"]})
        messages.error(request, "More people are connected now than this page had said. Nothing has changed.")
    elif form.is_valid():
        reason = form.cleaned_data["reason"].strip()
        count = servers.remove_impersonation(server, actor=request.user, now=timezone.now(), reason=reason)
        people = counted(count, "connection is,connections are")
        messages.success(request, f"The impersonation account is removed. {people} paused.")
        return redirect("exchange_server", server.pk)
    found = Paginator(servers.carried_on(server).order_by("user__name", "pk"), ON_A_PAGE)
    page = found.get_page(request.GET.get("page"))
    named = [(one, LOOKS[one.state]) for one in page]
    context = {"form": form, "number": number, "server": server, "page": page, "named": named}
    return render(request, "integrations/exchange_server_remove.html", context)


def _page(
    request: SignedInRequest,
    server: ExchangeServer,
    *,
    account_form: AccountForm | None = None,
    check_form: CheckForm | None = None,
    status: int = 200,
) -> HttpResponse:
    shown = showing.page(server, now=timezone.now())
    more: dict[str, Any] = {
        "account_form": account_form or AccountForm(),
        "check_form": check_form or CheckForm(server=server),
    }
    return render(request, "integrations/exchange_server.html", {**shown, **more}, status=status)


def _server_or_404(account: Account, pk: int) -> ExchangeServer:
    """Of another account there is nothing."""
    return get_object_or_404(servers.of(account).select_related("account", "set_by"), pk=pk)
