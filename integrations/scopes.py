"""Permissions for what was ticked: never more, and reading always. EWS knows but one, for all of the mailbox."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from integrations.microsoft import identity
from integrations.models import Connection
from integrations.policy import Shape
from integrations.preferences import Api

READ_CALENDAR = "Calendars.Read"
WRITE_CALENDAR = "Calendars.ReadWrite"
READ_CONTACTS = "Contacts.Read"
WRITE_CONTACTS = "Contacts.ReadWrite"
PROFILE = "User.Read"
ALL_BY_EWS = "EWS.AccessAsUser.All"
_MSALS_OWN = {"openid", "profile", "email", "offline_access"}
# As Microsoft's own pages list them, in words; what is not here goes by its name.
_WORDS = {
    READ_CALENDAR: "read your calendars",
    WRITE_CALENDAR: "read and write your calendars",
    READ_CONTACTS: "read your contacts",
    WRITE_CONTACTS: "read and write your contacts",
    PROFILE: "sign you in and read your profile",
    ALL_BY_EWS: "read and write your whole mailbox by Exchange Web Services",
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


def scopes_for_ews() -> list[str]:
    """The one delegated permission of Exchange Web Services, with its resource: it is not Graph's."""
    return [f"{identity.exchange_resource()}/{ALL_BY_EWS}"]


def asked_by(wish: Shape) -> list[str]:
    """The delegated permissions that a wish comes to, by the way that it goes."""
    if wish.api is Api.EWS:
        return scopes_for_ews()
    return scopes_for(calendar_write=wish.calendar_write, contacts_write=wish.contacts_write)


def scopes_of(connection: Connection) -> list[str]:
    """What a refresh of a connection asks for, by the way that it goes."""
    return to_ask_again(connection.granted, connection.api)


def to_ask_again(granted: Iterable[str], api: str) -> list[str]:
    return scopes_for_ews() if api == Api.EWS.value else to_refresh(granted)


def bare(scopes: Iterable[str]) -> list[str]:
    """As the tables spell them: Microsoft answers with or without the resource in front."""
    return sorted({scope.rpartition("/")[2] for scope in scopes})


def in_full(names: Iterable[str]) -> list[str]:
    """As Microsoft is asked for them: with the resource where it is not Graph's."""
    return [scope for name in names for scope in (scopes_for_ews() if name == ALL_BY_EWS else [name])]


def to_refresh(granted: Iterable[str]) -> list[str]:
    """What a refresh asks for: the very permissions that were consented to. Of those Calendars.ReadWrite does not
    imply Calendars.Read: to ask for less in other words is refused as consent that was never given (AADSTS65001)."""
    return sorted(set(granted) - _MSALS_OWN)


def may_read_calendar(granted: Iterable[str], api: str = Api.GRAPH.value) -> bool:
    enough = {ALL_BY_EWS} if api == Api.EWS.value else {READ_CALENDAR, WRITE_CALENDAR}
    return bool(enough & set(granted))


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
