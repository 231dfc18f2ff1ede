"""From a JSON object or a form to the parameters of an action; refused with a sentence that names the parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from integrations.simulator.control import subjects
from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit

LONGEST = 2000
LONGEST_TEXT = 60_000
FIRST_YEAR, LAST_YEAR = 1900, 2900
_YES, _NO = ("true", "on", "yes", "1"), ("false", "off", "no", "0", "")


def from_json(action: Action, sent: Mapping[str, Any]) -> dict[str, Any]:
    known = [parameter.name for parameter in action.parameters]
    unknown = [name for name in sent if name not in known]
    if unknown:
        there = f"There are: {', '.join(known)}." if known else "It takes none."
        raise Unfit(f"“{action.name}” has no parameter “{unknown[0]}”. {there}")
    return {parameter.name: _value(parameter, sent.get(parameter.name)) for parameter in action.parameters}


def from_form(action: Action, sent: Mapping[str, str]) -> dict[str, Any]:
    """A box that is not ticked is not sent; numbers come as text."""
    values: dict[str, Any] = {}
    for parameter in action.parameters:
        text = sent.get(parameter.name, "").strip()
        if parameter.kind == Kind.FLAG:
            values[parameter.name] = text.lower() in _YES
        elif parameter.kind == Kind.NUMBER and text:
            values[parameter.name] = _value(parameter, int(text) if re.fullmatch(r"\d{1,9}", text) else text)
        else:
            values[parameter.name] = _value(parameter, text or None)
    return values


def _value(parameter: Parameter, value: Any) -> Any:
    if value is None or value == "":
        if parameter.is_required:
            raise Unfit(f"Send {parameter.label[:1].lower()}{parameter.label[1:]} as “{parameter.name}”.")
        return parameter.default
    return _READ[parameter.kind](parameter, value)


def _text(parameter: Parameter, value: Any) -> str:
    longest = LONGEST_TEXT if parameter.kind == Kind.LONG_TEXT else LONGEST
    if not isinstance(value, str) or len(value) > longest or "\x00" in value:
        raise Unfit(f"“{parameter.name}” must be text of at most {longest} characters.")
    return value if parameter.kind == Kind.PASSWORD else value.strip()


def _number(parameter: Parameter, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unfit(f"“{parameter.name}” must be a whole number.")
    if not parameter.least <= value <= parameter.most:
        raise Unfit(f"“{parameter.name}” must be between {parameter.least:,} and {parameter.most:,}.")
    return value


def _flag(parameter: Parameter, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"“{parameter.name}” must be true or false.")
    return value


def _choice(parameter: Parameter, value: Any) -> str:
    choices = parameter.choices or {}
    if not isinstance(value, str) or value not in choices:
        raise Unfit(f"“{parameter.name}” must be one of: {', '.join(choices)}.")
    return value


def _words(parameter: Parameter, value: Any) -> list[str]:
    words = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or len(words) > 1000:
        raise Unfit(f"“{parameter.name}” must be a list of words.")
    return [word for word in dict.fromkeys(words) if word]


def _person(parameter: Parameter, value: Any) -> Any:
    return subjects.person(_text(parameter, value))


def _people(parameter: Parameter, value: Any) -> list[Any]:
    return [subjects.person(name) for name in _words(parameter, value)]


def _application(parameter: Parameter, value: Any) -> Any:
    return subjects.application(_text(parameter, value))


def _tenant(parameter: Parameter, value: Any) -> Any:
    return subjects.tenant(_text(parameter, value))


def _moment(parameter: Parameter, value: Any) -> datetime:
    """Without an offset it is left so: whose local time that is, the action knows."""
    try:
        read = datetime.fromisoformat(_text(parameter, value))
    except ValueError:
        raise Unfit(f"“{parameter.name}” must be a date and time such as 2030-01-31T09:00.") from None
    check_year(parameter.name, read)
    return read


def check_year(name: str, day: date) -> None:
    """At the ends of time there is no day before or after, and no other time zone."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Unfit(f"“{name}” must be between the years {FIRST_YEAR} and {LAST_YEAR}.")


_READ = {
    Kind.TEXT: _text,
    Kind.PASSWORD: _text,
    Kind.LONG_TEXT: _text,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.WORDS: _words,
    Kind.PERSON: _person,
    Kind.PEOPLE: _people,
    Kind.APPLICATION: _application,
    Kind.TENANT: _tenant,
    Kind.MOMENT: _moment,
}
