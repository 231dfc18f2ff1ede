"""The one table of routes: method, path, function, and the permissions that open it."""

from __future__ import annotations

from functools import partial

from integrations.simulator.graph import (
    batch,
    contacts,
    delta,
    grants,
    mailbox_settings,
    metadata,
    organization,
    service_principals,
    subscriptions,
    users,
)
from integrations.simulator.graph import permissions as may
from integrations.simulator.graph.events.table import CALENDARS, EVENTS
from integrations.simulator.graph.paths import Found, Route, Table

Directory = partial(Route, is_outlook=False)
ROUTES = (
    # The directory
    Directory("GET", "{mailbox}", users.show, may.PROFILE, may.PEOPLE_APP),
    Directory("GET", "users", users.every, may.PEOPLE, may.PEOPLE_APP, for_members=True),
    Directory("GET", "users/$count", users.count, may.PEOPLE, may.PEOPLE_APP, for_members=True),
    Directory(
        "POST",
        "{mailbox}/revokeSignInSessions",
        users.revoke_sessions,
        may.REVOKE_SESSIONS,
        may.REVOKE_SESSIONS,
        is_body_optional=True,
        for_admins_of_others=True,
    ),
    Directory("GET", "organization", organization.every, may.ORGANIZATION, may.ORGANIZATION_APP),
    Directory("GET", "organization/{id}", organization.one, may.ORGANIZATION, may.ORGANIZATION_APP),
    Directory("GET", "domains", organization.domains, may.DOMAINS, may.DOMAINS),
    Directory("GET", "domains/{id}", organization.domain, may.DOMAINS, may.DOMAINS),
    # Enterprise applications, and what was granted to them
    Directory(
        "GET", "servicePrincipals", service_principals.every, may.PRINCIPALS, may.PRINCIPALS_APP, for_members=True
    ),
    Directory("GET", "servicePrincipals/{id}", service_principals.one, may.PRINCIPALS, may.PRINCIPALS_APP),
    Directory(
        "DELETE",
        "servicePrincipals/{id}",
        service_principals.remove,
        may.PRINCIPALS_WRITE,
        may.PRINCIPALS_WRITE_APP,
        for_admins=True,
    ),
    *(
        row
        for name in ("appRoleAssignments", "appRoleAssignedTo")
        for row in (
            Directory(
                "GET",
                f"servicePrincipals/{{id}}/{name}/{{id}}",
                service_principals.assignment,
                may.PRINCIPALS,
                may.PRINCIPALS_APP,
            ),
            Directory(
                "DELETE",
                f"servicePrincipals/{{id}}/{name}/{{id}}",
                service_principals.unassign,
                may.ROLES_WRITE,
                may.ROLES_WRITE,
                for_admins=True,
            ),
        )
    ),
    Directory(
        "GET",
        "servicePrincipals/{id}/appRoleAssignments",
        service_principals.assignments,
        may.PRINCIPALS,
        may.PRINCIPALS_APP,
    ),
    Directory(
        "GET",
        "servicePrincipals/{id}/appRoleAssignedTo",
        service_principals.assigned_to,
        may.PRINCIPALS,
        may.PRINCIPALS_APP,
    ),
    Directory("GET", "servicePrincipals/{id}/oauth2PermissionGrants", grants.of_principal, may.GRANTS, may.GRANTS),
    Directory("GET", "oauth2PermissionGrants", grants.every, may.GRANTS, may.GRANTS, for_members=True),
    Directory("GET", "oauth2PermissionGrants/{id}", grants.one, may.GRANTS, may.GRANTS, for_members=True),
    Directory(
        "PATCH", "oauth2PermissionGrants/{id}", grants.narrow, may.GRANTS_WRITE, may.GRANTS_WRITE, for_admins=True
    ),
    Directory(
        "DELETE", "oauth2PermissionGrants/{id}", grants.remove, may.GRANTS_WRITE, may.GRANTS_WRITE, for_admins=True
    ),
    Directory("GET", "{mailbox}/oauth2PermissionGrants", grants.of_person, may.GRANTS, may.GRANTS),
    # Of no resource
    Directory("POST", "$batch", batch.answer, is_open=True),
    Directory("GET", "$metadata", metadata.show, is_open=True),
    # Calendars and events
    *CALENDARS,
    *EVENTS,
    # Changes
    Route("GET", "{mailbox}/calendarView/delta", delta.view, may.CALENDAR, may.CALENDAR_APP),
    Route("GET", "{mailbox}/calendar/calendarView/delta", delta.view, may.CALENDAR, may.CALENDAR_APP),
    Route("GET", "{mailbox}/calendars/{id}/calendarView/delta", delta.view, may.CALENDAR, may.CALENDAR_APP),
    Route("GET", "{mailbox}/events/delta", delta.events, may.CALENDAR, may.CALENDAR_APP),
    Route("GET", "{mailbox}/calendar/events/delta", delta.events, may.CALENDAR, may.CALENDAR_APP),
    Route("GET", "{mailbox}/calendars/{id}/events/delta", delta.events, may.CALENDAR, may.CALENDAR_APP),
    # Subscriptions: what may be read may be subscribed to, so the resource is what is checked.
    Route("POST", "subscriptions", subscriptions.create, is_open=True, is_outlook=False),
    Route("GET", "subscriptions", subscriptions.every, is_open=True, is_outlook=False),
    Route("GET", "subscriptions/{id}", subscriptions.one, is_open=True, is_outlook=False),
    Route("PATCH", "subscriptions/{id}", subscriptions.renew, is_open=True, is_outlook=False),
    Route("DELETE", "subscriptions/{id}", subscriptions.delete, is_open=True, is_outlook=False),
    Route(
        "POST",
        "subscriptions/{id}/reauthorize",
        subscriptions.reauthorize,
        is_open=True,
        is_outlook=False,
        is_body_optional=True,
    ),
    # Contacts and settings of the mailbox
    Route("GET", "{mailbox}/contacts", contacts.every, may.CONTACTS, may.CONTACTS),
    Route("GET", "{mailbox}/contacts/{id}", contacts.one, may.CONTACTS, may.CONTACTS),
    Route("GET", "{mailbox}/contactFolders", contacts.folders, may.CONTACTS, may.CONTACTS),
    Route("GET", "{mailbox}/mailboxSettings", mailbox_settings.show, may.MAILBOX_SETTINGS, may.MAILBOX_SETTINGS),
    Route("GET", "{mailbox}/mailboxSettings/{id}", mailbox_settings.one, may.MAILBOX_SETTINGS, may.MAILBOX_SETTINGS),
    Route(
        "PATCH",
        "{mailbox}/mailboxSettings",
        mailbox_settings.change,
        may.MAILBOX_SETTINGS_WRITE,
        may.MAILBOX_SETTINGS_WRITE,
    ),
)
_table = Table(ROUTES)


def find(path: str) -> Found:
    return _table.find(path)
