"""Adding associated domains, and having one looked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts import domain_rules
from accounts.models import DomainMethod


class DomainsForm(forms.Form):
    domains = forms.CharField(
        label="Add domains",
        max_length=domain_rules.LONGEST_TYPED,
        help_text="One or more, comma-separated, such as kestrel.example, kestrel.co.uk. Sub-domains are named on "
        "their own. Public mail providers such as gmail.com cannot be verified.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )

    def refuse(self, sentences: Any) -> None:
        self.add_error("domains", ValidationError([ValidationError(sentence) for sentence in sentences]))


class MethodForm(forms.Form):
    """From a button, or the address bar: nonsense is the first method."""

    method = forms.ChoiceField(required=False, choices=DomainMethod.choices)

    def chosen(self, default: str) -> str:
        found: str = self.cleaned_data["method"] if self.is_valid() else ""
        return found or default
