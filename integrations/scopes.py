"""Graph permissions for what was ticked: never more, and reading always."""

from __future__ import annotations

from collections.abc import Collection, Iterable

READ_CALENDAR = "Calendars.Read"
WRITE_CALENDAR = "Calendars.ReadWrite"
READ_CONTACTS = "Contacts.Read"
WRITE_CONTACTS = "Contacts.ReadWrite"
PROFILE = "User.Read"
_MSALS_OWN = {"openid", "profile", "email", "offline_access"}
# As Microsoft's own pages list them, in words; what is not here goes by its name.
_WORDS = {
    READ_CALENDAR: "read your calendars",
    WRITE_CALENDAR: "read and write your calendars",
    READ_CONTACTS: "read your contacts",
    WRITE_CONTACTS: "read and write your contacts",
    PROFILE: "sign you in and read your profile",
}
_WITHHELD = {
    "calendar_write": "write the calendar",
    "contacts_read": "read contacts",
    "contacts_write": "write contacts",
}


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


def withheld(granted: Collection[str], *, calendar_write: bool, contacts_write: bool) -> list[str]:
    """What was asked for and not given, in the words of `Connection.withheld`. Reading the calendar is never among
    it: without it there is no connection."""
    may_read_contacts = bool({READ_CONTACTS, WRITE_CONTACTS} & set(granted))
    missing = {
        "calendar_write": calendar_write and WRITE_CALENDAR not in granted,
        "contacts_read": not may_read_contacts,
        "contacts_write": contacts_write and WRITE_CONTACTS not in granted,
    }
    return [name for name, is_missing in missing.items() if is_missing]


def withheld_in_words(names: Iterable[str]) -> list[str]:
    return [_WITHHELD[name] for name in names if name in _WITHHELD]


def unused(granted: Iterable[str], *, calendar_write: bool, contacts_write: bool) -> list[str]:
    """What Microsoft lists and nothing here uses, by its name there."""
    wanted = set(scopes_for(calendar_write=calendar_write, contacts_write=contacts_write))
    return sorted(set(granted) - wanted - _MSALS_OWN)


def in_words(granted: Iterable[str]) -> list[str]:
    """“read and write your calendars (Calendars.ReadWrite)”, for people who look at Microsoft's list."""
    return [f"{_WORDS[scope]} ({scope})" if scope in _WORDS else scope for scope in sorted(set(granted) - _MSALS_OWN)]
