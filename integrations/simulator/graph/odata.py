"""OData's query options: `$filter` read into a tree (`conditions.py`), `$orderby`, `$expand`. Pure.

Words are read in any case, as Graph does. What makes no sense is refused as Graph refuses it, in three words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.simulator.graph import errors
from integrations.simulator.graph.conditions import (
    Both,
    Call,
    Compare,
    Condition,
    Either,
    In,
    Lambda,
    Not,
    Operand,
    Path,
    Value,
)
from integrations.simulator.graph.lexing import Token, scalar_of, tokens_of

__all__ = [
    "Both",
    "Call",
    "Compare",
    "Condition",
    "Either",
    "In",
    "Lambda",
    "Not",
    "Operand",
    "Order",
    "Path",
    "Value",
    "parse",
    "parse_order",
    "split_expand",
    "split_outside",
]

COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
FUNCTIONS = ("startswith", "endswith", "contains", "tolower", "toupper", "trim", "length")
# Nobody filters deeper; Python's own stack ends not much further down.
DEEPEST = 50
LONGEST = 15_000


@dataclass(frozen=True)
class Order:
    path: str
    is_descending: bool = False


def parse(text: str) -> Condition:
    if len(text) > LONGEST:
        raise errors.bad_filter()
    reader = _Reader(tokens_of(text))
    condition = reader.either()
    reader.end()
    return condition


def parse_order(text: str) -> Sequence[Order]:
    orders = []
    for part in text.split(","):
        words = part.split()
        if not 1 <= len(words) <= 2 or (words[1:] and words[1].lower() not in ("asc", "desc")):
            raise errors.bad_option("$orderby", part.strip())
        orders.append(Order(words[0], bool(words[1:]) and words[1].lower() == "desc"))
    return orders


def split_expand(text: str) -> Sequence[tuple[str, dict[str, str]]]:
    """`a($filter=x eq ',';$top=1),b` → [("a", {"$filter": "x eq ','", "$top": "1"}), ("b", {})]."""
    expanded = []
    for part in split_outside(text, ","):
        name, opened, rest = part.strip().partition("(")
        if not name.strip() or (opened and not rest.endswith(")")):
            raise errors.bad_option("$expand", part.strip())
        options = {}
        for option in split_outside(rest[:-1], ";") if opened else ():
            key, equals, value = option.partition("=")
            if not equals:
                raise errors.bad_option("$expand", part.strip())
            key = key.strip().lower()
            options[key if key.startswith("$") else f"${key}"] = value.strip()
        expanded.append((name.strip(), options))
    return expanded


def split_outside(text: str, separator: str) -> Sequence[str]:
    """At separators that are neither quoted nor in parentheses."""
    parts, depth, is_quoted, begin = [], 0, False, 0
    for index, character in enumerate(text):
        if character == "'":
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == separator and depth == 0:
            parts.append(text[begin:index])
            begin = index + 1
    return [*parts, text[begin:]]


class _Reader:
    """`or` binds least, then `and`, then `not`, then comparisons."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise errors.bad_filter()

    def either(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise errors.bad_filter()
        condition = self._both()
        while self._take_word("or"):
            condition = Either(condition, self._both())
        self._depth -= 1
        return condition

    def _both(self) -> Condition:
        condition = self._one()
        while self._take_word("and"):
            condition = Both(condition, self._one())
        return condition

    def _one(self) -> Condition:
        negations = 0
        while self._take_word("not"):
            negations += 1
        condition = self._plain()
        return Not(condition) if negations % 2 else condition

    def _plain(self) -> Condition:
        if self._take_mark("("):
            condition = self.either()
            self._must_mark(")")
            return condition
        left = self._operand()
        if isinstance(left, Lambda):
            return left
        operator = self._peek_word()
        if operator in COMPARISONS:
            self._at += 1
            right = self._operand()
            if isinstance(right, Lambda):
                raise errors.bad_filter()
            return Compare(operator, left, right)
        if operator == "in":
            self._at += 1
            return In(left, self._values())
        if isinstance(left, Value):
            raise errors.bad_filter()
        return left

    def _operand(self) -> Operand | Lambda:
        token = self._next()
        if token.kind != "name":
            return Value(scalar_of(token))
        word = token.text.lower()
        if word in ("true", "false", "null"):
            return Value({"true": True, "false": False, "null": None}[word])
        if word in FUNCTIONS and self._take_mark("("):
            return Call(word, self._arguments())
        return self._path(token.text)

    def _path(self, first: str) -> Path | Lambda:
        names = [first]
        while self._take_mark("/"):
            token = self._next()
            if token.kind != "name":
                raise errors.bad_filter()
            if token.text.lower() in ("any", "all") and self._take_mark("("):
                return self._lambda(Path(tuple(names)), token.text.lower())
            names.append(token.text)
        return Path(tuple(names))

    def _lambda(self, collection: Path, kind: str) -> Lambda:
        if self._take_mark(")"):
            return Lambda(collection, kind)
        variable = self._next()
        if variable.kind != "name":
            raise errors.bad_filter()
        self._must_mark(":")
        condition = self.either()
        self._must_mark(")")
        return Lambda(collection, kind, variable.text, condition)

    def _arguments(self) -> tuple[Operand, ...]:
        arguments: list[Operand] = []
        self._depth += 1
        if self._depth > DEEPEST:
            raise errors.bad_filter()
        while not self._take_mark(")"):
            if arguments:
                self._must_mark(",")
            argument = self._operand()
            if isinstance(argument, Lambda):
                raise errors.bad_filter()
            arguments.append(argument)
        self._depth -= 1
        return tuple(arguments)

    def _values(self) -> tuple[Value, ...]:
        self._must_mark("(")
        values: list[Value] = []
        while not self._take_mark(")"):
            if values:
                self._must_mark(",")
            value = self._operand()
            if not isinstance(value, Value):
                raise errors.bad_filter()
            values.append(value)
        if not values:
            raise errors.bad_filter()
        return tuple(values)

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise errors.bad_filter()
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek_word(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else Token("", "")
        return token.text.lower() if token.kind == "name" else ""

    def _take_word(self, word: str) -> bool:
        if self._peek_word() != word:
            return False
        self._at += 1
        return True

    def _take_mark(self, mark: str) -> bool:
        if self._at >= len(self._tokens) or self._tokens[self._at] != Token("mark", mark):
            return False
        self._at += 1
        return True

    def _must_mark(self, mark: str) -> None:
        if not self._take_mark(mark):
            raise errors.bad_filter()
