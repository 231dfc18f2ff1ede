"""Testing an identity provider, turning it on and off, ending passwords, and removing it: each looked at before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import doors
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.forms.single_sign_on import KeepersForm
from accounts.models import IdentityProvider, SignInEntry, SignInOutcome, User
from accounts.sign_in import again
from accounts.single_sign_on import only, setting_up, starting
from accounts.single_sign_on.causes import WORDS, Cause
from accounts.views.single_sign_on import provider_or_404

_EARLIER = 10


@require_safe
@never_cache
@doors.account_admin
@again.required
def identity_provider_test(request: SignedInRequest, pk: int) -> HttpResponse:
    """Says what will happen, and leads there."""
    provider = provider_or_404(request, pk)
    here = reverse("identity_provider", args=[pk])
    link = starting.link(request, provider, going_to=here, email=request.user.email, purpose="test")
    return render(request, "accounts/identity_provider_test.html", {"provider": provider, "link": link})


@require_safe
@doors.account_admin
def sign_in_test(request: SignedInRequest, pk: int, reference: str) -> HttpResponse:
    """The report: what was looked at, and what was found."""
    provider = provider_or_404(request, pk)
    tests = SignInEntry.objects.filter(provider=provider, outcome=SignInOutcome.TESTED)
    entry = get_object_or_404(tests, reference=reference)
    context = {
        "provider": provider,
        "entry": entry,
        "words": WORDS[Cause(entry.cause)] if entry.cause in set(Cause) else None,
        "counts": provider.tested_at is not None and provider.tested_at == entry.at,
        "earlier": tests.exclude(pk=entry.pk).filter(at__lte=entry.at).order_by("-at", "-pk")[:_EARLIER],
    }
    return render(request, "accounts/sign_in_test.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
@again.required
def identity_provider_on(request: SignedInRequest, pk: int) -> HttpResponse:
    provider = provider_or_404(request, pk)
    done = f"People sign in by {provider}."
    return _switch(request, provider, "identity_provider_on", only.turn_on, done, {"other": only.in_place_of(provider)})


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
@again.required
def identity_provider_off(request: SignedInRequest, pk: int) -> HttpResponse:
    provider = provider_or_404(request, pk)
    done = f"{provider} is turned off. People sign in with their passwords."
    return _switch(request, provider, "identity_provider_off", only.turn_off, done, {})


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
@again.required
def identity_provider_only(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ends passwords, changes who keeps one, or allows them again."""
    provider = provider_or_404(request, pk)
    owners = only.owners(provider.account)
    kept = list(owners.filter(keeps_password=True).values_list("pk", flat=True))
    first = kept or [owner.pk for owner in owners if owner == request.user]
    form = KeepersForm(request.POST or None, owners=owners, initial=first)

    def decide(provider: IdentityProvider, *, actor: User, now: Any) -> None:
        if "allow" in request.POST:
            only.allow_passwords(provider, actor=actor, now=now)
        else:
            chosen = form.cleaned_data["keepers"] if form.is_valid() else ()
            only.end_passwords(provider, [owner.pk for owner in chosen], actor=actor, now=now)

    allows = "allow" in request.POST
    done = "Passwords count again." if allows else f"People sign in by {provider} only."
    return _switch(request, provider, "identity_provider_only", decide, done, {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
@again.required
def identity_provider_remove(request: SignedInRequest, pk: int) -> HttpResponse:
    provider = provider_or_404(request, pk)
    typed = request.POST.get("typed", "")
    if request.method == "POST" and typed.strip() != provider.name:
        return _ask(request, provider, "identity_provider_remove", "Type its name as it stands here.", {"typed": typed})
    done = f"{provider} is removed."
    context = {"typed": typed}
    return _switch(
        request, provider, "identity_provider_remove", setting_up.remove, done, context, then=("single_sign_on",)
    )


def _switch(
    request: SignedInRequest,
    provider: IdentityProvider,
    page: str,
    change: Callable[..., None],
    done: str,
    context: dict[str, Any],
    *,
    then: tuple[Any, ...] = (),
) -> HttpResponse:
    if request.method != "POST":
        return _ask(request, provider, page, "", context)
    try:
        change(provider, actor=request.user, now=timezone.now())
    except Refused as refusal:
        return _ask(request, provider, page, str(refusal), context)
    messages.success(request, done)
    return redirect(*(then or ("identity_provider", provider.pk)))


def _ask(
    request: SignedInRequest, provider: IdentityProvider, page: str, trouble: str, context: dict[str, Any]
) -> HttpResponse:
    told = {"provider": provider, "affected": only.affected(provider), "trouble": trouble, **context}
    return render(request, f"accounts/{page}.html", told, status=422 if trouble else 200)
