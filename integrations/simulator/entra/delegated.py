"""Delegated permissions: what an application may do as the person who signs in.

Ids and names are those Microsoft publishes for Graph; which of them only an administrator may consent to, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.permission import Permission

# One of Exchange Online's own, for Exchange Web Services; named with its resource, as only Graph may be left out.
EWS = "https://outlook.office365.com/EWS.AccessAsUser.All"

PERMISSIONS: Mapping[str, Permission] = {
    "openid": Permission("37f7f235-527c-4136-accd-4a02d197296e", "Sign you in", "Know that it is you who signs in."),
    "profile": Permission(
        "14dad69e-099b-42c9-810b-d002981feec1", "View your basic profile", "Your name and user name."
    ),
    "email": Permission("64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0", "View your email address", "Your primary address."),
    "offline_access": Permission(
        "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
        "Maintain access to data you have given it access to",
        "Go on using what you allow here, even when you are not using the app.",
    ),
    "User.Read": Permission(
        "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
        "Sign you in and read your profile",
        "Your profile, and basic company information.",
    ),
    "User.ReadWrite": Permission(
        "b4e74841-8e56-480b-be8b-910348b18b4c",
        "Read and update your profile",
        "Your profile, and change it on your behalf.",
    ),
    "User.ReadBasic.All": Permission(
        "b340eb25-3456-403f-be2f-af7a0d370277",
        "Read all users’ basic profiles",
        "Names and addresses of other people in your organization.",
    ),
    "User.Read.All": Permission(
        "a154be20-db9c-4678-8ab7-66f6cc099a59",
        "Read all users’ full profiles",
        "Full profiles, reports and managers of people in your organization.",
        is_for_admins=True,
    ),
    "User.ReadWrite.All": Permission(
        "204e0828-b5ca-4ad8-b9f3-f32a958e7cc4",
        "Read and write all users’ full profiles",
        "Full profiles of people in your organization, and change them.",
        is_for_admins=True,
    ),
    "User.RevokeSessions.All": Permission(
        "fc30e98b-8810-4501-81f5-c20a3196387b",
        "Revoke all sign-in sessions for a user",
        "End the sessions of people in your organization.",
        is_for_admins=True,
    ),
    "Calendars.ReadBasic": Permission(
        "662d75ba-a364-42ad-adee-f5f880ea4878",
        "Read basic details of your calendars",
        "Your events without bodies, attachments and extensions.",
    ),
    "Calendars.Read": Permission(
        "465a38f9-76ea-45b9-9f34-9e8b0d4b0b42", "Read your calendars", "The events in your calendars."
    ),
    "Calendars.ReadWrite": Permission(
        "1ec239c2-d7c9-4623-a91a-a9775856bb36",
        "Have full access to your calendars",
        "Read, create, change and delete events in your calendars.",
    ),
    "Calendars.Read.Shared": Permission(
        "2b9c4092-424d-4249-948d-b43879977640",
        "Read calendars you can access",
        "Events in all calendars that you can access, shared ones too.",
    ),
    "Calendars.ReadWrite.Shared": Permission(
        "12466101-c9b8-439a-8589-dd09ee67e8e9",
        "Read and write to your and shared calendars",
        "Events in all calendars that you have permission for.",
    ),
    "Contacts.Read": Permission("ff74d97f-43af-4b68-9f2a-b77ee6968c5d", "Read your contacts", "Your contacts."),
    "Contacts.ReadWrite": Permission(
        "d56682ec-c09e-4743-aaf4-1a3aac4caa21",
        "Have full access to your contacts",
        "Read, create, change and delete your contacts.",
    ),
    "Contacts.Read.Shared": Permission(
        "242b9d9e-ed24-4d09-9a52-f43769beb9d4",
        "Read your and shared contacts",
        "Your contacts, and those that others share with you.",
    ),
    "Contacts.ReadWrite.Shared": Permission(
        "afb6c84b-06be-49af-80bb-8f3f77004eab",
        "Read and write to your and shared contacts",
        "Read, create, change and delete your contacts and those shared with you.",
    ),
    "Mail.Read": Permission("570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "Read your mail", "The messages in your mailbox."),
    "Mail.ReadBasic": Permission(
        "a4b8392a-d8d1-4954-a029-8e668a39a170",
        "Read basic mail",
        "Your messages without bodies, previews, attachments and extensions.",
    ),
    "Mail.ReadWrite": Permission(
        "024d486e-b451-40bb-833d-3e66d98c5c73",
        "Read and write access to your mail",
        "Read, create, change and delete messages in your mailbox, but not send any.",
    ),
    "Mail.Send": Permission("e383f46e-2787-4529-855e-0e479a3ffac0", "Send mail as you", "Send messages in your name."),
    "MailboxSettings.Read": Permission(
        "87f447af-9fa4-4c32-9dfa-4a57a73d18ce", "Read your mailbox settings", "Your time zone, language and the like."
    ),
    "MailboxSettings.ReadWrite": Permission(
        "818c620a-27a9-40bd-a6a5-d96f7d610b4b",
        "Read and write to your mailbox settings",
        "Your time zone, language and the like, and change them.",
    ),
    "OnlineMeetings.ReadWrite": Permission(
        "a65f2972-a4f8-4f5e-afd7-69ccb046d5dc",
        "Read and create your online meetings",
        "Your online meetings, and create new ones on your behalf.",
    ),
    "People.Read": Permission(
        "ba47897c-39ec-4d83-8086-ee8256fa737d", "Read your relevant people list", "The people you work with most."
    ),
    "Place.Read.All": Permission(
        "cb8f45a0-5c2e-4ea1-b803-84b870a7d7ec",
        "Read all company places",
        "Conference rooms and room lists of your organization.",
        is_for_admins=True,
    ),
    "Presence.Read": Permission(
        "76bc735e-aecd-4a1d-8b4c-2b915deabb79",
        "Read your presence information",
        "Whether you are available, busy or away, and your status note.",
    ),
    "Tasks.ReadWrite": Permission(
        "2219042f-cab5-40cc-b0d2-16b1540b4c5f",
        "Create, read, update and delete your tasks and task lists",
        "Your tasks, shared ones too.",
    ),
    "Group.Read.All": Permission(
        "5f8c59db-677d-491f-a6b8-5f174b11ec1d",
        "Read all groups",
        "Groups, their members, calendars, conversations and files, as far as you can see them.",
        is_for_admins=True,
    ),
    "Directory.Read.All": Permission(
        "06da0dbc-49e2-44d2-8312-53f166ab848a",
        "Read directory data",
        "People, groups and apps in your organization.",
        is_for_admins=True,
    ),
    "Directory.ReadWrite.All": Permission(
        "c5366453-9fb0-48a5-a156-24f0c49a4b84",
        "Read and write directory data",
        "People, groups and apps in your organization, and change them.",
        is_for_admins=True,
    ),
    "Organization.Read.All": Permission(
        "4908d5b9-3fb2-4b1e-9336-1888b7937185",
        "Read organization information",
        "What your organization has written down about itself.",
        is_for_admins=True,
    ),
    "Domain.Read.All": Permission(
        "2f9ee017-59c1-4f1d-9472-bd5529a7b311", "Read domains", "The domains of your organization.", is_for_admins=True
    ),
    "Application.Read.All": Permission(
        "c79f8feb-a9db-4090-85f9-90d820caa0eb",
        "Read applications",
        "Apps and service principals of your organization.",
        is_for_admins=True,
    ),
    "Application.ReadWrite.All": Permission(
        "bdfbf15f-ee85-4955-8675-146e8e5296b5",
        "Read and write applications",
        "Apps and service principals of your organization, and create, change and delete them.",
        is_for_admins=True,
    ),
    "AppRoleAssignment.ReadWrite.All": Permission(
        "84bccea3-f856-4a8a-967b-dbe0a3d53a64",
        "Manage app permission grants and app role assignments",
        "Grant and take back application permissions in your organization.",
        is_for_admins=True,
    ),
    "DelegatedPermissionGrant.Read.All": Permission(
        "a197cdc4-a8e8-4d49-9d35-4ca7c83887b4",
        "Read delegated permission grants",
        "What was consented to in your organization.",
        is_for_admins=True,
    ),
    "DelegatedPermissionGrant.ReadWrite.All": Permission(
        "41ce6ca6-6826-4807-84f1-1c82854f7ee5",
        "Manage all delegated permission grants",
        "What was consented to in your organization, and change it or take it back.",
        is_for_admins=True,
    ),
    "EWS.AccessAsUser.All": Permission(
        "9769c687-087d-48ac-9cb3-c37dde652038",
        "Access your mailboxes",
        "Full access to your mailboxes through Exchange Web Services.",
    ),
    EWS: Permission(
        "3b5f3d61-589b-4a3c-a359-5dd4b5ee5bd5",
        "Access your mailboxes",
        "Full access to your mailboxes through Exchange Web Services.",
    ),
}
