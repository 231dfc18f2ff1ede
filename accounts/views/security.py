"""Profile > Security: the password, the second factor, and sessions elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.mfa.base import views as of_base
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as of_codes
from allauth.mfa.totp import views as of_totp
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts import audit, doors
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.models import User
from accounts.sign_in import again, second_factor

SIGNED_OUT = audit.declare("person.signed_out_elsewhere", "{actor} signed out everywhere else.")
# For how long after they were shown the codes may be downloaded, in the same session.
DOWNLOADABLE = 10 * 60
_SHOWN = "recovery_codes_shown"


@require_safe
@doors.signed_in
def security(request: SignedInRequest) -> HttpResponse:
    context = {
        "person": request.user,
        "has_password": request.user.has_usable_password(),
        "applies": second_factor.applies_to(request.user),
        "factor": second_factor.standing(request.user),
    }
    return render(request, "accounts/security.html", context)


@require_POST
@doors.signed_in
def security_sign_out(request: SignedInRequest) -> HttpResponse:
    """Ends every other session of the person; this one goes on under a new key."""
    now = timezone.now()
    with transaction.atomic():
        User.objects.filter(pk=request.user.pk).update(session_epoch=F("session_epoch") + 1)
        person = User.objects.select_related("account").get(pk=request.user.pk)
        second_factor.record(SIGNED_OUT, person, now=now)
    update_session_auth_hash(request, person)
    messages.success(request, "You are signed out everywhere else.")
    return redirect("security")


class Activate(of_totp.ActivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        person = request.user
        assert isinstance(person, User)  # noqa: S101  behind `signed_in`
        if second_factor.is_on(person) or not second_factor.applies_to(person):
            return redirect("security")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer

    def form_valid(self, form: Any) -> HttpResponse:
        now = timezone.now()
        with transaction.atomic():
            answer: HttpResponse = super().form_valid(form)
            second_factor.record(second_factor.TURNED_ON, self.request.user, now=now)
            # The code that turned it on signs nobody in.
            second_factor.redeem(self.request.user, form.cleaned_data["code"], now=now)
        return answer


class Deactivate(of_totp.DeactivateTOTPView):  # type: ignore[misc]  # as above
    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            answer: HttpResponse = super().form_valid(form)
            second_factor.record(second_factor.TURNED_OFF, self.request.user, now=timezone.now())
        return answer


class MakeCodes(of_codes.GenerateRecoveryCodesView):  # type: ignore[misc]  # as above
    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            answer: HttpResponse = super().form_valid(form)
            second_factor.record(second_factor.CODES_MADE, self.request.user, now=timezone.now())
        return answer


class ShowCodes(of_codes.ViewRecoveryCodesView):  # type: ignore[misc]  # as above
    """Once. Meanwhile the row is held, so that nothing that is written to it is lost."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        with transaction.atomic():
            held = _codes_of(self.request.user).select_for_update().first()
            shown: dict[str, Any] = super().get_context_data(**kwargs)
        if held is not None and shown["can_view_codes"]:
            self.request.session[_SHOWN] = {"codes": held.pk, "at": timezone.now().timestamp()}
        return shown


@require_GET
@again.required
@doors.signed_in
def download_codes(request: SignedInRequest) -> HttpResponse:
    codes = _codes_of(request.user).first()
    unused = codes.wrap().get_unused_codes() if codes and _may_download(request, codes, timezone.now()) else []
    if not unused:
        raise Http404
    answer = render(request, "mfa/recovery_codes/download.txt", {"unused_codes": unused}, content_type="text/plain")
    answer.headers["Content-Disposition"] = 'attachment; filename="meridian-recovery-codes.txt"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@again.required
@doors.signed_in
def person_second_factor(request: SignedInRequest, pk: int) -> HttpResponse:
    """Resetting it for somebody who lost it."""
    person = doors.managed_person_or_404(request.user, pk)
    if request.method == "POST":
        try:
            second_factor.reset(person, actor=request.user, now=timezone.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"The second factor of {person} is off. A letter about it is on its way.")
        return redirect("person", person.pk)
    is_on = second_factor.is_on(person)
    return render(request, "accounts/person_second_factor.html", {"person": person, "is_on": is_on})


def _codes_of(person: User) -> Any:
    return Authenticator.objects.filter(user=person, type=Authenticator.Type.RECOVERY_CODES)


def _may_download(request: HttpRequest, codes: Authenticator, now: datetime) -> bool:
    shown = request.session.get(_SHOWN, {})
    return bool(shown.get("codes") == codes.pk and now.timestamp() < shown.get("at", 0.0) + DOWNLOADABLE)


authenticate = of_base.authenticate
reauthenticate = of_base.reauthenticate
activate = again.required(doors.signed_in(Activate.as_view()))
deactivate = again.required(doors.signed_in(Deactivate.as_view()))
make_codes = again.required(doors.signed_in(MakeCodes.as_view()))
show_codes = again.required(doors.signed_in(ShowCodes.as_view()))
