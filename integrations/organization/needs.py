"""Which application permissions are needed, and what each of them allows. Pure.

What Microsoft gives is of two kinds: app roles of the organization's consent, for all mailboxes, which show in the
token; and roles of Exchange (RBAC for Applications), for the mailboxes of a scope, which show only when a mailbox is
asked. Both add up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from integrations.organization.permissions import FULL_ACCESS, PERMISSIONS, Permission, about, contained

__all__ = [
    "FULL_ACCESS",
    "GIVEN",
    "PERMISSIONS",
    "READ_CALENDARS",
    "READ_CONTACTS",
    "READ_DIRECTORY",
    "REGISTERED",
    "REGISTERED_FOR_EWS",
    "WRITE_CALENDARS",
    "Asked",
    "Needs",
    "NeedsOfEws",
    "Permission",
    "Row",
    "Said",
    "Standing",
    "about",
    "compare",
    "contained",
]

READ_DIRECTORY = "User.Read.All"
READ_CALENDARS = "Calendars.Read"
WRITE_CALENDARS = "Calendars.ReadWrite"
READ_CONTACTS = "Contacts.Read"
# What the portal's application is registered with, so that a consent gives it.
REGISTERED = frozenset({READ_DIRECTORY, WRITE_CALENDARS, READ_CONTACTS})
REGISTERED_FOR_EWS = frozenset({FULL_ACCESS})


class Asked(StrEnum):
    """What a mailbox is asked to learn what is allowed."""

    CALENDAR = "calendar"
    CALENDAR_WRITE = "calendar_write"
    CONTACTS = "contacts"


class Said(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    # Passing trouble, or there is no mailbox: nothing is learned.
    NOTHING = "unanswered"


class Standing(StrEnum):
    GRANTED = "granted"
    # By Exchange, for the mailboxes of a scope.
    SCOPED = "scoped"
    MISSING = "missing"
    # It would be useful and is not there; all the rest goes without.
    DONE_WITHOUT = "done_without"
    MORE = "more"
    # Not in the token, and no mailbox has been asked.
    UNKNOWN = "unknown"


GIVEN = frozenset({Standing.GRANTED, Standing.SCOPED})


@dataclass(frozen=True)
class Needs:
    """What the settings of an account make of Application Permissions."""

    writes_calendars: bool = True
    reads_contacts: bool = False

    @property
    def names(self) -> list[str]:
        """In the order in which they are shown."""
        calendars = WRITE_CALENDARS if self.writes_calendars else READ_CALENDARS
        return [calendars, *([READ_CONTACTS] if self.reads_contacts else []), READ_DIRECTORY]


@dataclass(frozen=True)
class NeedsOfEws(Needs):
    """Whatever the settings say: EWS has one permission, for all of every mailbox."""

    writes_calendars: bool = False

    @property
    def names(self) -> list[str]:
        return [FULL_ACCESS]


@dataclass(frozen=True)
class Row:
    name: str
    app_role: str
    allows: str
    # Why it is needed, or why it is not.
    why: str
    is_needed: bool
    standing: Standing
    # The wider permission that gives it, where it is not granted by its own name.
    by: str = ""
    # It can be taken away at Exchange, not among the consents.
    is_exchange: bool = False


def compare(needed: Needs, roles: Collection[str], probed: Mapping[str, str]) -> list[Row]:
    """Row by row: first what is needed, then what is there besides. `roles`: of the token; `probed`: what a mailbox
    said, by `Asked`."""
    wanted = [_needed(name, needed, roles, probed) for name in needed.names]
    covered = contained(row.name for row in wanted if row.standing in GIVEN)
    answered = [name for name, asked in _asked(needed).items() if probed.get(asked) == Said.OK]
    in_token = sorted(set(roles) - set(needed.names))
    in_exchange = [name for name in answered if name not in contained(roles) | covered | set(needed.names)]
    besides = [_besides(name, needed, covered) for name in in_token]
    return wanted + besides + [_besides(name, needed, covered, is_exchange=True) for name in in_exchange]


def _needed(name: str, needed: Needs, roles: Collection[str], probed: Mapping[str, str]) -> Row:
    wider = sorted(role for role in roles if name in about(role).contains)
    standing, by = _standing(name, needed, probed), ""
    if name in roles or wider:
        standing, by = Standing.GRANTED, "" if name in roles else wider[0]
    return _row(name, _why(name, needed), is_needed=True, standing=standing, by=by)


def _standing(name: str, needed: Needs, probed: Mapping[str, str]) -> Standing:
    """Of one that is not in the token."""
    if name == READ_DIRECTORY:  # Exchange has no say in the directory
        return Standing.DONE_WITHOUT
    answer = probed.get(_asked(needed)[name], "")
    if answer == Said.OK:
        return Standing.SCOPED
    # Who may not even read may not write.
    is_shut = name == WRITE_CALENDARS and probed.get(Asked.CALENDAR) == Said.REFUSED
    return Standing.MISSING if answer == Said.REFUSED or is_shut else Standing.UNKNOWN


def _besides(name: str, needed: Needs, covered: Collection[str], *, is_exchange: bool = False) -> Row:
    """Of one that is there and not needed by its own name, also where it is wider than what is needed. As long as a
    needed one is missing that contains it, it is of use."""
    if name in contained(needed.names) - set(covered):
        standing = Standing.SCOPED if is_exchange else Standing.GRANTED
        why = "A part of what is needed, and all there is of it."
    else:
        standing, why = Standing.MORE, _why_not(name, needed)
    return _row(name, why, is_needed=False, standing=standing, is_exchange=is_exchange)


def _row(name: str, why: str, *, is_needed: bool, standing: Standing, by: str = "", is_exchange: bool = False) -> Row:
    found = about(name)
    return Row(name, found.app_role, found.allows, why, is_needed, standing, by, is_exchange)


def _why(name: str, needed: Needs) -> str:
    if name == FULL_ACCESS:
        return "EWS knows no smaller one. Meridian reads calendars with it, and writes nothing."
    if name == READ_DIRECTORY:
        return "Finds people’s mailboxes, and follows new names and aliases. It may be taken away."
    if name == READ_CONTACTS:
        return "Reading people’s contacts is ticked in Services and permissions."
    return (
        "Shows meetings, and Bidirectional sync writes them."
        if needed.writes_calendars
        else "Shows meetings. Bidirectional sync is off for everybody, so nothing is written."
    )


def _why_not(name: str, needed: Needs) -> str:
    if isinstance(needed, NeedsOfEws):
        return "Nothing in Meridian uses it."
    if name in contained(needed.names):
        return "A needed permission contains it already."
    if name == WRITE_CALENDARS:
        return "Bidirectional sync is off for everybody: Calendars.Read is enough."
    if name == READ_CONTACTS:
        return "Reading people’s contacts is not ticked in Services and permissions."
    wider = sorted(set(needed.names) & about(name).contains)
    return f"{wider[0]} is enough." if wider else "Nothing in Meridian uses it."


def _asked(needed: Needs) -> Mapping[str, Asked]:
    """What a mailbox is asked for each permission."""
    return _ASKED_OF_EWS if isinstance(needed, NeedsOfEws) else _ASKED


_ASKED_OF_EWS = {FULL_ACCESS: Asked.CALENDAR}
_ASKED = {READ_CALENDARS: Asked.CALENDAR, WRITE_CALENDARS: Asked.CALENDAR_WRITE, READ_CONTACTS: Asked.CONTACTS}
