"""The controls of a setting, made from its declaration. Forms clean; `write` saves."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any, get_type_hints

from django import forms

from accounts.cascade.declare import Option, Setting


class SettingForm(forms.Form):
    """`value()` is the chosen value in the setting's own type, once the form is valid."""

    setting: Setting

    def value(self) -> Any:
        if self.setting.kind is bool:
            return self.cleaned_data["value"]
        hints = get_type_hints(self.setting.kind)
        return self.setting.kind(
            **{
                name: hints[name](self.cleaned_data[name]) if name in self.cleaned_data else kept
                for name, kept in self.kept_parts().items()
            }
        )

    def kept_parts(self) -> dict[str, Any]:
        """Parts the form does not show keep the value they have."""
        current = self.initial["current"]
        return {part.name: getattr(current, part.name) for part in dataclasses.fields(current)}


def form_for(setting: Setting) -> type[SettingForm]:
    """A form class for a bool (field `value`) or a composite (a field for each part)."""
    fields: dict[str, Any] = {"setting": setting}
    if setting.kind is bool:
        fields["value"] = forms.TypedChoiceField(
            choices=[("on", "On"), ("off", "Off")],
            coerce=lambda word: word == "on",
            error_messages={"invalid_choice": "Say on or off.", "required": "Say on or off."},
        )
    else:
        hints = get_type_hints(setting.kind)
        fields |= {part.name: _field(part, hints[part.name]) for part in dataclasses.fields(setting.kind)}
    return type(f"{setting.name}_form", (SettingForm,), fields)


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a composite for the template: the choices that are offered, or a box to tick."""

    name: str
    label: str
    help: str
    options: tuple[Option, ...]


def parts_of(setting: Setting) -> list[Part]:
    """Empty for a setting that is no composite."""
    if not dataclasses.is_dataclass(setting.kind):
        return []
    return [
        Part(
            name=field.name,
            label=field.metadata["label"],
            help=field.metadata["help"],
            options=tuple(option for option in field.metadata["options"] if option.offered),
        )
        for field in dataclasses.fields(setting.kind)
    ]


def initial_of(setting: Setting, value: Any) -> dict[str, Any]:
    """What an unbound form shows for `value`."""
    if setting.kind is bool:
        return {"current": value, "value": "on" if value else "off"}
    shown = {part.name: getattr(value, part.name) for part in dataclasses.fields(value)}
    return {"current": value} | {name: item.value if isinstance(item, Enum) else item for name, item in shown.items()}


def _field(part: Any, kind: Any) -> forms.Field:
    words = {"label": part.metadata["label"], "help_text": part.metadata["help"]}
    if kind is bool:
        return forms.BooleanField(required=False, **words)
    options: tuple[Option, ...] = part.metadata["options"]
    return forms.ChoiceField(
        choices=[(option.value.value, option.label) for option in options if option.offered],
        widget=forms.RadioSelect,
        error_messages={
            "invalid_choice": f"Choose one of the ways under “{part.metadata['label']}”.",
            "required": f"Choose one of the ways under “{part.metadata['label']}”.",
        },
        **words,
    )
