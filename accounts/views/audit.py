"""Account Management > Audit log: what was done, by whom, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import audit as log
from accounts import doors
from accounts.cascade import declare
from accounts.doors import SignedInRequest
from accounts.forms.audit import AuditFilter
from accounts.models import AuditEntry, Role

ON_A_PAGE = 50
NOTHING = "nothing"
INHERITED = "inherited"


@dataclass(frozen=True)
class Change:
    """One thing that changed. Without `before` it is new; without `after` it is gone."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Line:
    entry: AuditEntry
    sentence: str
    changes: tuple[Change, ...]


@require_safe
@doors.account_admin
def audit(request: SignedInRequest) -> HttpResponse:
    chosen = AuditFilter(request.GET)
    page = Paginator(chosen.apply(request.user.account), ON_A_PAGE).get_page(request.GET.get("page"))
    lines = [Line(entry, log.sentence(entry), changes(entry.before, entry.after)) for entry in page]
    return render(request, "accounts/audit.html", {"chosen": chosen, "page": page, "lines": lines})


def changes(before: Any, after: Any) -> tuple[Change, ...]:
    """What differs between the two, in words. Either may be None, or anything that JSON can say."""
    old, new = _as_mapping(before), _as_mapping(after)
    key = new.get("setting") or old.get("setting")
    if isinstance(key, str):
        return _of_setting(key, old, new)
    names = [*old, *(name for name in new if name not in old)]
    return tuple(
        Change(_label(name), _said(name, old), _said(name, new)) for name in names if old.get(name) != new.get(name)
    )


def _of_setting(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    setting = declare.by_key(key)
    label = setting.label if setting else key
    shown = [Change(label, _setting_value(setting, old), _setting_value(setting, new))]
    if bool(old.get("locked")) != bool(new.get("locked")):
        shown.append(Change("Lock", _words(bool(old.get("locked"))), _words(bool(new.get("locked")))))
    return tuple(change for change in shown if change.before != change.after)


def _setting_value(setting: declare.Setting | None, side: Mapping[str, Any]) -> str:
    if "value" not in side:
        return INHERITED
    if setting is None:
        return _words(side["value"])
    try:
        return setting.say(setting.from_json(side["value"]))
    except declare.BadValue:
        # Written by an older declaration.
        return _words(side["value"])


def _as_mapping(side: Any) -> Mapping[str, Any]:
    if side is None:
        return {}
    return side if isinstance(side, Mapping) else {"value": side}


def _said(name: str, side: Mapping[str, Any]) -> str | None:
    if name not in side:
        return None
    value = side[name]
    return Role(value).label if name == "role" and value in Role.values else _words(value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, Mapping):
        return "; ".join(f"{_label(str(name))} {_words(item)}" for name, item in value.items()) or NOTHING
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value) or NOTHING
    return NOTHING if value in (None, "") else str(value)


def _label(name: str) -> str:
    return "E-mail" if name == "email" else name.replace("_", " ").capitalize()
