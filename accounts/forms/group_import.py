"""Bringing a list of people into a group, or out of it."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts import member_lists
from accounts.member_lists import MOST_BYTES, Unreadable, Wish

REASON_LENGTH = 500
TOO_LARGE = "The list is larger than 5 MB. Split it and bring its parts one by one."


class MemberListForm(forms.Form):
    """Once it is valid, `wishes` are the lines."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        allow_empty_file=True,
        help_text="At most 5 MB and 100,000 lines, in UTF-8 or in Excel’s Unicode text.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )
    pasted = forms.CharField(
        label="Or paste addresses",
        required=False,
        help_text="With commas, semicolons or ends of lines between them. These people are added to the group.",
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wishes: list[Wish] = []

    def clean(self) -> None:
        file, pasted = self.cleaned_data.get("file"), self.cleaned_data.get("pasted")
        if file and pasted:
            self.add_error("file", "Choose a file or paste addresses, not both.")
        elif file:
            self._read("file", file)
        elif pasted:
            self._read("pasted", pasted)
        elif not self.errors:
            self.add_error("file", "Choose a file, or paste at least one address below.")

    def _read(self, field: str, given: Any) -> None:
        try:
            if isinstance(given, str):
                self._require_size(len(given.encode()))
                self.wishes = member_lists.read_pasted(given)
            else:
                self._require_size(given.size)
                self.wishes = member_lists.read_file(given.read())
        except Unreadable as problem:
            self.add_error(field, str(problem))

    def _require_size(self, size: int) -> None:
        if size > MOST_BYTES:
            raise Unreadable(TOO_LARGE)


class ConfirmForm(forms.Form):
    """What was shown comes back with it, so that nobody confirms more than was seen."""

    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=REASON_LENGTH,
        help_text="Kept in the audit log.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    changed = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    ends = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
