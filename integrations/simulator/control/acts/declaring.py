"""What an action is: on what, called how, with which parameters, to what effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Unfit(Exception):
    """What was asked cannot be done; the sentence says why, to a person. `status` is that of the JSON answer."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        self.status, self.sentence = status, sentence
        super().__init__(sentence)


class Kind(StrEnum):
    TEXT = "text"
    PASSWORD = "password"  # noqa: S105
    LONG_TEXT = "long text"
    NUMBER = "whole number"
    FLAG = "true or false"
    CHOICE = "one of the choices"
    WORDS = "list of words"
    PERSON = "person"
    PEOPLE = "list of people"
    APPLICATION = "client id"
    TENANT = "domain or id of an organization"
    MOMENT = "date and time"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    name: str
    label: str
    kind: Kind = Kind.TEXT
    is_required: bool = True
    default: Any = None
    choices: Mapping[str, str] | None = None
    least: int = 0
    most: int = 1_000_000
    hint: str = ""
    current: Callable[[Any], Any] | None = None
    """What the subject has now: the form begins with it."""


@dataclass(frozen=True, kw_only=True)
class Action:
    on: str
    """tenants, people, applications, principals, events, subscriptions, recipes or service"""
    name: str
    """In the address, after what it is done to."""
    label: str
    group: str
    effect: str
    do: Callable[..., str]
    """`do(subject, *, now, **parameters)`: the sentence that tells what has happened."""
    parameters: Sequence[Parameter] = ()
    is_harmful: bool = False
    fits: Callable[[Any], bool] = lambda subject: True
    """Whether the console offers it. The API always does it: being done twice harms nobody."""


def flag(name: str, label: str, *, default: bool = True, **more: Any) -> Parameter:
    return Parameter(name=name, label=label, kind=Kind.FLAG, is_required=False, default=default, **more)


def number(name: str, label: str, default: int | None, *, least: int = 0, most: int = 1_000_000) -> Parameter:
    is_required = default is None
    return Parameter(
        name=name, label=label, kind=Kind.NUMBER, is_required=is_required, default=default, least=least, most=most
    )


def choice(name: str, label: str, choices: Mapping[str, str], default: str | None = None, **more: Any) -> Parameter:
    return Parameter(
        name=name,
        label=label,
        kind=Kind.CHOICE,
        choices=choices,
        is_required=default is None,
        default=default,
        **more,
    )
