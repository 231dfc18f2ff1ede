"""The controls of a setting, made from its declaration. Forms clean; `write` saves."""

from __future__ import annotations

import dataclasses
import re
from enum import Enum
from typing import Any, get_origin, get_type_hints

from django import forms

from accounts.cascade.declare import BadValue, Option, Setting

NAMED = 5  # so many words that were refused are named, the rest counted
_BETWEEN_WORDS = re.compile(r"[\s,;]+")


class SettingForm(forms.Form):
    """`value()` is the chosen value in the setting's own type, once the form is valid."""

    setting: Setting
    _chosen: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Many forms stand on one page; their fields have names alike.
        super().__init__(*args, **{"auto_id": f"{self.setting.name}_%s"} | kwargs)

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                self._chosen = self._put_together()
            except BadValue as problem:
                self.add_error(problem.part if problem.part in self.fields else None, str(problem))
        return self.cleaned_data

    def value(self) -> Any:
        return self._chosen

    def kept_parts(self) -> dict[str, Any]:
        """Parts the form does not show keep the value they have."""
        current = self.initial["current"]
        return {part.name: getattr(current, part.name) for part in dataclasses.fields(current)}

    def _put_together(self) -> Any:
        kind, is_composite = self.setting.kind, dataclasses.is_dataclass(self.setting.kind)
        if not is_composite:
            return kind(self.cleaned_data["value"])
        return kind(**{name: self._part(name, kept) for name, kept in self.kept_parts().items()})

    def _part(self, name: str, kept: Any) -> Any:
        if name not in self.cleaned_data:
            return kept
        kind = get_type_hints(self.setting.kind)[name]
        return (get_origin(kind) or kind)(self.cleaned_data[name])


class WordsField(forms.Field):
    """Words, one a line or with commas between them; cleaned they are parsed, sorted and there once each."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"})

    def __init__(self, *, parse: Any, show: Any, most: int | None, **words: Any) -> None:
        super().__init__(required=False, **words)
        self.parse, self.show, self.most = parse, show, most

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(self.show, value)) if isinstance(value, tuple) else value

    def to_python(self, value: Any) -> tuple[str, ...]:
        typed = dict.fromkeys(word for word in _BETWEEN_WORDS.split(value or "") if word)
        if self.most is not None and len(typed) > self.most:
            raise forms.ValidationError(f"At most {self.most:,} can be listed here; these are {len(typed):,}.")
        parsed, refused = set[str](), list[str]()
        for word in typed:
            try:
                parsed.add(self.parse(word))
            except ValueError as problem:
                refused.append(str(problem))
        if refused:
            raise forms.ValidationError([*refused[:NAMED], *_and_more(len(refused) - NAMED)])
        return tuple(sorted(parsed))


def form_for(setting: Setting) -> type[SettingForm]:
    """A form class: a composite has a field for each part, anything else one field, `value`."""
    fields: dict[str, Any] = {"setting": setting}
    if dataclasses.is_dataclass(setting.kind):
        hints = get_type_hints(setting.kind)
        fields |= {part.name: _part_field(part, hints[part.name]) for part in dataclasses.fields(setting.kind)}
    else:
        fields["value"] = _field(setting)
    return type(f"{setting.name}_form", (SettingForm,), fields)


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a composite for the template: the choices that are offered, a list of words, or else a box to tick."""

    name: str
    label: str
    help: str
    options: tuple[Option, ...]
    is_words: bool = False


def parts_of(setting: Setting) -> list[Part]:
    """Empty for a setting that is no composite."""
    if not dataclasses.is_dataclass(setting.kind):
        return []
    hints = get_type_hints(setting.kind)
    return [
        Part(
            name=field.name,
            label=field.metadata["label"],
            help=field.metadata["help"],
            options=tuple(option for option in field.metadata["options"] if option.offered),
            is_words=get_origin(hints[field.name]) is tuple,
        )
        for field in dataclasses.fields(setting.kind)
    ]


def initial_of(setting: Setting, value: Any) -> dict[str, Any]:
    """What an unbound form shows for `value`."""
    if setting.kind is bool:
        return {"current": value, "value": "on" if value else "off"}
    if not dataclasses.is_dataclass(setting.kind):
        return {"current": value, "value": _plain(value)}
    return {"current": value} | {part.name: _plain(getattr(value, part.name)) for part in dataclasses.fields(value)}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _field(setting: Setting) -> forms.Field:
    if setting.kind is bool:
        return forms.TypedChoiceField(
            choices=[("on", "On"), ("off", "Off")],
            coerce=lambda word: word == "on",
            error_messages=dict.fromkeys(("invalid_choice", "required"), "Say on or off."),
        )
    if setting.kind is int:
        says = f"Say a whole number from {setting.least:,} to {setting.most:,}."
        return forms.IntegerField(
            min_value=setting.least,
            max_value=setting.most,
            error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), says),
            label=setting.label,
            help_text=setting.help,
        )
    return _choice(setting.options, label=setting.label, help_text=setting.help)


def _part_field(part: Any, kind: Any) -> forms.Field:
    words = {"label": part.metadata["label"], "help_text": part.metadata["help"]}
    if kind is bool:
        return forms.BooleanField(required=False, **words)
    if get_origin(kind) is tuple:
        return WordsField(**{name: part.metadata[name] for name in ("parse", "show", "most")}, **words)
    return _choice(part.metadata["options"], **words)


def _choice(options: tuple[Option, ...], *, label: str, help_text: str) -> forms.Field:
    says = f"Choose one of the ways under “{label}”."
    return forms.ChoiceField(
        choices=[(option.value.value, option.label) for option in options if option.offered],
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": says, "required": says},
        label=label,
        help_text=help_text,
    )


def _and_more(count: int) -> list[str]:
    if count < 1:
        return []
    return ["1 more of them is not accepted." if count == 1 else f"{count:,} more of them are not accepted."]
