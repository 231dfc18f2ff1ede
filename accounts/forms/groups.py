"""A group's name, and its place in the order."""

from __future__ import annotations

from django import forms
from django.db.models import TextChoices

from accounts import doors, groups
from accounts.models import Group


class GroupForm(forms.Form):
    name = forms.CharField(label="Name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class Direction(TextChoices):
    UP = "up", "Up"
    DOWN = "down", "Down"
    TOP = "top", "To the top"
    END = "end", "To the end"
    POSITION = "position", "To a position"
    ABOVE = "above", "Above another group"


class RankForm(forms.Form):
    """Where a group is to be moved: by a button, by a number, or by dropping it above another group."""

    to = forms.ChoiceField(choices=Direction.choices)
    position = forms.CharField(required=False, max_length=20)
    # Without one: after all others.
    above = forms.CharField(required=False, max_length=20)

    def wanted(self, group: Group) -> int:
        """The position, which may be the present one. Raises a refusal for what is none."""
        now, last = groups.position_of(group), groups.number_of(group)
        chosen: str = self.cleaned_data["to"] if self.is_valid() else ""
        if chosen == Direction.ABOVE:
            sent = self.cleaned_data["above"]
            return groups.position_above(group, doors.number_in(sent) if sent else None)
        places: dict[str, int] = {
            Direction.UP: max(now - 1, 1),
            Direction.DOWN: min(now + 1, last),
            Direction.TOP: 1,
            Direction.END: last,
            Direction.POSITION: doors.number_in(self.cleaned_data.get("position", "").upper().removeprefix("P")),
        }
        wanted = places.get(chosen, 0)
        if not 1 <= wanted <= last:
            raise groups.NoSuchPosition(last)
        return wanted
