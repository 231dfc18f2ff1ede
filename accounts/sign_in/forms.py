"""allauth's forms in our words."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account import forms as allauth
from django.forms import BaseForm

from accounts.sign_in import addresses

PASSWORD_RULE = "At least 10 characters, not a common one, and not like your name or address."  # noqa: S105  # a sentence


class _InOurWords(BaseForm):
    labels: ClassVar[dict[str, str]] = {}
    help_texts: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels[name]
            field.help_text = self.help_texts.get(name, "")
            field.widget.attrs.pop("placeholder", None)


class Address(_InOurWords, allauth.LoginForm):  # type: ignore[misc]  # allauth ships no types
    """The first step: nothing but the address, checked for its shape alone."""

    labels = {"login": "E-mail"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username"

    def _setup_password_field(self) -> None:
        del self.fields["password"]

    def clean(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class SignIn(_InOurWords, allauth.LoginForm):  # type: ignore[misc]  # allauth ships no types
    """The second step. The address stays a field: password managers look for one."""

    labels = {"login": "E-mail", "password": "Password"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "readonly": True}
        if not self.is_bound:
            self.fields["password"].widget.attrs["autofocus"] = True


class ForgottenPassword(_InOurWords, allauth.ResetPasswordForm):  # type: ignore[misc]  # allauth ships no types
    labels = {"email": "E-mail"}

    def clean_email(self) -> str:
        addresses.require_mailable(self.cleaned_data["email"])
        return str(super().clean_email())


class NewPassword(_InOurWords, allauth.ResetPasswordKeyForm):  # type: ignore[misc]  # allauth ships no types
    labels = {"password1": "New password", "password2": "New password again"}
    help_texts = {"password1": PASSWORD_RULE}


class ChangePassword(_InOurWords, allauth.ChangePasswordForm):  # type: ignore[misc]  # allauth ships no types
    labels = {"oldpassword": "Current password", "password1": "New password", "password2": "New password again"}
    help_texts = {"password1": PASSWORD_RULE}


class FirstPassword(_InOurWords, allauth.SetPasswordForm):  # type: ignore[misc]  # allauth ships no types
    labels = {"password1": "Password", "password2": "Password again"}
    help_texts = {"password1": PASSWORD_RULE}


class ChangeAddress(_InOurWords, allauth.AddEmailForm):  # type: ignore[misc]  # allauth ships no types
    labels = {"email": "New e-mail"}
    help_texts = {"email": "We send a link there. Until you follow it, you sign in as before."}

    def clean_email(self) -> str:
        addresses.require_mailable(self.cleaned_data["email"])
        return str(super().clean_email())


class ItIsReallyMe(_InOurWords, allauth.ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    labels = {"password": "Password"}
