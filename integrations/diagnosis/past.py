"""What a person was told about their connection, and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import audit
from accounts.models import AuditEntry, Letter
from accounts.templatetags.ui import local_moment
from integrations import telling
from integrations.models import Connection

LETTERS = 3
ENTRIES = 10
KINDS = (telling.LOST, telling.BLOCKED, telling.ENDED, telling.RELEASED, telling.APPROVED, telling.REMINDER)


@dataclass(frozen=True)
class Happening:
    at: datetime
    sentence: str


def letters(connection: Connection) -> list[Letter]:
    """The newest first. One query."""
    written = Letter.objects.filter(person=connection.user_id, kind__in=KINDS)
    return list(written.order_by("-created_at", "-pk")[:LETTERS])


def in_words(letter: Letter) -> SafeString:
    """“By e-mail, today, 18:05: Reconnect your calendar to Meridian”."""
    if letter.sent_at:
        return format_html("By e-mail, {}: {}", local_moment(letter.sent_at), letter.subject)
    if letter.dropped_at:
        return format_html("Not sent, as it was overtaken, {}: {}", local_moment(letter.dropped_at), letter.subject)
    return format_html("An e-mail waits to be sent since {}: {}", local_moment(letter.created_at), letter.subject)


def entries(connection: Connection) -> list[AuditEntry]:
    """Of the audit log, about this connection, the newest first. One query."""
    found = AuditEntry.objects.filter(about_id=connection.user_id, account=connection.account_id)
    of_it = found.filter(target_kind="connection", target_id=str(connection.pk))
    return list(of_it.order_by("-at", "-pk")[:ENTRIES])


def happenings(connection: Connection) -> list[Happening]:
    return [Happening(entry.at, _sentence(entry)) for entry in entries(connection)]


def _sentence(entry: AuditEntry) -> str:
    """What was done, and why where the log knows it."""
    said = [audit.sentence(entry)]
    changes = audit.changes(entry.before, entry.after, action=entry.action)
    said += [f"{change.label}: {change.after}." for change in changes if change.after]
    return " ".join(said)
