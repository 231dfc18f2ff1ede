"""Application permissions: what an application may do on its own, in the whole organization.

Ids and names are those Microsoft publishes for Graph. All of them need an administrator.
"""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.permission import Permission

# One of Exchange Online's own, for Exchange Web Services.
EWS = "https://outlook.office365.com/full_access_as_app"
# The same for some mailboxes: only RBAC for Applications has it, as `Application EWS.AccessAsApp`.
EWS_SCOPED = "EWS.AccessAsApp"

ROLES: Mapping[str, Permission] = {
    "Calendars.Read": Permission(
        "798ee544-9d2d-430c-a058-570e29e34338",
        "Read calendars in all mailboxes",
        "Read the events of all calendars.",
        is_for_admins=True,
    ),
    "Calendars.ReadBasic.All": Permission(
        "8ba4a692-bc31-4128-9094-475872af8a53",
        "Read basic details of calendars in all mailboxes",
        "Read events without bodies, attachments and extensions, in all calendars.",
        is_for_admins=True,
    ),
    "Calendars.ReadWrite": Permission(
        "ef54d2bf-783f-4e0f-bca1-3210c0444d99",
        "Read and write calendars in all mailboxes",
        "Read, create, change and delete events of all calendars.",
        is_for_admins=True,
    ),
    "Contacts.Read": Permission(
        "089fe4d0-434a-44c5-8827-41ba8a0b17f5",
        "Read contacts in all mailboxes",
        "Read all contacts in all mailboxes.",
        is_for_admins=True,
    ),
    "Contacts.ReadWrite": Permission(
        "6918b873-d17a-4dc1-b314-35f528134491",
        "Read and write contacts in all mailboxes",
        "Read, create, change and delete all contacts in all mailboxes.",
        is_for_admins=True,
    ),
    "Mail.Read": Permission(
        "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
        "Read mail in all mailboxes",
        "Read the messages of all mailboxes.",
        is_for_admins=True,
    ),
    "Mail.ReadBasic": Permission(
        "6be147d2-ea4f-4b5a-a3fa-3eab6f3c140a",
        "Read basic mail in all mailboxes",
        "Read messages without bodies, previews, attachments and extensions, in all mailboxes.",
        is_for_admins=True,
    ),
    "Mail.ReadBasic.All": Permission(
        "693c5e45-0940-467d-9b8a-1022fb9d42ef",
        "Read basic mail in all mailboxes",
        "Read messages without bodies, previews, attachments and extensions, in all mailboxes.",
        is_for_admins=True,
    ),
    "Mail.ReadWrite": Permission(
        "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
        "Read and write mail in all mailboxes",
        "Read, create, change and delete messages in all mailboxes, but not send any.",
        is_for_admins=True,
    ),
    "Mail.Send": Permission(
        "b633e1c5-b582-4048-a93e-9f11b44c7e96",
        "Send mail as any user",
        "Send messages in anybody’s name.",
        is_for_admins=True,
    ),
    "MailboxSettings.Read": Permission(
        "40f97065-369a-49f4-947c-6a255697ae91",
        "Read all user mailbox settings",
        "Read the time zone, language and the like of all mailboxes.",
        is_for_admins=True,
    ),
    "MailboxSettings.ReadWrite": Permission(
        "6931bccd-447a-43d1-b442-00a195474933",
        "Read and write all user mailbox settings",
        "Read and change the time zone, language and the like of all mailboxes.",
        is_for_admins=True,
    ),
    "Place.Read.All": Permission(
        "913b9306-0ce1-42b8-9137-6a7df690a760",
        "Read all company places",
        "Read conference rooms and room lists.",
        is_for_admins=True,
    ),
    "People.Read.All": Permission(
        "b528084d-ad10-4598-8b93-929746b4d7d6",
        "Read all users’ relevant people lists",
        "Read whom people work with most.",
        is_for_admins=True,
    ),
    "Group.Read.All": Permission(
        "5b567255-7703-4780-807c-7be8301ae99b",
        "Read all groups",
        "Read groups, their members, calendars, conversations and files.",
        is_for_admins=True,
    ),
    "User.ReadBasic.All": Permission(
        "97235f07-e226-4f63-ace3-39588e11d3a1",
        "Read all users’ basic profiles",
        "Read everybody’s name and address.",
        is_for_admins=True,
    ),
    "User.Read.All": Permission(
        "df021288-bdef-4463-88db-98f22de89214",
        "Read all users’ full profiles",
        "Read everybody’s full profile, reports and manager.",
        is_for_admins=True,
    ),
    "User.ReadWrite.All": Permission(
        "741f803b-c850-494e-b5df-cde7c675a1ca",
        "Read and write all users’ full profiles",
        "Read and change everybody’s full profile.",
        is_for_admins=True,
    ),
    "User.RevokeSessions.All": Permission(
        "77f3a031-c388-4f99-b373-dc68676a979e",
        "Revoke all sign-in sessions for a user",
        "End anybody’s sessions.",
        is_for_admins=True,
    ),
    "Directory.Read.All": Permission(
        "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
        "Read directory data",
        "Read people, groups and apps.",
        is_for_admins=True,
    ),
    "Directory.ReadWrite.All": Permission(
        "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
        "Read and write directory data",
        "Read and change people, groups and apps.",
        is_for_admins=True,
    ),
    "Organization.Read.All": Permission(
        "498476ce-e0fe-48b0-b801-37ba7e2685c6",
        "Read organization information",
        "Read what the organization has written down about itself.",
        is_for_admins=True,
    ),
    "Domain.Read.All": Permission(
        "dbb9058a-0e50-45d7-ae91-66909b5d4664",
        "Read domains",
        "Read the domains of the organization.",
        is_for_admins=True,
    ),
    "Application.Read.All": Permission(
        "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
        "Read all applications",
        "Read all apps and service principals.",
        is_for_admins=True,
    ),
    "Application.ReadWrite.All": Permission(
        "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
        "Read and write all applications",
        "Read, create, change and delete all apps and service principals.",
        is_for_admins=True,
    ),
    "Application.ReadWrite.OwnedBy": Permission(
        "18a4783c-866b-4cc7-a460-3d5e5662c884",
        "Manage apps that this app creates or owns",
        "Read, change and delete the apps that it has made or owns.",
        is_for_admins=True,
    ),
    "AppRoleAssignment.ReadWrite.All": Permission(
        "06b708a9-e830-4db3-a914-8e69da51d44f",
        "Manage app permission grants and app role assignments",
        "Grant and take back application permissions.",
        is_for_admins=True,
    ),
    "DelegatedPermissionGrant.Read.All": Permission(
        "81b4724a-58aa-41c1-8a55-84ef97466587",
        "Read all delegated permission grants",
        "Read what anybody has consented to.",
        is_for_admins=True,
    ),
    "DelegatedPermissionGrant.ReadWrite.All": Permission(
        "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
        "Manage all delegated permission grants",
        "Read, change and take back what anybody has consented to.",
        is_for_admins=True,
    ),
    EWS: Permission(
        "dc890d15-9560-4a4c-9b7f-a736ec74ec40",
        "Use Exchange Web Services with full access to all mailboxes",
        "Read, create, change and delete everything in all mailboxes.",
        is_for_admins=True,
    ),
}

# What RBAC for Applications can allow for some mailboxes.
SCOPABLE: Mapping[str, Permission] = {
    **{name: permission for name, permission in ROLES.items() if name != EWS},
    EWS_SCOPED: ROLES[EWS],
}
