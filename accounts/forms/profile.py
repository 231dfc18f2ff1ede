"""What a person may say about himself: when joining, and later."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms.time_zones import TimeZoneField
from accounts.models import User
from accounts.sign_in.forms import PASSWORD_RULE

NAME_LENGTH = 150


class ProfileForm(forms.Form):
    name = forms.CharField(label="Name", max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "name"}))

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = person.name
        self.fields["time_zone"] = TimeZoneField(current=person.time_zone)


class JoinForm(ProfileForm):
    password = forms.CharField(
        label="Password",
        help_text=PASSWORD_RULE,
        strip=False,
        max_length=1024,  # longer ones only keep the hash busy
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ("name", "password", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(self.field_order)
