"""A `$filter` as a tree, which writes itself as OData. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

Scalar: TypeAlias = str | bool | Decimal | datetime | date | UUID | None


@dataclass(frozen=True)
class Path:
    """`start/dateTime`; inside any() it begins with the variable."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.names)


@dataclass(frozen=True)
class Value:
    of: Scalar

    def __str__(self) -> str:
        if isinstance(self.of, str):
            return "'" + self.of.replace("'", "''") + "'"
        if self.of is None or isinstance(self.of, bool):
            return {None: "null", True: "true", False: "false"}[self.of]
        if isinstance(self.of, Decimal):
            return f"{self.of:f}"
        return self.of.isoformat() if isinstance(self.of, date) else str(self.of)


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Operand, ...]

    def __str__(self) -> str:
        return f"{self.name}({','.join(map(str, self.arguments))})"


Operand: TypeAlias = "Path | Value | Call"


@dataclass(frozen=True)
class Compare:
    operator: str
    left: Operand
    right: Operand

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True)
class In:
    left: Operand
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.left} in ({','.join(map(str, self.values))})"


@dataclass(frozen=True)
class Lambda:
    """`attendees/any(a: a/type eq 'required')`; without a condition: whether there is anything at all."""

    collection: Path
    kind: str
    variable: str = ""
    condition: Condition | None = None

    def __str__(self) -> str:
        inner = f"{self.variable}:{self.condition}" if self.condition is not None else ""
        return f"{self.collection}/{self.kind}({inner})"


@dataclass(frozen=True)
class Not:
    condition: Condition

    def __str__(self) -> str:
        return f"not ({self.condition})"


@dataclass(frozen=True)
class Both:
    left: Condition
    right: Condition

    def __str__(self) -> str:
        return f"({self.left}) and ({self.right})"


@dataclass(frozen=True)
class Either:
    left: Condition
    right: Condition

    def __str__(self) -> str:
        return f"({self.left}) or ({self.right})"


Condition: TypeAlias = "Compare | In | Lambda | Not | Both | Either | Call | Path"
"""A function that answers yes or no, and a property that is true or false, are conditions on their own."""
