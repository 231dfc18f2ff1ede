"""What becomes of passwords, for the sign-in log of the account: of people it knows, and of nobody else."""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.mfa.signals import authentication_failed
from django.conf import settings
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import SignInMethod, SignInOutcome, User
from accounts.sign_in import guessing
from accounts.single_sign_on import log
from accounts.single_sign_on.causes import Cause

_DETAIL = {
    Cause.WRONG_CODE: "The password was right, the code of the second factor was not.",
    Cause.WRONG_PASSWORD: "The password was not the person’s.",
    Cause.TOO_MANY_TRIES: "Wrong passwords came too often, so that for fifteen minutes none is looked at, except from "
    "browsers in which the person has signed in before. This is written once in that time.",
    Cause.ONLY_SINGLE_SIGN_ON: "A password was sent, and the account takes none from this person.",
    Cause.DEACTIVATED: "The password was right.",
}


def signed_in(request: HttpRequest, user: User) -> None:
    _record(request, user, SignInOutcome.SIGNED_IN)


def refused(request: HttpRequest, email: str, cause: Cause) -> None:
    if "\0" in email:  # no database holds it, so nobody is called that
        return
    user = User.objects.select_related("account").filter(email__iexact=email.strip()).first()
    if user is not None and not (cause is Cause.TOO_MANY_TRIES and _was_told(user)):
        _record(request, user, SignInOutcome.REFUSED, cause)


@receiver(authentication_failed, dispatch_uid="accounts.wrong_code")
def _wrong_code(request: HttpRequest, user: User, **_: Any) -> None:
    refused(request, user.email, Cause.WRONG_CODE)


def _record(request: HttpRequest, user: User, outcome: SignInOutcome, cause: Cause | None = None) -> None:
    log.record(
        user.account,
        method=SignInMethod.PASSWORD,
        outcome=outcome,
        now=timezone.now(),
        user=user,
        email=user.email,
        cause=cause or "",
        detail=_DETAIL[cause] if cause else "",
        ip_address=guessing.client_address(request),
    )


def _was_told(user: User) -> bool:
    """Else whoever goes on guessing would fill the log."""
    key = f"guesses:told:{hashlib.sha256(str(user.pk).encode()).hexdigest()}"
    return not cache.add(key, 1, settings.AXES_COOLOFF_TIME.total_seconds())
