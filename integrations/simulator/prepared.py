"""Queries that are always the same but for their parameters, worked out once.

Putting a query together costs Django several times what SQLite takes to answer it. On the paths that clients take
thousands of times (a refresh, a page of delta) that is most of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models import query as queries

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """`Prepared(lambda digest: Thing.objects.filter(digest=digest), str)`, then `.all("…")` or `.first("…")`.

    `kinds` are the types of the parameters: str, int (row numbers, too) or UUID. The query must not depend on them
    otherwise, and they are never None. Relations come along by `select_related`.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], *kinds: type) -> None:
        self._build = build
        self._kinds = kinds

    def first(self, *parameters: object) -> M | None:
        return next(iter(self.all(*parameters)), None)

    def all(self, *parameters: object) -> list[M]:
        plan = self._plan
        given = [_written(value) for value in parameters]
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, plan.parameters(given))
            rows = cursor.fetchall()
        return [plan.object_of(row) for row in plan.converted(rows)]

    @cached_property
    def _plan(self) -> _Plan:
        marks = [_mark(kind, at) for at, kind in enumerate(self._kinds)]
        compiler = self._build(*marks).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        written = [_written(mark) for mark in marks]
        places = [(written.index(value) if value in written else None, value) for value in parameters]
        return _Plan(sql, places, compiler)


@dataclass(frozen=True)
class _Plan:
    sql: str
    places: Sequence[tuple[int | None, Any]]
    """Of each parameter of the SQL: which one of ours it is, or else what it always is."""
    compiler: Any

    def parameters(self, given: Sequence[Any]) -> list[Any]:
        return [constant if at is None else given[at] for at, constant in self.places]

    def converted(self, rows: Sequence[Sequence[Any]]) -> Any:
        return self.compiler.apply_converters(rows, self._converters) if self._converters else rows

    def object_of(self, row: Sequence[Any]) -> Any:
        start, names, populators, model = self._shape
        found = model.from_db(DEFAULT_DB_ALIAS, names, row[start : start + len(names)])
        for populator in populators:
            populator.populate(row, found)
        return found

    @cached_property
    def _converters(self) -> Any:
        columns = [column for column, _, _ in self.compiler.select[: self.compiler.col_count]]
        return self.compiler.get_converters(columns)

    @cached_property
    def _shape(self) -> tuple[int, list[str], Sequence[Any], Any]:
        info, select = self.compiler.klass_info, self.compiler.select
        fields = info["select_fields"]
        names = [select[at][0].target.attname for at in range(fields[0], fields[-1] + 1)]
        return fields[0], names, _populators(info, select, DEFAULT_DB_ALIAS), info["model"]


_populators: Any = queries.get_related_populators


def _mark(kind: type, at: int) -> object:
    """A value that nothing else in a query has."""
    marks: dict[type, object] = {str: f"\N{SYMBOL FOR NULL}{at}", int: -(10**15) - at, UUID: UUID(int=2**120 + at)}
    return marks[kind]


def _written(value: object) -> object:
    return value.hex if isinstance(value, UUID) else value
