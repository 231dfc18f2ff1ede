"""Why somebody did it, for the audit log."""

from __future__ import annotations

from django import forms

from accounts.reviewing import REASON


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        required=False,
        help_text="Kept in the audit log.",
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": REASON}),
    )
    # What the sheet said and showed when the button was pressed.
    said = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_reason(self) -> str:
        # Browsers count a line break as one character and send two.
        reason: str = self.cleaned_data["reason"].replace("\r\n", "\n")
        if len(reason) > REASON:
            raise forms.ValidationError(f"At most {REASON} characters can be kept; these are {len(reason):,}.")
        return reason
