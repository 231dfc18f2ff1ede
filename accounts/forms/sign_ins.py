"""Finding lines of the sign-in log."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Account, SignInEntry, SignInMethod, SignInOutcome, User
from accounts.single_sign_on import searching

# Days before and after which no clock of any zone can be asked.
_DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9998, 12, 31))]
_PROBLEMS = {
    "q": "These words cannot be searched for: use fewer than 200 letters.",
    "outcome": "There is no such outcome.",
    "method": "There is no such way to sign in.",
    "cause": "There is no such cause.",
    "since": "The first day is no day: write it as 2026-11-23.",
    "until": "The last day is no day: write it as 2026-11-23.",
    "person": "There is no such person.",
}
_ORDER = "The last day lies before the first one."


class SignInFilter(forms.Form):
    """Nothing in it is required. Nonsense filters nothing, and `problems` says so: it comes from the address bar."""

    q = forms.CharField(label="E-mail, name, reference or detail", required=False, max_length=200)
    outcome = forms.ChoiceField(label="Outcome", required=False, choices=[("", "All outcomes"), *SignInOutcome.choices])
    method = forms.ChoiceField(label="Method", required=False, choices=[("", "All methods"), *SignInMethod.choices])
    cause = forms.ChoiceField(
        label="Cause",
        required=False,
        choices=[("", "All causes"), *((cause.value, says) for cause, says in searching.IN_WORDS.items())],
    )
    since = forms.DateField(label="From", required=False, input_formats=["%Y-%m-%d"], validators=_DAYS)
    until = forms.DateField(label="To", required=False, input_formats=["%Y-%m-%d"], validators=_DAYS)
    # Not typed: links lead here with it.
    person = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account = account
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        self.is_valid()

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        if chosen.get("since") and chosen.get("until") and chosen["until"] < chosen["since"]:
            chosen["since"] = chosen["until"] = None
            self.add_error(None, _ORDER)
        return chosen

    @property
    def problems(self) -> list[str]:
        """What of it filters nothing, and why."""
        return [_PROBLEMS.get(name, _ORDER) for name in self.errors]

    @property
    def of_person(self) -> str:
        """Whose lines alone are shown; empty where it is everybody's."""
        if not self.cleaned_data.get("person"):
            return ""
        return str(self.whom) if self.whom else "a person who is no longer here"

    @cached_property
    def whom(self) -> User | None:
        key = self.cleaned_data.get("person")
        return User.objects.of(self._account).filter(pk=key).first() if key else None

    def apply(self) -> QuerySet[SignInEntry]:
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        entries = searching.of_account(self._account)
        if "q" in chosen:
            entries = entries.filter(searching.holding(chosen["q"]))
        if "person" in chosen:
            entries = entries.filter(user_id=chosen["person"])
        if "since" in chosen:
            entries = entries.filter(at__gte=_begin(chosen["since"]))
        if "until" in chosen:
            entries = entries.filter(at__lt=_begin(chosen["until"] + timedelta(days=1)))
        exact = ("outcome", "method", "cause")
        return entries.filter(**{name: value for name, value in chosen.items() if name in exact})

    def said(self) -> dict[str, str]:
        """What is filtered by, for the audit log. The words are left out: they may be anybody's name."""
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        said = {
            "search_words": "some" if "q" in chosen else "",
            "person": self.of_person,
            "outcome": chosen.get("outcome", ""),
            "method": chosen.get("method", ""),
            "cause": chosen.get("cause", ""),
            "from": str(chosen.get("since", "")),
            "to": str(chosen.get("until", "")),
        }
        return {name: value for name, value in said.items() if value}


def _begin(day: date) -> datetime:
    """Of the day, on the reader's clock. Where a change of the clocks leaves out midnight, the moment it does."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
