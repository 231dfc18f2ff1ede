"""An entry of the audit log in words: one sentence, and what differs between before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.audit.declarations import Action, Say, actions
from accounts.cascade import declare, parts
from accounts.models import AuditEntry

NOTHING = "nothing"
INHERITED = "inherited"
SOMEBODY = "somebody"


@dataclass(frozen=True)
class Change:
    """One thing that changed. Without `before` it is new; without `after` it is gone."""

    label: str
    before: str | None
    after: str | None


def sentence(entry: AuditEntry) -> str:
    """The entry in words. An action that is no longer declared is shown by its name."""
    known = actions().get(entry.action)
    if known is None:
        return _capital(f"{entry.actor_name}: {entry.action}, {entry.target_name}")
    return _capital(known.sentence.format_map(_Filling(entry, known)))


def changes(before: Any, after: Any, *, action: str = "") -> tuple[Change, ...]:
    """What differs between the two, in words. Either may be None, or anything that JSON can say."""
    old, new = _as_mapping(before), _as_mapping(after)
    key = new.get("setting") or old.get("setting")
    if isinstance(key, str):
        return _of_setting(key, old, new)
    known = actions().get(action)
    says = known.say if known else {}
    names = [*old, *(name for name in new if name not in old)]
    return tuple(
        Change(label(name), _said(name, old, says), _said(name, new, says))
        for name in names
        if name not in old or name not in new or old[name] != new[name]
    )


def label(name: str) -> str:
    """The name of a field as it is shown: “calendar_write” as “Calendar write”."""
    return "E-mail" if name == "email" else name.replace("_", " ").capitalize()


def setting_label(key: str) -> str:
    """A setting that nobody declares any more is shown by its key."""
    setting = declare.by_key(key)
    return setting.label if setting else key


class _Filling(dict[str, str]):
    """What stands for the braces of a sentence. A field that this entry lacks is somebody it does not name."""

    def __init__(self, entry: AuditEntry, known: Action) -> None:
        old, new = _as_mapping(entry.before), _as_mapping(entry.after)
        super().__init__({name: _value(name, value, known.say) for name, value in {**old, **new}.items()})
        self.update(actor=entry.actor_name, target=entry.target_name, setting=setting_label(_key(entry, old, new)))

    def __missing__(self, name: str) -> str:
        return SOMEBODY


def _key(entry: AuditEntry, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return entry.setting_key or str(new.get("setting") or old.get("setting") or "a setting")


def _of_setting(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    setting = declare.by_key(key)
    shown = [Change(setting_label(key), _setting_value(setting, old), _setting_value(setting, new))]
    # The summary of a composite may stay the same when a part of it changes.
    shown += [
        Change(part.label, part.other, part.words)
        for part in parts.facts_of(_value_of(setting, new), _value_of(setting, old))
        if part.other
    ]
    if bool(old.get("locked")) != bool(new.get("locked")):
        shown.append(Change("Lock", _words(bool(old.get("locked"))), _words(bool(new.get("locked")))))
    return tuple(change for change in shown if change.before != change.after)


def _setting_value(setting: declare.Setting | None, side: Mapping[str, Any]) -> str:
    if "value" not in side:
        return INHERITED
    value = _value_of(setting, side)
    return _words(side["value"]) if setting is None or value is None else setting.say(value)


def _value_of(setting: declare.Setting | None, side: Mapping[str, Any]) -> Any:
    """None where it was inherited, or was written by an older declaration."""
    if setting is None or "value" not in side:
        return None
    try:
        return setting.from_json(side["value"])
    except declare.BadValue:
        return None


def _as_mapping(side: Any) -> Mapping[str, Any]:
    if side is None:
        return {}
    return side if isinstance(side, Mapping) else {"value": side}


def _said(name: str, side: Mapping[str, Any], says: Mapping[str, Say]) -> str | None:
    return _value(name, side[name], says) if name in side else None


def _value(name: str, value: Any, says: Mapping[str, Say]) -> str:
    if name not in says:
        return _words(value)
    try:
        return says[name](value)
    except (KeyError, TypeError, ValueError):
        # Written by an older declaration, or masked.
        return _words(value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, Mapping):
        return "; ".join(f"{label(str(name))} {_words(item)}" for name, item in value.items()) or NOTHING
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value) or NOTHING
    return NOTHING if value in (None, "") else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
