"""A `$filter` cut into words, marks and values. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from integrations.simulator.graph import errors
from integrations.simulator.graph.conditions import Scalar

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
  | (?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![\w-]))
  | (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)?(?![\w.:]))
  | (?P<date>\d{4}-\d\d-\d\d(?![\w-]))
  | (?P<number>-?\d{1,20}(?:\.\d{1,20})?(?![\w.]))
  | (?P<name>[A-Za-z_@$][\w.@$]*)
  | (?P<mark>[(),/:])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str


def tokens_of(text: str) -> list[Token]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise errors.bad_filter()
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


def scalar_of(token: Token) -> Scalar:
    try:
        if token.kind == "string":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "guid":
            return UUID(token.text)
        if token.kind == "time":
            return datetime.fromisoformat(token.text)
        if token.kind == "date":
            return date.fromisoformat(token.text)
        if token.kind == "number":
            return Decimal(token.text)
    except ValueError:
        raise errors.bad_filter() from None
    raise errors.bad_filter()
