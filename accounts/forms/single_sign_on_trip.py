"""The own password, once."""

from __future__ import annotations

from django import forms


class OwnPassword(forms.Form):
    password = forms.CharField(
        label="Your Meridian password",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
