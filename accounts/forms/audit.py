"""Finding entries of the audit log."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.cascade import declare
from accounts.cascade.declare import Level
from accounts.models import Account, AuditEntry, User

# Days before and after which no clock of any zone can be asked.
_DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9998, 12, 31))]
_PROBLEMS = {
    "q": "These words cannot be searched for: use fewer than 200 letters.",
    "action": "There is no such action.",
    "level": "There is no such level: it is account, group or user.",
    "setting": "There is no such setting.",
    "since": "The first day is no day: write it as 2026-11-23.",
    "until": "The last day is no day: write it as 2026-11-23.",
    "person": "There is no such person.",
}
_ORDER = "The last day lies before the first one."


class AuditFilter(forms.Form):
    """Nothing in it is required. Nonsense filters nothing, and `problems` says so: it comes from the address bar."""

    q = forms.CharField(label="Who did it, or about whom", required=False, max_length=200)
    action = forms.ChoiceField(label="Action", required=False)
    level = forms.ChoiceField(
        label="Level", required=False, choices=[("", "All levels"), *((level.value, level.title()) for level in Level)]
    )
    setting = forms.ChoiceField(label="Setting", required=False)
    since = forms.DateField(label="From", required=False, input_formats=["%Y-%m-%d"], validators=_DAYS)
    until = forms.DateField(label="To", required=False, input_formats=["%Y-%m-%d"], validators=_DAYS)
    # Not typed: links lead here with it.
    person = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account = account
        self.fields["action"].choices = _actions()  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["setting"].choices = _settings()  # type: ignore[attr-defined]  # a ChoiceField
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
        """Whose entries alone are shown: the name, also of somebody who is gone; empty where it is everybody's."""
        if not self.cleaned_data.get("person"):
            return ""
        return str(self.whom) if self.whom else "a person who is no longer here"

    @cached_property
    def whom(self) -> User | None:
        key = self.cleaned_data.get("person")
        return User.objects.of(self._account).filter(pk=key).first() if key else None

    def apply(self) -> QuerySet[AuditEntry]:
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        entries = audit.of_account(self._account)
        if "q" in chosen:
            entries = entries.filter(self._named(chosen["q"]))
        if "person" in chosen:
            entries = entries.filter(Q(actor_id=chosen["person"]) | Q(about_id=chosen["person"]))
        if "since" in chosen:
            entries = entries.filter(at__gte=_begin(chosen["since"]))
        if "until" in chosen:
            entries = entries.filter(at__lt=_begin(chosen["until"] + timedelta(days=1)))
        exact = {"action": "action", "level": "level", "setting": "setting_key"}
        return entries.filter(**{exact[name]: value for name, value in chosen.items() if name in exact})

    def said(self) -> dict[str, str]:
        """What is filtered by, for the log itself. The words are left out: they may be anybody's name."""
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        setting = declare.by_key(chosen.get("setting", ""))
        said = {
            "search_words": "some" if "q" in chosen else "",
            "person": self.of_person,
            "action": spoken(chosen.get("action", "")),
            "level": chosen.get("level", ""),
            "of_setting": setting.label if setting else "",
            "from": str(chosen.get("since", "")),
            "to": str(chosen.get("until", "")),
        }
        return {name: value for name, value in said.items() if value}

    def _named(self, words: str) -> Q:
        """Both as they were called then and as they are called now."""
        people = User.objects.of(self._account).matching(words).values("pk")
        then = Q()
        for word in words.split():
            then &= Q(actor_name__icontains=word) | Q(target_name__icontains=word)
        return then | Q(actor_id__in=people) | Q(about_id__in=people)


def spoken(action: str) -> str:
    """“person.role_changed” as “Person: role changed”."""
    return action.replace(".", ": ").replace("_", " ").capitalize()


def _actions() -> list[tuple[str, Any]]:
    names = sorted(audit.actions())
    parts = groupby(names, key=lambda name: name.partition(".")[0])
    return [("", "All actions"), *((part.capitalize(), [(name, spoken(name)) for name in of]) for part, of in parts)]


def _settings() -> list[tuple[str, str]]:
    declared = [setting for section in declare.sections() for setting in declare.settings_of(section)]
    return [("", "All settings"), *((setting.key, setting.label) for setting in declared if setting.offered)]


def _begin(day: date) -> datetime:
    """Of the day, on the reader's clock. Where a change of the clocks leaves out midnight, the moment it does."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
