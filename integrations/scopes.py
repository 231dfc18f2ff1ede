"""Graph permissions for what was ticked: never more, and reading always."""

from __future__ import annotations

from collections.abc import Iterable

READ_CALENDAR = "Calendars.Read"
WRITE_CALENDAR = "Calendars.ReadWrite"
READ_CONTACTS = "Contacts.Read"
WRITE_CONTACTS = "Contacts.ReadWrite"
PROFILE = "User.Read"
_MSALS_OWN = {"openid", "profile", "email", "offline_access"}


def scopes_for(*, calendar_write: bool, contacts_write: bool) -> list[str]:
    """The delegated permissions to ask for. MSAL adds openid, profile and offline_access."""
    return [
        PROFILE,
        WRITE_CALENDAR if calendar_write else READ_CALENDAR,
        WRITE_CONTACTS if contacts_write else READ_CONTACTS,
    ]


def bare(scopes: Iterable[str]) -> list[str]:
    """As the tables spell them: Microsoft answers with or without the resource in front."""
    return sorted({scope.rpartition("/")[2] for scope in scopes})


def to_refresh(granted: Iterable[str]) -> list[str]:
    """What a refresh asks for: the very permissions that were consented to. Of those Calendars.ReadWrite does not
    imply Calendars.Read: to ask for less in other words is refused as consent that was never given (AADSTS65001)."""
    return sorted(set(granted) - _MSALS_OWN)


def may_read_calendar(granted: Iterable[str]) -> bool:
    return bool({READ_CALENDAR, WRITE_CALENDAR} & set(granted))


def may_write_calendar(granted: Iterable[str]) -> bool:
    return WRITE_CALENDAR in granted


def may_write_contacts(granted: Iterable[str]) -> bool:
    return WRITE_CONTACTS in granted
