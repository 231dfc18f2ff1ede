"""Which application permissions are needed, and what each of them allows. Pure.

What Microsoft gives is of two kinds: app roles of the organization's consent, for all mailboxes, which show in the
token; and roles of Exchange (RBAC for Applications), for the mailboxes of a scope, which show only when a mailbox is
asked. Both add up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

READ_DIRECTORY = "User.Read.All"
READ_CALENDARS = "Calendars.Read"
WRITE_CALENDARS = "Calendars.ReadWrite"
READ_CONTACTS = "Contacts.Read"
# What the portal's application is registered with, so that a consent gives it.
REGISTERED = frozenset({READ_DIRECTORY, WRITE_CALENDARS, READ_CONTACTS})


@dataclass(frozen=True)
class Permission:
    """An application permission of Microsoft Graph."""

    name: str
    # Of its app role at Microsoft Graph; empty where we do not know it.
    app_role: str
    allows: str
    # Narrower ones that it contains.
    contains: frozenset[str] = frozenset()
    # Its counterpart in Exchange that can be scoped, if there is one.
    exchange_role: str = ""


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
    answered = [name for name, asked in _ASKED.items() if probed.get(asked) == Said.OK]
    in_token = sorted(set(roles) - set(needed.names))
    in_exchange = [name for name in answered if name not in contained(roles) | covered | set(needed.names)]
    besides = [_besides(name, needed, covered) for name in in_token]
    return wanted + besides + [_besides(name, needed, covered, is_exchange=True) for name in in_exchange]


def contained(names: Iterable[str]) -> frozenset[str]:
    """All that these permissions allow, the narrower ones too."""
    given = set(names)
    return frozenset(given | {inner for name in given for inner in about(name).contains})


def about(name: str) -> Permission:
    return PERMISSIONS.get(name) or Permission(name, "", "This is none that Meridian knows or uses.")


def _needed(name: str, needed: Needs, roles: Collection[str], probed: Mapping[str, str]) -> Row:
    wider = sorted(role for role in roles if name in about(role).contains)
    standing, by = _standing(name, probed), ""
    if name in roles or wider:
        standing, by = Standing.GRANTED, "" if name in roles else wider[0]
    return _row(name, _why(name, needed), is_needed=True, standing=standing, by=by)


def _standing(name: str, probed: Mapping[str, str]) -> Standing:
    """Of one that is not in the token."""
    if name == READ_DIRECTORY:  # Exchange has no say in the directory
        return Standing.DONE_WITHOUT
    answer = probed.get(_ASKED[name], "")
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
    if name in contained(needed.names):
        return "A needed permission contains it already."
    if name == WRITE_CALENDARS:
        return "Bidirectional sync is off for everybody: Calendars.Read is enough."
    if name == READ_CONTACTS:
        return "Reading people’s contacts is not ticked in Services and permissions."
    wider = sorted(set(needed.names) & about(name).contains)
    return f"{wider[0]} is enough." if wider else "Nothing in Meridian uses it."


_ASKED = {READ_CALENDARS: Asked.CALENDAR, WRITE_CALENDARS: Asked.CALENDAR_WRITE, READ_CONTACTS: Asked.CONTACTS}


def _one(name: str, app_role: str, allows: str, *, contains: str = "", exchange: bool = False) -> Permission:
    return Permission(name, app_role, allows, frozenset(contains.split()), f"Application {name}" if exchange else "")


PERMISSIONS: Mapping[str, Permission] = {
    one.name: one
    for one in (
        _one(
            "User.Read.All",
            "df021288-bdef-4463-88db-98f22de89214",
            "Read the profiles of all people of the organization: names, addresses, aliases",
            contains="User.ReadBasic.All",
        ),
        _one(
            "User.ReadBasic.All",
            "97235f07-e226-4f63-ace3-39588e11d3a1",
            "Read the names and main addresses of all people of the organization",
        ),
        _one(
            "User.ReadWrite.All",
            "",
            "Read and change the profiles of all people of the organization",
            contains="User.Read.All User.ReadBasic.All",
        ),
        _one(
            "Directory.Read.All",
            "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
            "Read the whole directory: people, groups, applications",
            contains="User.Read.All User.ReadBasic.All Group.Read.All Application.Read.All Domain.Read.All "
            "Organization.Read.All",
        ),
        _one(
            "Directory.ReadWrite.All",
            "",
            "Read and change the whole directory: people, groups, applications",
            contains="Directory.Read.All User.Read.All User.ReadBasic.All Group.Read.All Application.Read.All "
            "Domain.Read.All Organization.Read.All User.ReadWrite.All",
        ),
        _one(
            "Calendars.Read",
            "798ee544-9d2d-430c-a058-570e29e34338",
            "Read all calendars of every mailbox",
            contains="Calendars.ReadBasic.All",
            exchange=True,
        ),
        _one(
            "Calendars.ReadBasic.All",
            "8ba4a692-bc31-4128-9094-475872af8a53",
            "Read when meetings are in every mailbox, without their text",
        ),
        _one(
            "Calendars.ReadWrite",
            "ef54d2bf-783f-4e0f-bca1-3210c0444d99",
            "Read, create, change and delete events in all calendars of every mailbox",
            contains="Calendars.Read Calendars.ReadBasic.All",
            exchange=True,
        ),
        _one(
            "Contacts.Read",
            "089fe4d0-434a-44c5-8827-41ba8a0b17f5",
            "Read all contacts of every mailbox",
            exchange=True,
        ),
        _one(
            "Contacts.ReadWrite",
            "6918b873-d17a-4dc1-b314-35f528134491",
            "Read, create, change and delete all contacts of every mailbox",
            contains="Contacts.Read",
            exchange=True,
        ),
        _one(
            "Mail.Read",
            "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
            "Read the mail of every mailbox",
            contains="Mail.ReadBasic Mail.ReadBasic.All",
            exchange=True,
        ),
        _one(
            "Mail.ReadBasic",
            "6be147d2-ea4f-4b5a-a3fa-3eab6f3c140a",
            "Read subjects and senders of the mail of every mailbox",
            exchange=True,
        ),
        _one(
            "Mail.ReadBasic.All",
            "693c5e45-0940-467d-9b8a-1022fb9d42ef",
            "Read subjects and senders of the mail of every mailbox",
            contains="Mail.ReadBasic",
        ),
        _one(
            "Mail.ReadWrite",
            "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
            "Read, create, change and delete the mail of every mailbox",
            contains="Mail.Read Mail.ReadBasic Mail.ReadBasic.All",
            exchange=True,
        ),
        _one("Mail.Send", "b633e1c5-b582-4048-a93e-9f11b44c7e96", "Send mail as anybody", exchange=True),
        _one(
            "MailboxSettings.Read",
            "40f97065-369a-49f4-947c-6a255697ae91",
            "Read the settings of every mailbox",
            exchange=True,
        ),
        _one(
            "MailboxSettings.ReadWrite",
            "6931bccd-447a-43d1-b442-00a195474933",
            "Read and change the settings of every mailbox",
            contains="MailboxSettings.Read",
            exchange=True,
        ),
        _one("Place.Read.All", "913b9306-0ce1-42b8-9137-6a7df690a760", "Read rooms and places"),
        _one("People.Read.All", "b528084d-ad10-4598-8b93-929746b4d7d6", "Read whom people work with"),
        _one("Group.Read.All", "5b567255-7703-4780-807c-7be8301ae99b", "Read all groups and what is in them"),
        _one("Application.Read.All", "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30", "Read all applications"),
        _one(
            "AppRoleAssignment.ReadWrite.All",
            "06b708a9-e830-4db3-a914-8e69da51d44f",
            "Give any application any permission, itself included",
        ),
        _one(
            "DelegatedPermissionGrant.Read.All",
            "81b4724a-58aa-41c1-8a55-84ef97466587",
            "Read what was consented to for people",
        ),
        _one(
            "DelegatedPermissionGrant.ReadWrite.All",
            "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
            "Consent to anything for anybody",
            contains="DelegatedPermissionGrant.Read.All",
        ),
        _one("Domain.Read.All", "dbb9058a-0e50-45d7-ae91-66909b5d4664", "Read the organization’s domains"),
        _one("Organization.Read.All", "498476ce-e0fe-48b0-b801-37ba7e2685c6", "Read the organization’s own profile"),
    )
}
