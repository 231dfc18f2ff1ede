"""The permissions page: what can be ticked, what cannot and who decided that, and what is new to Microsoft."""

from __future__ import annotations

from dataclasses import dataclass

from django.forms import Form
from django.utils.safestring import SafeString

from accounts.models import User
from integrations import deciding
from integrations.models import ALIVE, Connection
from integrations.policy import Obstacle
from integrations.preferences import ServicePolicy

_ROWS = (
    ("Calendar", "calendar_write", "", Obstacle.CALENDAR_WRITE),
    ("Contacts", "contacts_write", "contacts_read", Obstacle.CONTACTS_WRITE),
)


@dataclass(frozen=True)
class Row:
    """One line of the table. `decided` says by whom writing is not allowed; `note` what a tick would mean."""

    label: str
    name: str
    may_write: bool
    is_ticked: bool
    decided: SafeString
    note: str
    is_read_withheld: bool


def rows(person: User, ceiling: ServicePolicy, connection: Connection | None, form: Form) -> list[Row]:
    """Two queries for each permission that is not given."""
    return [
        Row(
            label=label,
            name=name,
            may_write=getattr(ceiling, name),
            is_ticked=bool(form[name].value()),
            decided=SafeString("") if getattr(ceiling, name) else deciding.said_by(person, obstacle),
            note=_note(name, connection),
            is_read_withheld=bool(connection and read in connection.withheld),
        )
        for label, name, read, obstacle in _ROWS
    ]


def _note(name: str, connection: Connection | None) -> str:
    if connection is None or connection.state not in ALIVE or getattr(connection, name):
        return ""
    if name in connection.withheld:
        return "Microsoft did not give this. Ticked, it is asked for once more."
    return "New: Microsoft asks you before it counts."
