"""The last changes at one place, each with its way back where it is still the last one of its setting."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from accounts import describing
from accounts.cascade.declare import BadValue, Level, Setting
from accounts.describing import Line
from accounts.models import AuditEntry
from accounts.views.settings.chosen import Known
from accounts.views.settings.places import Place

SHOWN = 5
RECENT = timedelta(days=7)


@dataclass(frozen=True)
class Recent:
    entry: AuditEntry
    setting: Setting
    row: str
    lines: list[Line]
    # Nothing was decided here for the setting since, and no lock above forbids it.
    may_undo: bool


def changes_at(place: Place, shown: Iterable[Known]) -> list[Recent]:
    """Of the settings that are shown, the newest first. One query."""
    known = {setting.key: (section, setting, explanation) for section, setting, explanation in shown}
    seen: set[str] = set()
    found = []
    for entry in _entries(place, known).order_by("-at", "-id")[:SHOWN]:
        section, setting, explanation = known[entry.setting_key]
        may_undo = setting.key not in seen and explanation.is_editable
        found.append(Recent(entry, setting, place.row(section, setting), _lines(setting, entry), may_undo))
        seen.add(setting.key)
    return found


def changed_lately(place: Place, keys: Collection[str], *, now: datetime) -> set[str]:
    """The keys of what was decided here, or taken back, in the last days. One query."""
    lately = _entries(place, keys).filter(at__gte=now - RECENT).order_by()
    return set(lately.values_list("setting_key", flat=True).distinct())


def _entries(place: Place, keys: Collection[str]) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.filter(
        account=place.account, setting_key__in=list(keys), level=place.level.value, target_id=str(place.scope.pk)
    )
    # Of a person an index knows where they are, however many others have changed their settings too.
    return entries.filter(about_id=place.scope.pk) if place.level == Level.USER else entries


def _lines(setting: Setting, entry: AuditEntry) -> list[Line]:
    """What changed: of a composite each part with its label, of anything else without one."""
    before, after = entry.before or {}, entry.after or {}
    old, new = _value(setting, before), _value(setting, after)
    lines = [Line("", _said(setting, old, before), _said(setting, new, after))]
    if old is not None and new is not None:
        lines = describing.differences(setting, old, new)
    if bool(before.get("locked")) != bool(after.get("locked")):
        lines.append(Line("Lock", *("On" if side.get("locked") else "Off" for side in (before, after))))
    return lines


def _value(setting: Setting, noted: dict[str, Any]) -> Any:
    """None where nothing was decided, or where the entry is older than the setting's present type."""
    try:
        return setting.from_json(noted["value"]) if "value" in noted else None
    except BadValue:
        return None


def _said(setting: Setting, value: Any, noted: dict[str, Any]) -> str:
    if value is not None:
        return setting.say(value)
    return "a value of an earlier version" if "value" in noted else "inherited"
