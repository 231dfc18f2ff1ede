"""The controls of a setting, made from its declaration. Forms clean; `write` saves."""

from __future__ import annotations

import dataclasses
import re
from enum import Enum
from typing import Any, get_origin, get_type_hints

from django import forms

from accounts.cascade.declare import BadValue, Option, Setting, belongs

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
        self._forgive_what_is_not_meant()
        if not self.errors:
            try:
                self._chosen = self._put_together()
            except BadValue as problem:
                for one in (problem, *problem.also):
                    self.add_error(one.part if one.part in self.fields else None, str(one))
        return self.cleaned_data

    def value(self) -> Any:
        return self._chosen

    def kept_parts(self) -> dict[str, Any]:
        """Parts the form does not show keep the value they have."""
        current = self.initial["current"]
        return {part.name: getattr(current, part.name) for part in dataclasses.fields(current)}

    def _forgive_what_is_not_meant(self) -> None:
        """What was typed for a part that means nothing beside the others need not make sense."""
        if not dataclasses.is_dataclass(self.setting.kind):
            return
        chosen = {name: self._part(name, kept) for name, kept in self.kept_parts().items()}
        for part in dataclasses.fields(self.setting.kind):
            others = [value for name, value in chosen.items() if name != part.name]
            if part.name in self.errors and not belongs(part.metadata["only_with"], others):
                del self.errors[part.name]

    def _put_together(self) -> Any:
        kind, is_composite = self.setting.kind, dataclasses.is_dataclass(self.setting.kind)
        if not is_composite:
            return kind(self.cleaned_data["value"])
        chosen = {name: self._part(name, kept) for name, kept in self.kept_parts().items()}
        return kind(**{part.name: self._beside(part, chosen) for part in dataclasses.fields(kind)})

    def _part(self, name: str, kept: Any) -> Any:
        if name not in self.cleaned_data:
            return kept
        kind = get_type_hints(self.setting.kind)[name]
        return (get_origin(kind) or kind)(self.cleaned_data[name])

    def _beside(self, part: Any, chosen: dict[str, Any]) -> Any:
        """What a part becomes that means nothing beside the others: whatever was sent for it is not meant."""
        if belongs(part.metadata["only_with"], chosen.values()):
            return chosen[part.name]
        return self.kept_parts()[part.name] if part.metadata["is_kept"] else part.default


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


class LineField(forms.CharField):
    """A line of text; cleaned it is parsed."""

    widget = forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"})

    def __init__(self, *, parse: Any, most: int | None, **words: Any) -> None:
        super().__init__(required=False, max_length=most, **words)
        self.parse = parse

    def clean(self, value: Any) -> str:
        try:
            return str(self.parse(super().clean(value)))
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem


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
class Choice:
    """An option of a part, as the template shows it."""

    value: Enum
    label: str
    help: str
    warning: str
    # As of a part.
    only_with: str
    hint: str


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a composite for the template: the choices that are offered, words or a line, or else a box to tick."""

    name: str
    label: str
    help: str
    options: tuple[Choice, ...]
    is_words: bool = False
    # With which choices in other parts it means something: for the script (“authorize_with=ews”), and in words.
    only_with: str = ""
    hint: str = ""


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
            options=tuple(_choice_of(option, setting.kind) for option in field.metadata["options"] if option.offered),
            is_words=hints[field.name] is str or get_origin(hints[field.name]) is tuple,
            only_with=_named(field.metadata["only_with"], setting.kind),
            hint=_hint(field.metadata["only_with"], setting.kind),
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


def _choice_of(option: Option, kind: Any) -> Choice:
    beside = _named(option.only_with, kind), _hint(option.only_with, kind)
    return Choice(option.value, option.label, option.help, option.warning, *beside)


def _named(only_with: tuple[Enum, ...], kind: Any) -> str:
    names = {of: name for name, of in get_type_hints(kind).items()}
    return " ".join(f"{names[type(one)]}={one.value}" for one in only_with)


def _hint(only_with: tuple[Enum, ...], kind: Any) -> str:
    if not only_with:
        return ""
    options = {option.value: option for part in dataclasses.fields(kind) for option in part.metadata["options"]}
    return f"Only with {' and '.join(options[one].label for one in only_with)}."


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
    if kind is str:
        return LineField(**{name: part.metadata[name] for name in ("parse", "most")}, **words)
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
