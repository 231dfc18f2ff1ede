"""Erasing a person: the entries stay, the name goes. What the database allows of it: decision 10."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Func, JSONField, Q, Value

from accounts.audit.declarations import actions
from accounts.models import AuditEntry, User
from accounts.models.audit import MASKED_PERSON, mask_of


def erase(person: User, *, now: datetime) -> None:
    """Mask whatever the log holds of `person`, in a handful of statements however long the log is.

    To be called where the person is deleted, after the last entry about it, and in the same transaction.
    """
    entries = AuditEntry.objects.all()
    about = Q(about_id=person.pk)
    with transaction.atomic():
        entries.filter(actor_id=person.pk).mask(now=now, actor_name=MASKED_PERSON)
        entries.filter(about & _named_after_people()).mask(now=now, target_name=MASKED_PERSON)
        for fields, names in _by_personal_fields().items():
            masked = {side: _masked(side, fields) for side in ("before", "after")}
            entries.filter(about, action__in=names).mask(now=now, **masked)


def _named_after_people() -> Q:
    declared = [action.name for action in actions().values() if action.personal_target]
    return Q(target_kind=str(User._meta.verbose_name)) | Q(action__in=declared)


def _by_personal_fields() -> dict[tuple[str, ...], list[str]]:
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for action in actions().values():
        if action.personal:
            found[action.personal].append(action.name)
    return found


def _masked(side: str, fields: tuple[str, ...]) -> Any:
    masked: Any = F(side)
    for field in fields:
        masked = _Mask(masked, field=field)
    return masked


class _Mask(Func):
    """A JSON object with one of its fields masked, where it has that field."""

    output_field = JSONField()

    def __init__(self, side: Any, *, field: str) -> None:
        super().__init__(side, Value(field), Value(mask_of(field)))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        side, (field, mask) = self._compiled(compiler)
        return f"JSON_REPLACE({side[0]}, '$.' || %s, %s)", (*side[1], field, mask)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        side, (field, mask) = self._compiled(compiler)
        is_object = f"JSONB_TYPEOF({side[0]}) = 'object'"
        masked = f"JSONB_SET({side[0]}, ARRAY[%s], TO_JSONB(%s::text), false)"
        return f"CASE WHEN {is_object} THEN {masked} ELSE {side[0]} END", (*side[1], *side[1], field, mask, *side[1])

    def _compiled(self, compiler: Any) -> tuple[tuple[str, Any], list[Any]]:
        side, *words = self.get_source_expressions()
        return compiler.compile(side), [word.value for word in words]
