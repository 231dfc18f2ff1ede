"""A group's name."""

from __future__ import annotations

from django import forms


class GroupForm(forms.Form):
    name = forms.CharField(label="Name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}))
