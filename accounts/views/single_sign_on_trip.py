"""On the way to an identity provider and back: asked before, asked for the password once, told what went wrong."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.forms.second_factor import SignInCode
from accounts.forms.single_sign_on_trip import OwnPassword
from accounts.models import IdentityProvider, SignInEntry, SignInOutcome, User
from accounts.sign_in import second_factor
from accounts.single_sign_on import arriving, confirming, settling, starting
from accounts.single_sign_on.causes import WORDS, Cause, Refused, Words
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.confirming import Waiting
from accounts.single_sign_on.deciding import Step
from accounts.single_sign_on.trips import Purpose

TOLD_FOR = timedelta(days=1)


@require_GET
@never_cache
def sso_start(request: HttpRequest, key: str) -> HttpResponse:
    """On to the provider, if a page of ours has sent this browser; else it asks first. One that is off is there for
    tests alone."""
    provider = get_object_or_404(IdentityProvider.objects.select_related("account"), key=key)
    meant = starting.take(request, provider, request.GET.get("go", ""))
    purpose: Purpose = "test" if meant and meant.get("purpose") == "test" else "sign_in"
    if not provider.is_on and purpose != "test":
        raise Http404
    if meant is not None:
        now = timezone.now()
        return starting.go(
            request, provider, going_to=meant["going_to"], email=meant["email"], purpose=purpose, now=now
        )
    link = starting.link(request, provider, going_to=request.GET.get("next", ""))
    return render(request, "accounts/single_sign_on_start.html", {"provider": provider, "link": link})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sso_confirm(request: HttpRequest) -> HttpResponse:
    """The own password, once: then the identity is known."""
    now = timezone.now()
    waiting = confirming.waiting(request, now=now)
    named = settling.look(waiting.provider, waiting.vouched) if waiting else None
    if waiting is None or named is None or named.step is not Step.ASK_PASSWORD or named.named is None:
        confirming.forget(request)
        messages.warning(request, "That took too long, or was done already. Sign in again.")
        return redirect("account_login")
    if waiting.proved == named.named.pk:
        return _second(request, waiting, named.named)
    form = OwnPassword(request.POST or None)
    if form.is_valid():
        return _proved(request, waiting, named.named, form)
    return _ask(request, waiting, form)


@require_GET
@never_cache
def sso_trouble(request: HttpRequest, reference: str) -> HttpResponse:
    """What went wrong, to whoever it happened to: the reference is known to that browser and to the admins."""
    recent = SignInEntry.objects.filter(outcome=SignInOutcome.REFUSED, at__gt=timezone.now() - TOLD_FOR)
    entry = get_object_or_404(recent.select_related("provider"), reference=reference)
    words = WORDS[Cause(entry.cause)] if entry.cause in set(Cause) else Words("You were not signed in", "Try again.")
    provider = entry.provider if entry.provider and entry.provider.is_on else None
    link = starting.link(request, provider, going_to="") if provider else ""
    context = {"entry": entry, "words": words, "provider": provider, "link": link}
    return render(request, "accounts/single_sign_on_trouble.html", context)


def _proved(request: HttpRequest, waiting: Waiting, person: User, form: OwnPassword) -> HttpResponse:
    # Through Django, so that guesses count here as they do on the sign-in page.
    user = authenticate(request, email=person.email, password=form.cleaned_data["password"])
    if user == person and second_factor.is_on(person):
        confirming.note_password(request, person)
        return redirect("sso_confirm")
    if user == person:
        return _bind(request, waiting, person)
    is_locked = getattr(request, "axes_locked_out", False)
    if is_locked or not confirming.note_wrong(request):
        confirming.forget(request)
        cause = Cause.TOO_MANY_TRIES if is_locked else Cause.WRONG_PASSWORD
        says = "The password that was to prove the person was wrong too often."
        return _refuse(request, waiting, Refused(cause, says, email=waiting.vouched.email))
    form.add_error("password", "That is not your password.")
    return _ask(request, waiting, form)


def _second(request: HttpRequest, waiting: Waiting, person: User) -> HttpResponse:
    """Whoever has a second factor shows it here, too: from then on the provider lets them in without it."""
    form = SignInCode(request.POST if "code" in request.POST else None, user=person)
    if not form.is_valid():
        return _ask(request, waiting, form)
    return _bind(request, waiting, person)


def _bind(request: HttpRequest, waiting: Waiting, person: User) -> HttpResponse:
    now = timezone.now()
    confirming.forget(request)
    try:
        bound = settling.settle(waiting.provider, waiting.vouched, now=now, proved=person)
    except Refused as refused:
        return _refuse(request, waiting, refused)
    return arriving.let_in(request, waiting.provider, waiting.vouched, bound, going_to=waiting.going_to, now=now)


def _ask(request: HttpRequest, waiting: Waiting, form: OwnPassword | SignInCode) -> HttpResponse:
    context = {"form": form, "provider": waiting.provider, "email": waiting.vouched.email}
    return render(request, "accounts/single_sign_on_confirm.html", context)


def _refuse(request: HttpRequest, waiting: Waiting, refused: Refused) -> HttpResponse:
    now = timezone.now()
    return arriving.refuse(request, waiting.provider, refused, trip=None, checks=Checks(), now=now)
