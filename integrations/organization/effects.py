"""What follows from the permissions of an organization: what is read and written there, and why something is not.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integrations.organization.needs import (
    FULL_ACCESS,
    GIVEN,
    READ_CALENDARS,
    READ_CONTACTS,
    READ_DIRECTORY,
    WRITE_CALENDARS,
    Row,
    Standing,
)


@dataclass(frozen=True)
class Effect:
    what: str
    works: bool
    says: str


def effects(rows: Sequence[Row]) -> list[Effect]:
    """Of the rows of `needs.compare`."""
    if by_ews := next((row for row in rows if row.is_needed and row.name == FULL_ACCESS), None):
        return _by_ews(by_ews)
    of_name = {row.name: row for row in rows if row.is_needed}
    partly = next((row for row in rows if row.name == READ_CALENDARS and row.standing in GIVEN), None)
    return [_calendars(of_name, partly), _contacts(of_name), _directory(of_name)]


def _by_ews(row: Row) -> list[Effect]:
    contacts = Effect("Contacts", works=True, says="They are not read by EWS.")
    people = "They are looked up by the address they have in Meridian: EWS has no directory."
    return [_calendars_by_ews(row), contacts, Effect("People", works=True, says=people)]


def _calendars_by_ews(row: Row) -> Effect:
    if row.standing is Standing.UNKNOWN:
        return Effect("Calendars", works=True, says="Whether they may be read, no mailbox has said yet.")
    if row.standing not in GIVEN:
        return Effect("Calendars", works=False, says=f"They cannot be read: Microsoft does not grant {row.name}.")
    says = f"They are read, {_where(row)} They are never written: Bidirectional sync needs Graph."
    return Effect("Calendars", works=True, says=says)


def _calendars(of_name: Mapping[str, Row], partly: Row | None) -> Effect:
    row = of_name.get(WRITE_CALENDARS) or of_name[READ_CALENDARS]
    verb = "read and written" if row.name == WRITE_CALENDARS else "read"
    if row.standing is Standing.UNKNOWN:
        return Effect("Calendars", works=True, says=f"Whether they may be {verb}, no mailbox has said yet.")
    if row.standing not in GIVEN and partly:
        says = f"They are read, but cannot be written: Microsoft does not grant {row.name}."
        return Effect("Calendars", works=False, says=says)
    if row.standing not in GIVEN:
        return Effect("Calendars", works=False, says=f"They cannot be {verb}: Microsoft does not grant {row.name}.")
    return Effect("Calendars", works=True, says=f"They are {verb}, {_where(row)}")


def _contacts(of_name: Mapping[str, Row]) -> Effect:
    row = of_name.get(READ_CONTACTS)
    if row is None:
        return Effect("Contacts", works=True, says="They are not read: that is not ticked in Services and permissions.")
    if row.standing is Standing.UNKNOWN:
        return Effect("Contacts", works=True, says="Whether they may be read, no mailbox has said yet.")
    if row.standing not in GIVEN:
        says = "They are not read any more: Microsoft does not grant Contacts.Read. Calendars go on without it."
        return Effect("Contacts", works=False, says=says)
    return Effect("Contacts", works=True, says=f"They are read, {_where(row)}")


def _directory(of_name: Mapping[str, Row]) -> Effect:
    if of_name[READ_DIRECTORY].standing in GIVEN:
        return Effect("People", works=True, says="They are found in the directory; new names and aliases are followed.")
    says = (
        "They are looked up by the address they have in Meridian. New names and aliases at Microsoft are not followed, "
        "because User.Read.All is not granted."
    )
    return Effect("People", works=True, says=says)


def _where(row: Row) -> str:
    if row.standing is Standing.SCOPED:
        return "in the mailboxes that Exchange opens to Meridian (RBAC for Applications)."
    return "in all mailboxes of the organization."
