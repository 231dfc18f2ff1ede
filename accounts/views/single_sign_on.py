"""Account Management > Single Sign-On: the identity providers of the account, and setting one up."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import doors
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.forms.single_sign_on import FORMS, Mappings, ProviderForm, mappings
from accounts.models import AssociatedDomain, DomainState, IdentityProvider, Protocol, SignInEntry, SignInOutcome
from accounts.sign_in import again
from accounts.single_sign_on import certificates, only, openid_connect, rereading, saml_addresses, setting_up

SOON = 30  # days
_RECENT = 5


def provider_or_404(request: SignedInRequest, pk: int) -> IdentityProvider:
    of_account = IdentityProvider.objects.filter(account=request.user.account).select_related("account")
    return get_object_or_404(of_account, pk=pk)


@require_safe
@doors.account_admin
def single_sign_on(request: SignedInRequest) -> HttpResponse:
    providers = IdentityProvider.objects.filter(account=request.user.account).order_by("-is_on", "name", "pk")
    return render(request, "accounts/single_sign_on.html", {"providers": providers})


@require_safe
@doors.account_admin
def identity_provider(request: SignedInRequest, pk: int) -> HttpResponse:
    provider, now = provider_or_404(request, pk), timezone.now()
    tests = SignInEntry.objects.filter(provider=provider, outcome=SignInOutcome.TESTED).order_by("-at", "-pk")
    context = {
        "provider": provider,
        "is_saml": provider.protocol == Protocol.SAML,
        "affected": only.affected(provider),
        "certificates": [(one, one.days_left(now), one.days_left(now) < SOON) for one in certificates.of(provider)],
        "mappings": provider.mappings.select_related("group").order_by("means", "value", "pk"),
        "tests": tests[:_RECENT],
        "domains": _domains(request),
        **_to_copy(provider),
    }
    return render(request, "accounts/identity_provider.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
@again.required
def identity_provider_add(request: SignedInRequest) -> HttpResponse:
    protocol = request.GET.get("protocol", "")
    protocol = protocol if protocol in FORMS else Protocol.OPENID_CONNECT
    form, rows = _forms(request, protocol, None)
    if request.method == "POST" and "more" not in request.POST and form.is_valid() and rows.is_valid():
        try:
            added = setting_up.add(
                request.user.account, protocol, form.given(rows.meant()), actor=request.user, now=timezone.now()
            )
        except Refused as refusal:
            form.add_error(None, ValidationError(str(refusal)))
        else:
            messages.success(request, f"{added} is set up. Give it the values below, then test the sign-in.")
            return redirect("identity_provider", added.pk)
    return _page(request, "accounts/identity_provider_add.html", form, rows, {"protocol": protocol})


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
@again.required
def identity_provider_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    provider = provider_or_404(request, pk)
    form, rows = _forms(request, provider.protocol, provider)
    if request.method == "POST" and "more" not in request.POST and form.is_valid() and rows.is_valid():
        seen = parse_datetime(request.POST.get("seen", "")[:40]) or provider.created_at
        try:
            setting_up.change(provider, form.given(rows.meant()), seen=seen, actor=request.user, now=timezone.now())
        except Refused as refusal:
            form.add_error(None, ValidationError(str(refusal)))
        else:
            messages.success(request, f"{provider} is changed.")
            return redirect("identity_provider", pk)
    context = {"provider": provider, "bound": provider.identities.count()}
    return _page(request, "accounts/identity_provider_edit.html", form, rows, context)


@require_POST
@doors.account_admin
def identity_provider_read(request: SignedInRequest, pk: int) -> HttpResponse:
    """Read the metadata now."""
    provider = provider_or_404(request, pk)
    if not provider.metadata_url:
        messages.error(request, "There is no address of metadata to read.")
    elif trouble := rereading.read_again(provider, now=timezone.now()):
        messages.error(request, trouble)
    else:
        messages.success(request, "The metadata was read.")
    return redirect(f"{reverse('identity_provider', args=[pk])}#certificates")


@require_safe
@doors.account_admin
def identity_provider_certificate(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ours, by which our requests are signed."""
    provider = provider_or_404(request, pk)
    headers = {"Content-Disposition": 'attachment; filename="meridian.pem"'}
    return HttpResponse(provider.signing_certificate, content_type="application/x-pem-file", headers=headers)


def _forms(request: SignedInRequest, protocol: str, provider: IdentityProvider | None) -> tuple[ProviderForm, Mappings]:
    data: QueryDict | None = request.POST if request.method == "POST" else None
    files = request.FILES if request.method == "POST" else None
    initial: dict[str, Any] = {}
    if provider is not None:
        initial = {name: getattr(provider, name, "") for name in FORMS[protocol].base_fields if name != "client_secret"}
        names = ("email_claim", "name_claim", "groups_claim", "roles_claim", "creates_people")
        initial |= {name: getattr(provider, name) for name in names}
        initial["certificates"] = "".join(provider.certificates)
    form = FORMS[protocol](data, files, initial=initial or None, provider=provider, now=timezone.now())
    if data is not None and "more" in data:
        data = data.copy()
        number = data.get("mapping-TOTAL_FORMS", "3")
        data["mapping-TOTAL_FORMS"] = str(min(int(number), 100) + 3 if number.isascii() and number.isdigit() else 3)
    return form, mappings(request.user.account, data, provider)


def _page(
    request: SignedInRequest, template: str, form: ProviderForm, rows: Mappings, more: dict[str, Any]
) -> HttpResponse:
    if "more" in request.POST:
        # A row more is no reason to judge what is not finished.
        form.forget_errors()
        is_wrong = False
    else:
        is_wrong = request.method == "POST"
    context = {"form": form, "rows": rows, "domains": _domains(request), **more}
    return render(request, template, context, status=422 if is_wrong else 200)


def _domains(request: SignedInRequest) -> list[str]:
    verified = AssociatedDomain.objects.filter(account=request.user.account, state=DomainState.VERIFIED)
    return list(verified.order_by("name").values_list("name", flat=True))


def _to_copy(provider: IdentityProvider) -> dict[str, str]:
    if provider.protocol == Protocol.SAML:
        return {"entity_id": saml_addresses.entity_id(provider), "acs": saml_addresses.acs_address(provider)}
    return {"redirect_uri": openid_connect.callback_address(provider.key)}
