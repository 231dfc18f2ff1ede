"""Many values in one query, however many: `filter(pk__in=ids(…))`.

A database limits how many parameters a statement may have, and reading thousands of them is slow; here all travel as
one. What a lookup gets is a sub-select.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import BigIntegerField, Func, TextField, Value


def ids(values: Iterable[int]) -> Func:
    return _Listed(list(values), "bigint", BigIntegerField())


def words(values: Iterable[str]) -> Func:
    return _Listed(list(values), "text", TextField())


class _Listed(Func):
    def __init__(self, values: list[Any], kind: str, output_field: Any) -> None:
        super().__init__(Value(json.dumps(values), output_field=TextField()), output_field=output_field, kind=kind)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "SELECT value::%(kind)s FROM json_array_elements_text(%(expressions)s::json)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="SELECT value FROM json_each(%(expressions)s)", **context)
