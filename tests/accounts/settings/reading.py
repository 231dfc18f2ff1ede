"""Reads a page of settings as its reader does, and decides things without the page."""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.cascade import write
from accounts.cascade.declare import by_key
from accounts.models import Account, AuditEntry, Group, SettingDecision, User


def decide(
    key: str,
    value: Any,
    at: Account | Group | User,
    by: User | None,
    *,
    lock: bool | None = None,
    when: datetime | None = None,
) -> AuditEntry:
    setting = by_key(key)
    assert setting
    entry = write.choose(setting, value, at=at, actor=by, now=when or timezone.now(), is_locked=lock)
    assert entry
    return entry


def decision(key: str) -> SettingDecision:
    return SettingDecision.objects.get(key=key)


def page_of(response: Any) -> str:
    return str(response.content.decode())


def text_of(response: Any) -> str:
    """What a reader sees, in one line."""
    return said(page_of(response))


def said(markup: str) -> str:
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())
    return re.sub(r" ([,.;:?])", r"\1", words)


def row(response: Any, name: str) -> str:
    """The markup of one row."""
    found = re.search(rf'<article class="row" id="setting-{name}".*?</article>', page_of(response), re.DOTALL)
    assert found, f"no row {name}"
    return found[0]


def rows(response: Any) -> list[str]:
    """The names of the rows, from the top down."""
    return re.findall(r'<article class="row" id="setting-(\w+)"', page_of(response))


def chain(response: Any, name: str) -> list[str]:
    """The steps behind a value; the one that holds is marked with a star, what does not count with a minus."""
    steps = []
    for mark, step in re.findall(r"<li( aria-current=\"true\")?>(.*?)</li>", row(response, name), re.DOTALL):
        steps.append(f"{'*' if mark else '-' if '<s>' in step else ' '} {said(step)}")
    return steps


def sent(response: Any, name: str, act: str) -> dict[str, str]:
    """What the form of a row for `act` would send, hidden fields only."""
    for form in re.findall(r"<form.*?</form>", row(response, name), re.DOTALL):
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        if fields.get("act") == act:
            return {field: value for field, value in fields.items() if field != "csrfmiddlewaretoken"}
    raise AssertionError(f"no form to {act} {name}")
