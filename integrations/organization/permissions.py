"""Application permissions of Microsoft Graph, and the one of EWS: what each allows, and which narrower ones it
contains. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """An application permission."""

    name: str
    # Of its app role at its resource; empty where we do not know it.
    app_role: str
    allows: str
    # Narrower ones that it contains.
    contains: frozenset[str] = frozenset()
    # Its counterpart in Exchange that can be scoped, if there is one.
    exchange_role: str = ""


# EWS knows nothing narrower.
FULL_ACCESS = "full_access_as_app"


def contained(names: Iterable[str]) -> frozenset[str]:
    """All that these permissions allow, the narrower ones too."""
    given = set(names)
    return frozenset(given | {inner for name in given for inner in about(name).contains})


def about(name: str) -> Permission:
    return PERMISSIONS.get(name) or Permission(name, "", "This is none that Meridian knows or uses.")


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
        Permission(
            FULL_ACCESS,
            "dc890d15-9560-4a4c-9b7f-a736ec74ec40",
            "By EWS, read, create, change and delete everything in every mailbox: mail, calendars, contacts, tasks",
            exchange_role="Application EWS.AccessAsApp",
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
