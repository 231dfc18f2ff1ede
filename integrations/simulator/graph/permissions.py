"""Which permissions open what: those of Microsoft's published table of paths and scopes. Any one of them suffices.

Where that table names only the least one, the wider ones that contain it are added: who may write may read.
"""

from __future__ import annotations

PROFILE = (
    "User.Read",
    "User.Read.All",
    "User.ReadBasic.All",
    "User.ReadWrite",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
PEOPLE = ("User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
PEOPLE_APP = (*PEOPLE, "User.ReadWrite.CrossCloud")
REVOKE_SESSIONS = ("User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All")
ORGANIZATION = (
    "User.Read",
    "User.Read.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
ORGANIZATION_APP = ORGANIZATION[1:]
DOMAINS = ("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")

PRINCIPALS = (
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
PRINCIPALS_APP = (*PRINCIPALS, "Application.ReadWrite.OwnedBy")
PRINCIPALS_WRITE = ("Application.ReadWrite.All", "Directory.ReadWrite.All")
PRINCIPALS_WRITE_APP = (*PRINCIPALS_WRITE, "Application.ReadWrite.OwnedBy")
ROLES_WRITE = ("AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All")
GRANTS = (
    "DelegatedPermissionGrant.Read.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
GRANTS_WRITE = ("DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All")

CALENDAR = ("Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite")
CALENDARS = (*CALENDAR, "Calendars.Read.Shared", "Calendars.ReadWrite.Shared")
# Microsoft's table writes the first one without `.All`; tokens carry it with.
CALENDAR_APP = ("Calendars.ReadBasic.All", "Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite")
CALENDAR_WRITE = ("Calendars.ReadWrite",)
CONTACTS = ("Contacts.Read", "Contacts.ReadWrite")
MAILBOX_SETTINGS = ("MailboxSettings.Read", "MailboxSettings.ReadWrite")
MAILBOX_SETTINGS_WRITE = ("MailboxSettings.ReadWrite",)

# These speak of the person who signed in, and of nobody else.
OF_ONESELF = frozenset({"User.Read", "User.ReadWrite"})
