"""The time zones one can choose, by region."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django import forms

# The rest are abbreviations, countries and other names of the same zones.
_REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")

_Choice = tuple[str, str]


@cache
def choices() -> list[_Choice | tuple[str, list[_Choice]]]:
    """UTC, then each region with its places. Reading the names takes a while, and they do not change."""
    names = sorted(available_timezones())
    regions = [
        (region, [(name, _spoken(name)) for name in names if name.startswith(f"{region}/")]) for region in _REGIONS
    ]
    return [("UTC", "UTC"), *regions]


class TimeZoneField(forms.ChoiceField):
    def __init__(self, *, current: str) -> None:
        """`current` can always be kept, even where it is an older name that is no longer offered."""
        super().__init__(label="Time zone", help_text="Every time on every page is shown in it.", initial=current)
        self.choices = choices()
        if not self.valid_value(current):
            self.choices = [(current, _spoken(current)), *choices()]


def _spoken(name: str) -> str:
    return name.replace("_", " ")
