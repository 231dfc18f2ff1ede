"""allauth's forms of the second factor in our words, with our own look at the code."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter as account_adapter
from allauth.core import context
from allauth.mfa import signals
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as allauth
from django import forms
from django.utils import timezone

from accounts.models import User
from accounts.sign_in import second_factor

_BOX = {"autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false"}
LONGEST = 40


class SignInCode(forms.Form):
    """After the password. allauth finds it by MFA_FORMS."""

    code = forms.CharField(
        label="Code",
        max_length=LONGEST,
        help_text="The six digits that your app shows, or one of your recovery codes.",
        widget=forms.TextInput(attrs=_BOX | {"autofocus": True}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.authenticator: Authenticator | None = None

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if second_factor.is_stopped(self.user):
            raise account_adapter().validation_error("too_many_login_attempts")
        self.authenticator = second_factor.redeem(self.user, code, now=timezone.now())
        if self.authenticator is None:
            second_factor.count_wrong(self.user)
            self._tell()
            raise get_adapter().validation_error("incorrect_code")
        second_factor.forget_wrong(self.user)
        return code

    def _tell(self) -> None:
        """As allauth does: `accounts.sign_in.traces` listens."""
        authenticator = Authenticator.objects.filter(user=self.user).first()
        request, told = context.request, {"user": self.user, "authenticator": authenticator}
        signals.authentication_failed.send(sender=Authenticator, request=request, **told)

    def save(self) -> None:
        self._save(reauthenticated=False)

    def _save(self, *, reauthenticated: bool) -> None:
        assert self.authenticator is not None  # noqa: S101  saved once it is valid
        self.authenticator.user = self.user
        post_authentication(context.request, self.authenticator, reauthenticated=reauthenticated)


class CodeAgain(SignInCode):
    """Shows that it is still the same person."""

    def save(self) -> None:
        self._save(reauthenticated=True)


class FirstCode(allauth.ActivateTOTPForm):  # type: ignore[misc]  # allauth ships no types
    """Shows that the app has the key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"] = forms.CharField(
            label="Code",
            max_length=LONGEST,
            help_text="The six digits that the app shows now.",
            widget=forms.TextInput(attrs=_BOX | {"inputmode": "numeric"}),
        )
