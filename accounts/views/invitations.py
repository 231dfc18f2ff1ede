"""The way in for an invited person: the link from the mail, then a name, a password and a time zone."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import invitations, people
from accounts.forms.profile import JoinForm
from accounts.models import User

_IN_SESSION = "invitation"


@require_safe
@never_cache
def invitation_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address at once, so that neither history nor Referer keeps it."""
    if not request.user.is_authenticated:
        request.session.pop(_IN_SESSION, None)
        if invitations.is_ours(token):  # else anybody could fill the table of sessions
            request.session[_IN_SESSION] = token
    return redirect("invitation")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return render(request, "accounts/invitation_signed_in.html")
    try:
        person = invitations.read(request.session.get(_IN_SESSION, ""), now=timezone.now())
    except invitations.Unusable as problem:
        return _unusable(request, problem)
    return _join(request, person)


def _join(request: HttpRequest, person: User) -> HttpResponse:
    form = JoinForm(request.POST or None, person=person)
    if form.is_valid():
        try:
            joined = people.accept(person, **form.cleaned_data, now=timezone.now())
        except ValidationError as weak:
            form.add_error("password", weak)
        except people.InvitationGone as refusal:
            form.add_error(None, str(refusal))
        else:
            login(request, joined, backend=settings.SIGN_IN_BACKEND)
            request.session.set_expiry(0)  # ends with the browser, as after signing in
            request.session.pop(_IN_SESSION, None)
            messages.success(request, f"Welcome to {person.account}.")
            return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/invitation.html", {"form": form, "person": person})


def _unusable(request: HttpRequest, problem: invitations.Unusable) -> HttpResponse:
    context = {
        "sentence": str(problem),
        "person": problem.person,
        "may_sign_in": isinstance(problem, invitations.Used),
    }
    status = 404 if isinstance(problem, invitations.Unreadable) else 410
    return render(request, "accounts/invitation_unusable.html", context, status=status)
