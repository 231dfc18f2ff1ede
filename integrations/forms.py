"""What the person ticks on the way to Microsoft."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms

from integrations.preferences import SERVICE_NAMES, Service


class ServiceForm(forms.Form):
    service = forms.ChoiceField(
        widget=forms.RadioSelect,
        label="Service",
        error_messages={"required": "Select a service.", "invalid_choice": "Select one of the services shown."},
    )

    def __init__(self, *args: Any, offered: Collection[Service], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["service"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [(service.value, SERVICE_NAMES[service]) for service in offered]


class PermissionsForm(forms.Form):
    """Reading is always part of it; writing where the settings allow it."""

    calendar_write = forms.BooleanField(required=False, label="Write calendar")
    contacts_write = forms.BooleanField(required=False, label="Write contacts")


class ExchangeSignInForm(forms.Form):
    """To a server of the organization's own. `address`: of the one mailbox that can be renewed; "" where any will do.

    A password is never put back into the page.
    """

    user_name = forms.CharField(
        label="User name",
        max_length=254,
        help_text="As you sign in there: name@example.com, or EXAMPLE\\name.",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter your user name at the Exchange server."},
    )
    password = forms.CharField(
        label="Password",
        max_length=256,
        strip=False,
        help_text="Your password at the Exchange server, not the one of Meridian. It is kept sealed.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password at the Exchange server."},
    )
    address = forms.EmailField(
        label="Mailbox address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": "Enter the address of your mailbox.",
            "invalid": "Enter the address of your mailbox, such as name@example.com.",
        },
    )

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if address:
            self.fields["address"].disabled = True
            self.fields["address"].initial = address
            self.fields["address"].help_text = "To connect another mailbox, delete this connection first."
