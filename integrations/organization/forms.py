"""What is typed on the page of an organization."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import validate_email

from accounts.domain_names import listed
from integrations.models import TenantLink
from integrations.organization import narrowing, validating
from integrations.organization.narrowing import Chosen, How

LONGEST_ADDRESS = 254


class CheckForm(forms.Form):
    """Which mailboxes are asked; of their addresses only those that the account has proved to be its own."""

    inside = forms.CharField(
        label="Mailbox that should be open",
        required=False,
        max_length=LONGEST_ADDRESS,
        help_text="Left empty: one that answered lately.",
    )
    outside = forms.CharField(
        label="Mailbox that should be closed",
        required=False,
        max_length=LONGEST_ADDRESS,
        help_text="Once you have limited Meridian to some mailboxes.",
    )

    def __init__(self, *args: Any, link: TenantLink, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._link = link
        for field in self.fields.values():
            field.widget.attrs.update(autocomplete="off", spellcheck="false", inputmode="email")

    def clean_inside(self) -> str:
        return self._own("inside")

    def clean_outside(self) -> str:
        return self._own("outside")

    def _own(self, name: str) -> str:
        address: str = self.cleaned_data[name]
        if not address:
            return ""
        validate_email(address)
        if not validating.may_be_asked(self._link, address):
            raise forms.ValidationError(f"Only addresses of {listed(self._link.domains)} can be asked here.")
        return address


class ScopeForm(forms.Form):
    """Which mailboxes the commands speak of. It stands in the address: nothing is kept."""

    how = forms.ChoiceField(
        label="Choose mailboxes by",
        choices=[(How.GROUP.value, "A group in Exchange"), (How.FILTER.value, "A filter in Exchange’s words")],
        required=False,
    )
    what = forms.CharField(
        label="Group or filter",
        required=False,
        max_length=narrowing.LONGEST,
        help_text="Such as calendars@kestrel.example, or CustomAttribute1 -eq 'Meridian'.",
    )
    inside = forms.CharField(label="Somebody inside", required=False, max_length=LONGEST_ADDRESS)
    outside = forms.CharField(label="Somebody outside", required=False, max_length=LONGEST_ADDRESS)

    def __init__(self, sent: Any = None) -> None:
        super().__init__(sent, auto_id="scope_%s")

    def clean(self) -> dict[str, Any]:
        for name, sent in list(self.cleaned_data.items()):
            if not narrowing.is_usable(sent):
                self.add_error(name, "Type it on one line, without control characters.")
        return self.cleaned_data

    @property
    def chosen(self) -> Chosen:
        """Nonsense chooses nothing."""
        fit = self.cleaned_data if self.is_valid() else {}
        return Chosen(
            how=How(fit.get("how") or How.GROUP),
            what=fit.get("what", ""),
            inside=fit.get("inside", ""),
            outside=fit.get("outside", ""),
        )
