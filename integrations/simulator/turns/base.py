"""Django's database backend for SQLite, with turns for writers (named by ENGINE in the settings)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base

from integrations.simulator.turns import Turns

_turns = Turns()
_WRITING = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class DatabaseWrapper(base.DatabaseWrapper):
    _has_turn = False

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if _alone not in self.execute_wrappers:
            self.execute_wrappers.append(_alone)

    def _start_transaction_under_autocommit(self) -> None:
        _turns.take()
        self._has_turn = True
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs leave these out
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turns.hand_on()


def _alone(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """A statement outside a transaction is one by itself."""
    if context["connection"].in_atomic_block or not str(sql).startswith(_WRITING):
        return execute(sql, params, many, context)
    _turns.take()
    try:
        return execute(sql, params, many, context)
    finally:
        _turns.hand_on()
