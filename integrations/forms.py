"""What the person ticks on the way to Microsoft."""

from __future__ import annotations

from django import forms

from integrations.preferences import SERVICE_NAMES, Service


class ServiceForm(forms.Form):
    service = forms.ChoiceField(
        choices=[(service.value, SERVICE_NAMES[service]) for service in Service],
        widget=forms.RadioSelect,
        label="Service",
        error_messages={"required": "Select a service.", "invalid_choice": "Select one of the services shown."},
    )


class PermissionsForm(forms.Form):
    """Reading is always part of it; writing where the settings allow it."""

    calendar_write = forms.BooleanField(required=False, label="Write calendar")
    contacts_write = forms.BooleanField(required=False, label="Write contacts")
