"""What is typed on the page of a server."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from integrations.models import ExchangeServer

LONGEST = 254
LONGEST_PASSWORD = 256
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class AccountForm(forms.Form):
    """The impersonation account. What was typed as password is never shown again, neither after a mistake."""

    user_name = forms.CharField(
        label="User name",
        max_length=LONGEST,
        help_text="As the server knows it: DOMAIN\\name, or name@domain.",
        error_messages={"required": "Type the user name."},
        widget=forms.TextInput(attrs=_PLAIN),
    )
    password = forms.CharField(
        label="Password",
        max_length=LONGEST_PASSWORD,
        strip=False,
        help_text="Kept sealed, and never shown again.",
        error_messages={"required": "Type the password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_user_name(self) -> str:
        name: str = self.cleaned_data["user_name"]
        if ":" in name:
            # It separates name from password where the server asks for both at once.
            raise forms.ValidationError("A user name has no colon in it.")
        return name


class CheckForm(forms.Form):
    """Whose mailbox is asked as a test: of somebody of the account, and of nobody else."""

    mailbox = forms.CharField(
        label="Mailbox to ask as a test",
        required=False,
        max_length=LONGEST,
        help_text="The portal address of somebody in this account. Meridian only looks whether it opens.",
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "email"}),
    )

    def __init__(self, *args: Any, server: ExchangeServer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._server = server

    def clean_mailbox(self) -> str:
        typed: str = self.cleaned_data["mailbox"]
        if not typed:
            return ""
        theirs = User.objects.of(self._server.account).filter(email__iexact=typed, is_active=True)
        address: str | None = theirs.values_list("email", flat=True).first()
        if address is None:
            raise forms.ValidationError("Nobody in this account has this address.")
        return address
