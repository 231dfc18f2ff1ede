"""What the page of a diagnosis shows."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from integrations import incidents, telling
from integrations.console.tiles import LOOKS, Look
from integrations.diagnosis import asked, bundle, past
from integrations.diagnosis.case import Case
from integrations.diagnosis.help import helps
from integrations.diagnosis.model import Mark
from integrations.diagnosis.steps import steps
from integrations.models import Connection

_ICONS = {Mark.DONE: "check", Mark.FAILED: "close", Mark.SKIPPED: "ring", Mark.UNKNOWN: "info"}
_SAID = {Mark.DONE: "Done", Mark.FAILED: "Failed", Mark.SKIPPED: "Not asked", Mark.UNKNOWN: "Not known"}
_DISCONNECTED = Look("Disconnected", "plain", "ring", "")


def of(case: Case) -> dict[str, Any]:
    """A constant number of queries."""
    connection = case.connection
    return {
        "connection": connection,
        "person": case.person,
        "look": LOOKS.get(connection.state, _DISCONNECTED),
        "steps": [(step, _ICONS[step.mark], _SAID[step.mark]) for step in steps(case)],
        "helps": helps(case).says,
        "incident": incidents.of(connection),
        "at_microsoft": _at_microsoft(connection),
        "told": [past.in_words(letter) for letter in past.letters(connection)],
        "history": past.happenings(connection),
        "asked": asked.latest(connection, now=case.now),
        "can_check": asked.can_check(connection),
        "can_remind": telling.is_remindable(connection) and case.person.is_active,
        "bundle": bundle.text(case),
    }


def _at_microsoft(connection: Connection) -> str:
    """The time to quote along with a trace id, in the zone of Microsoft's logs."""
    if not (connection.trace_id and connection.failed_at):
        return ""
    return f"{connection.failed_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
