"""Finding entries of the audit log."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Account, AuditEntry


class AuditFilter(forms.Form):
    """Nothing in it is required, and nonsense filters nothing: it comes from the address bar."""

    q = forms.CharField(label="Who did it", required=False, max_length=200)
    action = forms.ChoiceField(label="Action", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted(audit.actions())
        self.fields["action"].choices = [("", "All actions"), *((name, spoken(name)) for name in names)]  # type: ignore[attr-defined]  # a ChoiceField

    def apply(self, account: Account) -> QuerySet[AuditEntry]:
        """Newest first."""
        self.is_valid()
        entries = AuditEntry.objects.filter(account=account)
        for word in self.cleaned_data.get("q", "").split():
            entries = entries.filter(actor_name__icontains=word)
        if self.cleaned_data.get("action"):
            entries = entries.filter(action=self.cleaned_data["action"])
        return entries.order_by("-at", "-id")


def spoken(action: str) -> str:
    """“person.role_changed” as “Person: role changed”."""
    return action.replace(".", ": ").replace("_", " ").capitalize()
