"""Signing in: the address first, and what is asked for then follows from it. One address of ours for all steps, and
nothing is kept between them, so that going back finds what it left."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from allauth.account import views as allauth
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.doors import SignedInRequest
from accounts.models import IdentityProvider
from accounts.sign_in import again, asking
from accounts.sign_in.forms import Address, SignIn
from accounts.single_sign_on import starting


class SignInPage(allauth.LoginView):  # type: ignore[misc]  # allauth ships no types
    """allauth's, which signs in; before it, the question for the address."""

    def get_form_class(self) -> type[BaseForm]:
        return SignIn if "password" in self.request.POST else Address

    def form_valid(self, form: Any) -> HttpResponse:
        if isinstance(form, Address):
            return self._second_step(form.cleaned_data["login"])
        answer: HttpResponse = super().form_valid(form)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        if isinstance(form, Address) or "login" in form.errors:
            return self._show("account/login.html", Address(self.request.POST, request=self.request))
        email = form.cleaned_data["login"]
        way = asking.way_of(email)
        if way.provider and not way.takes_password:
            return self._ask_provider(way, email, is_refused=True)
        return self._show("account/login_password.html", form, email=email)

    def _second_step(self, email: str) -> HttpResponse:
        way = asking.way_of(email)
        if way.provider and not (way.takes_password and "instead" in self.request.POST):
            return self._ask_provider(way, email)
        form = SignIn(initial={"login": email}, request=self.request)
        return self._show("account/login_password.html", form, email=email)

    def _ask_provider(self, way: asking.Way, email: str, *, is_refused: bool = False) -> HttpResponse:
        assert way.provider is not None  # noqa: S101  the callers have looked
        link = starting.link(self.request, way.provider, going_to=_path_in(self.request), email=email)
        context = {"provider": way.provider, "takes_password": way.takes_password, "email": email, "link": link}
        form = Address(initial={"login": email}, request=self.request)
        return self._show("account/login_provider.html", form, **context, is_refused=is_refused)

    def _show(self, template: str, form: BaseForm, **context: Any) -> HttpResponse:
        self.template_name = template
        going_to = _path_in(self.request, otherwise="")
        context["anew"] = reverse("account_login") + (f"?{urlencode({'next': going_to})}" if going_to else "")
        page: HttpResponse = self.render_to_response(self.get_context_data(form=form, **context))
        return page


class ReauthenticatePage(allauth.ReauthenticateView):  # type: ignore[misc]  # allauth ships no types
    """Of somebody who signs in elsewhere, asked there."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        provider = asking.vouching(request, request.user) if request.user.is_authenticated else None
        if provider is not None:
            return _ask_elsewhere(cast(SignedInRequest, request), provider)
        if request.user.is_authenticated and not request.user.has_usable_password():
            raise PermissionDenied("Sign out, then sign in again: you have no password by which to ask who you are.")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer


page = SignInPage.as_view()
reauthenticate = ReauthenticatePage.as_view()


def _where_a_password_counts(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        provider = asking.only_by(request.user) if request.user.is_authenticated else None
        if provider is None:
            return view(request, *args, **kwargs)
        messages.warning(request, f"You sign in by {provider}, so there is no password of yours to change here.")
        return redirect("profile")

    return guarded


change_password = _where_a_password_counts(allauth.password_change)
# With nothing to show before: whoever has no password yet has signed in elsewhere.
set_password = again.required(_where_a_password_counts(allauth.password_set))
# Whoever has a password is asked for it by allauth, each time.
change_address = again.required(allauth.email)


def _ask_elsewhere(request: SignedInRequest, provider: IdentityProvider) -> HttpResponse:
    going_to = _path_in(request, otherwise=reverse("profile"))
    if "go" in request.GET:
        answer: HttpResponse = starting.go(
            request, provider, going_to=going_to, purpose="again", email=request.user.email, now=timezone.now()
        )
        return answer
    link = f"{request.path}?{urlencode({'next': going_to, 'go': 1})}"
    return render(request, "account/reauthenticate_provider.html", {"provider": provider, "link": link})


def _path_in(request: HttpRequest, *, otherwise: str | None = None) -> str:
    """Where the person was going; only a path of ours, nothing that begins like another site."""
    wish = request.POST.get("next") or request.GET.get("next") or ""
    if wish.startswith("/") and url_has_allowed_host_and_scheme(wish, None):
        return wish
    return resolve_url("home") if otherwise is None else otherwise
