"""A `$filter` as a database query: what each property is in the database, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from integrations.simulator.graph import errors, odata, times
from integrations.simulator.graph.errors import Refused
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

EQUALITY = frozenset({"eq", "ne", "in", "not"})
TEXT = EQUALITY | {"startswith", "endswith", "contains", "gt", "ge", "lt", "le"}
TIME = EQUALITY | {"gt", "ge", "lt", "le"}
_LOOKUPS = {"startswith": "istartswith", "endswith": "iendswith", "contains": "icontains"}
_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}


@dataclass(frozen=True)
class Column:
    field: str
    kind: str = "text"
    """text, bool, time, guid or number."""
    operators: Collection[str] = TEXT


@dataclass(frozen=True)
class Collected:
    """A collection: what any() and all() over it mean is the route's affair."""

    q: Callable[[Lambda], Q]


@dataclass(frozen=True)
class Computed:
    """Equal or not to a value that is in no column as such."""

    q: Callable[[object], Q]


Columns = Mapping[str, "Column | Collected | Computed"]
"""By path, in lower case."""
Unsupported = Callable[[str, str], Refused]
"""For a property that is there, and an operator that it does not have."""


def q_of(text: str, columns: Columns, *, known: Collection[str] = (), unsupported: Unsupported) -> Q:
    """`known` are properties that exist and cannot be filtered by; any other name makes no sense."""
    return _Query(columns, {name.lower(): name for name in known}, unsupported).q(odata.parse(text))


class _Query:
    def __init__(self, columns: Columns, known: Mapping[str, str], unsupported: Unsupported) -> None:
        self._columns, self._known, self._unsupported = columns, known, unsupported

    def q(self, condition: Condition) -> Q:
        match condition:
            case Both(left, right):
                return self.q(left) & self.q(right)
            case Either(left, right):
                return self.q(left) | self.q(right)
            case Not(inner):
                return ~self.q(inner)
            case Lambda():
                return self._lambda(condition)
            case Call():
                return self._call(condition)
            case In(left, values):
                return self._in(left, values)
            case Compare():
                return self._compare(condition)
            case Path():
                return self._compare(Compare("eq", condition, Value(True)))

    def _lambda(self, condition: Lambda) -> Q:
        found = self._find(condition.collection, condition.kind)
        if not isinstance(found, Collected):
            raise errors.bad_filter()
        return found.q(condition)

    def _call(self, call: Call) -> Q:
        if call.name not in _LOOKUPS or len(call.arguments) != 2:
            raise errors.bad_filter()
        subject, value = call.arguments
        column = self._column(subject, call.name)
        if column.kind != "text" or not isinstance(value, Value) or not isinstance(value.of, str):
            raise errors.bad_filter()
        return Q(**{f"{column.field}__{_LOOKUPS[call.name]}": value.of})

    def _in(self, left: Operand, values: tuple[Value, ...]) -> Q:
        computed = self._computed(left)
        if computed:
            return Q(*(computed.q(value.of) for value in values), _connector=Q.OR)
        column = self._column(left, "in")
        q = Q()
        for value in values:
            q |= _equal(column, value)
        return q

    def _compare(self, condition: Compare) -> Q:
        left, right, operator = condition.left, condition.right, condition.operator
        if isinstance(left, Value):
            left, right, operator = right, left, _TURNED[operator]
        if not isinstance(right, Value):
            raise errors.bad_filter()
        computed = self._computed(left)
        if computed and operator in ("eq", "ne"):
            return computed.q(right.of) if operator == "eq" else ~computed.q(right.of)
        column = self._column(left, operator)
        if operator == "eq":
            return _equal(column, right)
        if operator == "ne":
            return ~_equal(column, right)
        if right.of is None or column.kind == "bool":
            raise errors.bad_filter()
        lookup = {"gt": "gt", "ge": "gte", "lt": "lt", "le": "lte"}[operator]
        return Q(**{f"{column.field}__{lookup}": _fitting(column, right)})

    def _computed(self, operand: Operand) -> Computed | None:
        found = self._columns.get(str(operand).lower()) if isinstance(operand, Path) else None
        return found if isinstance(found, Computed) else None

    def _column(self, operand: Operand, operator: str) -> Column:
        """`tolower(mail)` is `mail`: letters are compared in any case anyway."""
        while isinstance(operand, Call) and operand.name in ("tolower", "toupper") and len(operand.arguments) == 1:
            operand = operand.arguments[0]
        if not isinstance(operand, Path):
            raise errors.bad_filter()
        found = self._find(operand, operator)
        if isinstance(found, Computed):
            raise self._unsupported(str(operand), operator)
        if not isinstance(found, Column):
            raise errors.bad_filter()
        if operator not in found.operators:
            raise self._unsupported(str(operand), operator)
        return found

    def _find(self, path: Path, operator: str) -> Column | Collected | Computed:
        name = str(path).lower()
        found = self._columns.get(name)
        if found is None:
            if name.partition("/")[0] in self._known:
                raise self._unsupported(str(path), operator)
            raise errors.bad_filter().because(f"There is no property “{path}” to filter by.")
        return found


def _equal(column: Column, value: Value) -> Q:
    if value.of is None:
        return Q(**{f"{column.field}__isnull": True})
    fitting = _fitting(column, value)
    lookup = "iexact" if column.kind == "text" else "exact"
    # `~Q(x=1)` would leave null out of `ne`.
    return Q(**{f"{column.field}__{lookup}": fitting, f"{column.field}__isnull": False})


def _fitting(column: Column, value: Value) -> object:
    """The value in the column's own type, or no sense."""
    of = value.of
    if column.kind == "guid":
        try:
            return of if isinstance(of, UUID) else UUID(str(of))
        except ValueError:
            raise errors.bad_filter() from None
    if column.kind == "time":
        return times.compared(of)
    wanted = {"text": str, "bool": bool, "number": Decimal}[column.kind]
    if column.kind == "text" and isinstance(of, UUID):
        return str(of)
    if not isinstance(of, wanted):
        raise errors.bad_filter()
    return of
