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
