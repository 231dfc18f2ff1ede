"""Whether something that Graph would write (a JSON object) fits a `$filter`. Pure.

For collections that are small, or put together from several places; `filtering.py` asks the database instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from integrations.simulator.graph import errors, times
from integrations.simulator.graph.odata import (
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

_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}
Item = Mapping[str, Any]


def matches(condition: Condition, item: Item) -> bool:
    match condition:
        case Both(left, right):
            return matches(left, item) and matches(right, item)
        case Either(left, right):
            return matches(left, item) or matches(right, item)
        case Not(inner):
            return not matches(inner, item)
        case Lambda():
            return _any_or_all(condition, item)
        case In(left, values):
            return any(_equal(_value(left, item), value.of) for value in values)
        case Compare(sign, left, right):
            return _compare(sign, _value(left, item), _value(right, item))
        case Call() | Path():
            return _value(condition, item) is True


def _any_or_all(condition: Lambda, item: Item) -> bool:
    members = _at(condition.collection, item)
    if not isinstance(members, Sequence) or isinstance(members, str):
        raise errors.bad_filter()
    if condition.condition is None:
        return bool(members)
    inner = condition.condition
    fits = (matches(inner, {**item, condition.variable: member}) for member in members)
    return any(fits) if condition.kind == "any" else all(fits)


def _compare(sign: str, left: object, right: object) -> bool:
    if sign in ("eq", "ne"):
        return _equal(left, right) == (sign == "eq")
    left, right = _alike(left, right)
    if left is None or right is None:
        return False
    if type(left) is not type(right) or isinstance(left, bool):
        raise errors.bad_filter()
    return _ORDERINGS[sign](left, right)


def _equal(left: object, right: object) -> bool:
    """Letters in any case, as Graph compares; values of different kinds make no sense."""
    left, right = _alike(left, right)
    if left is not None and right is not None and type(left) is not type(right):
        raise errors.bad_filter()
    return left == right


def _alike(left: object, right: object) -> tuple[object, object]:
    """What is written as text in JSON may be meant as a moment, or an id."""
    if isinstance(left, datetime | date) and isinstance(right, str | datetime | date):
        return times.compared(left), times.compared(right)
    if isinstance(right, datetime | date) and isinstance(left, str):
        return times.compared(left), times.compared(right)
    return _plain(left), _plain(right)


def _plain(value: object) -> object:
    if isinstance(value, str | UUID):
        return str(value).casefold()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    return value


def _value(operand: Operand, item: Item) -> object:
    if isinstance(operand, Value):
        return operand.of
    if isinstance(operand, Path):
        return _at(operand, item)
    return _called(operand, [_value(argument, item) for argument in operand.arguments])


def _called(call: Call, values: Sequence[object]) -> object:
    texts = ["" if value is None else value for value in values]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise errors.bad_filter()
    words = [str(text).casefold() for text in texts]
    if call.name in _TESTS and len(words) == 2:
        return _TESTS[call.name](words[0], words[1])
    if len(words) != 1 or call.name in _TESTS:
        raise errors.bad_filter()
    return {"tolower": words[0], "toupper": words[0], "trim": words[0].strip(), "length": len(words[0])}[call.name]


def _at(path: Path, item: Item) -> object:
    """Names in any case; one that is not there makes no sense."""
    value: object = item
    for name in path.names:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise errors.bad_filter()
        known = {key.lower(): key for key in value}
        if name.lower() not in known:
            raise errors.bad_filter().because(f"There is no property “{path}” to filter by.")
        value = value[known[name.lower()]]
    return value
