"""The audit log as a table that leaves the portal; that it left is an entry too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db.models import QuerySet

from accounts.audit import reading
from accounts.audit.declarations import declare
from accounts.audit.recording import record
from accounts.audit.words import changes, sentence, setting_label
from accounts.models import AuditEntry, User

EXPORTED = declare("audit.exported", "{actor} downloaded entries of the audit log.", personal=("person",))

Row = tuple[object, ...]


def export(
    entries: QuerySet[AuditEntry],
    *,
    actor: User,
    now: datetime,
    zone: tzinfo,
    chosen: dict[str, Any],
    about: User | None = None,
) -> Iterator[Row]:
    """The rows of `entries` as they are now, to be read while they are sent; times in UTC and in `zone`.

    `chosen` says which were asked for, and `about` whose they are, where it is one person's.
    """
    account = actor.account
    exported = record(EXPORTED, account=account, actor=actor, on=account, now=now, after=chosen or None, about=about)
    return (_row(entry, zone) for entry in reading.all_of(entries.filter(pk__lt=exported.pk)))


def header(zone: tzinfo) -> tuple[str, ...]:
    return (
        "Time in UTC",
        f"Time in {zone}" if str(zone) != "UTC" else "Time",
        "Who",
        "Action",
        "What was done",
        "Level",
        "To what",
        "Setting",
        "Before",
        "After",
        "Reason",
        "People affected",
    )


def _row(entry: AuditEntry, zone: tzinfo) -> Row:
    changed = changes(entry.before, entry.after, action=entry.action)
    return (
        _moment(entry.at.astimezone(UTC)),
        _moment(entry.at.astimezone(zone)),
        entry.actor_name,
        entry.action,
        sentence(entry),
        entry.level,
        entry.target_name,
        setting_label(entry.setting_key) if entry.setting_key else "",
        "; ".join(f"{change.label}: {change.before}" for change in changed if change.before is not None),
        "; ".join(f"{change.label}: {change.after}" for change in changed if change.after is not None),
        entry.reason,
        "" if entry.affected is None else entry.affected,
    )


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
