"""Microsoft's published table of paths and permissions, for the paths of a calendar portal.

The least privileged permissions as published; names of paths are in lower case there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# fmt: off
TABLE: Mapping[str, Mapping[str, Sequence[str]]] = {
    "DELETE /me/calendar/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "DELETE /me/calendars/{id}": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "DELETE /me/calendars/{id}/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "DELETE /me/contacts/{id}": {
        "delegated": ["Contacts.ReadWrite"],
    },
    "DELETE /me/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "DELETE /oauth2permissiongrants/{id}": {
        "delegated": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"],
    },
    "DELETE /serviceprincipals(appid={value})": {
        "delegated": ["Application.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.ReadWrite.All"],
    },
    "DELETE /serviceprincipals/{id}": {
        "delegated": ["Application.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.ReadWrite.All"],
    },
    "DELETE /serviceprincipals/{id}/approleassignments/{id}": {
        "delegated": ["AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All"],
        "application": ["AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All"],
    },
    "DELETE /users/{id}": {
        "delegated": ["User.DeleteRestore.All", "User.ReadWrite.All"],
        "application": ["User.DeleteRestore.All", "User.ReadWrite.All", "User.ReadWrite.CrossCloud"],
    },
    "DELETE /users/{id}/calendar/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "DELETE /users/{id}/calendars/{id}": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "DELETE /users/{id}/calendars/{id}/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "DELETE /users/{id}/contacts/{id}": {
        "delegated": ["Contacts.ReadWrite"],
        "application": ["Contacts.ReadWrite"],
    },
    "DELETE /users/{id}/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "GET /domains": {
        "delegated": ["Directory.Read.All", "Domain.Read.All", "Domain.ReadWrite.All"],
        "application": ["Directory.Read.All", "Domain.Read.All", "Domain.ReadWrite.All"],
    },
    "GET /me": {
        "delegated": [
            "Directory.Read.All", "Directory.ReadWrite.All", "User.Read", "User.Read.All", "User.ReadBasic.All",
            "User.ReadWrite", "User.ReadWrite.All",
        ],
    },
    "GET /me/calendar": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendar/calendarview": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendar/events": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendar/events/{id}": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /me/calendars": {
        "delegated": ["Calendars.Read", "Calendars.Read.Shared", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendars/{id}/calendarview": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendars/{id}/calendarview/delta": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendars/{id}/events": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendars/{id}/events/{id}": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /me/calendarview": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/calendarview/delta": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/contactfolders": {
        "delegated": ["Contacts.Read", "Contacts.ReadWrite"],
    },
    "GET /me/contacts": {
        "delegated": ["Contacts.Read", "Contacts.ReadWrite"],
    },
    "GET /me/contacts/delta": {
        "delegated": ["Contacts.Read", "Contacts.ReadWrite"],
    },
    "GET /me/contacts/{id}": {
        "delegated": ["Contacts.Read", "Contacts.ReadWrite"],
    },
    "GET /me/events": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /me/events/{id}": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /me/events/{id}/instances": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /me/mailboxsettings": {
        "delegated": ["MailboxSettings.Read", "MailboxSettings.ReadWrite"],
    },
    "GET /oauth2permissiongrants": {
        "delegated": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
        "application": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
    },
    "GET /oauth2permissiongrants/delta": {
        "delegated": ["Directory.Read.All", "Directory.ReadWrite.All"],
        "application": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
    },
    "GET /oauth2permissiongrants/{id}": {
        "delegated": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
        "application": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
    },
    "GET /organization": {
        "delegated": [
            "Directory.Read.All", "Directory.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All",
            "User.Read", "User.Read.All",
        ],
        "application": [
            "Directory.Read.All", "Directory.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All",
            "User.Read.All",
        ],
    },
    "GET /serviceprincipals": {
        "delegated": [
            "Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
        ],
        "application": [
            "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy",
            "Directory.Read.All",
        ],
    },
    "GET /serviceprincipals(appid={value})": {
        "delegated": [
            "Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
        ],
        "application": [
            "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy",
            "Directory.Read.All", "Directory.ReadWrite.All",
        ],
    },
    "GET /serviceprincipals/{id}": {
        "delegated": [
            "Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
        ],
        "application": [
            "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy",
            "Directory.Read.All", "Directory.ReadWrite.All",
        ],
    },
    "GET /serviceprincipals/{id}/approleassignments": {
        "delegated": [
            "Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
        ],
        "application": [
            "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy",
            "Directory.Read.All", "Directory.ReadWrite.All",
        ],
    },
    "GET /users": {
        "delegated": [
            "Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "User.ReadBasic.All",
            "User.ReadWrite.All",
        ],
        "application": [
            "Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "User.ReadBasic.All",
            "User.ReadWrite.All", "User.ReadWrite.CrossCloud",
        ],
    },
    "GET /users/{id}": {
        "delegated": [
            "Directory.Read.All", "Directory.ReadWrite.All", "User.Read", "User.Read.All", "User.ReadBasic.All",
            "User.ReadWrite", "User.ReadWrite.All",
        ],
        "application": [
            "Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "User.ReadBasic.All",
            "User.ReadWrite.All", "User.ReadWrite.CrossCloud",
        ],
    },
    "GET /users/{id}/calendar": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic.All", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendar/calendarview": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendar/events": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendar/events/{id}": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
        "application": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /users/{id}/calendars": {
        "delegated": ["Calendars.Read", "Calendars.Read.Shared", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendars/{id}/calendarview": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendars/{id}/calendarview/delta": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendars/{id}/events": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendars/{id}/events/{id}": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
        "application": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /users/{id}/calendarview": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/calendarview/delta": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/contactfolders": {
        "delegated": ["Contacts.Read", "Contacts.ReadWrite"],
        "application": ["Contacts.Read", "Contacts.ReadWrite"],
    },
    "GET /users/{id}/contacts": {
        "delegated": ["Contacts.Read", "Contacts.ReadWrite"],
        "application": ["Contacts.Read", "Contacts.ReadWrite"],
    },
    "GET /users/{id}/contacts/{id}": {
        "delegated": ["Contacts.Read", "Contacts.ReadWrite"],
        "application": ["Contacts.Read", "Contacts.ReadWrite"],
    },
    "GET /users/{id}/events": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "GET /users/{id}/events/{id}": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
        "application": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /users/{id}/events/{id}/instances": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic"],
        "application": ["Calendars.Read", "Calendars.ReadBasic"],
    },
    "GET /users/{id}/mailboxsettings": {
        "delegated": ["MailboxSettings.Read", "MailboxSettings.ReadWrite"],
        "application": ["MailboxSettings.Read", "MailboxSettings.ReadWrite"],
    },
    "PATCH /me/calendar/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "PATCH /me/calendars/{id}/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "PATCH /me/contacts/{id}": {
        "delegated": ["Contacts.ReadWrite"],
    },
    "PATCH /me/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "PATCH /me/mailboxsettings": {
        "delegated": ["MailboxSettings.ReadWrite"],
    },
    "PATCH /oauth2permissiongrants/{id}": {
        "delegated": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"],
    },
    "PATCH /serviceprincipals(appid={value})": {
        "delegated": ["Application.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.ReadWrite.All"],
    },
    "PATCH /serviceprincipals/{id}": {
        "delegated": ["Application.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.ReadWrite.All"],
    },
    "PATCH /users/{id}": {
        "delegated": [
            "Directory.ReadWrite.All", "User-Mail.ReadWrite.All", "User-PasswordProfile.ReadWrite.All",
            "User-Phone.ReadWrite.All", "User.EnableDisableAccount.All", "User.ManageIdentities.All",
            "User.ReadWrite", "User.ReadWrite.All",
        ],
        "application": [
            "Directory.ReadWrite.All", "User-Mail.ReadWrite.All", "User-PasswordProfile.ReadWrite.All",
            "User-Phone.ReadWrite.All", "User.EnableDisableAccount.All", "User.ManageIdentities.All",
            "User.ReadWrite.All", "User.ReadWrite.CrossCloud",
        ],
    },
    "PATCH /users/{id}/calendar/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "PATCH /users/{id}/calendars/{id}/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "PATCH /users/{id}/contacts/{id}": {
        "delegated": ["Contacts.ReadWrite"],
        "application": ["Contacts.ReadWrite"],
    },
    "PATCH /users/{id}/events/{id}": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "PATCH /users/{id}/mailboxsettings": {
        "delegated": ["MailboxSettings.ReadWrite"],
        "application": ["MailboxSettings.ReadWrite"],
    },
    "POST /$batch": {
    },
    "POST /domains": {
        "delegated": ["Domain.ReadWrite.All"],
        "application": ["Domain.ReadWrite.All"],
    },
    "POST /me/calendar/events": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/calendar/getschedule": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "POST /me/calendars": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/calendars/{id}/events": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/contactfolders": {
        "delegated": ["Contacts.ReadWrite"],
    },
    "POST /me/contacts": {
        "delegated": ["Contacts.ReadWrite"],
    },
    "POST /me/events": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/events/{id}/accept": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/events/{id}/cancel": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/events/{id}/decline": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/events/{id}/tentativelyaccept": {
        "delegated": ["Calendars.ReadWrite"],
    },
    "POST /me/revokesigninsessions": {
        "delegated": ["Directory.ReadWrite.All", "User.ReadWrite.All", "User.RevokeSessions.All"],
    },
    "POST /oauth2permissiongrants": {
        "delegated": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"],
    },
    "POST /serviceprincipals": {
        "delegated": ["Application.ReadWrite.All", "Directory.ReadWrite.All"],
        "application": ["Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.ReadWrite.All"],
    },
    "POST /serviceprincipals/{id}/approleassignments": {
        "delegated": [
            "AppRoleAssignment.ReadWrite.All", "Application.Read.All", "Application.ReadWrite.All",
            "Directory.Read.All",
        ],
        "application": [
            "AppRoleAssignment.ReadWrite.All", "Application.Read.All", "Application.ReadWrite.All",
            "Directory.Read.All",
        ],
    },
    "POST /subscriptions": {
    },
    "POST /users": {
        "delegated": ["Directory.ReadWrite.All", "User.ReadWrite.All"],
        "application": ["Directory.ReadWrite.All", "User.ReadWrite.All"],
    },
    "POST /users/{id}/calendar/events": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/calendar/getschedule": {
        "delegated": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
        "application": ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
    },
    "POST /users/{id}/calendars": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/calendars/{id}/events": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/contactfolders": {
        "delegated": ["Contacts.ReadWrite"],
        "application": ["Contacts.ReadWrite"],
    },
    "POST /users/{id}/contacts": {
        "delegated": ["Contacts.ReadWrite"],
        "application": ["Contacts.ReadWrite"],
    },
    "POST /users/{id}/events": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/events/{id}/accept": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/events/{id}/cancel": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/events/{id}/decline": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/events/{id}/tentativelyaccept": {
        "delegated": ["Calendars.ReadWrite"],
        "application": ["Calendars.ReadWrite"],
    },
    "POST /users/{id}/revokesigninsessions": {
        "delegated": ["Directory.ReadWrite.All", "User.ReadWrite.All", "User.RevokeSessions.All"],
        "application": ["Directory.ReadWrite.All", "User.ReadWrite.All", "User.RevokeSessions.All"],
    },
}
NOT_SIMULATED = {
    "DELETE /me/contacts/{id}",
    "DELETE /users/{id}",
    "DELETE /users/{id}/contacts/{id}",
    "GET /me/contacts/delta",
    "GET /oauth2permissiongrants/delta",
    "PATCH /me/contacts/{id}",
    "PATCH /serviceprincipals(appid={value})",
    "PATCH /serviceprincipals/{id}",
    "PATCH /users/{id}",
    "PATCH /users/{id}/contacts/{id}",
    "POST /domains",
    "POST /me/contactfolders",
    "POST /me/contacts",
    "POST /oauth2permissiongrants",
    "POST /serviceprincipals",
    "POST /serviceprincipals/{id}/approleassignments",
    "POST /users",
    "POST /users/{id}/contactfolders",
    "POST /users/{id}/contacts",
}
# fmt: on
