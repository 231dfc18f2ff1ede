"""The delegated permissions this simulator knows, and how a request's scope is read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from integrations.simulator.entra.errors import Refused

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
GRAPH_RESOURCES = ("https://graph.microsoft.com", GRAPH_APP_ID)
OIDC = ("openid", "profile", "email", "offline_access")


@dataclass(frozen=True)
class Permission:
    guid: str
    title: str
    sentence: str
    is_for_admins: bool = False


# Ids, names and sentences are those Microsoft publishes for Graph's delegated permissions.
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
    "User.ReadBasic.All": Permission(
        "b340eb25-3456-403f-be2f-af7a0d370277",
        "Read all users’ basic profiles",
        "Names and addresses of other people in your organisation.",
    ),
    "User.Read.All": Permission(
        "a154be20-db9c-4678-8ab7-66f6cc099a59",
        "Read all users’ full profiles",
        "Full profiles, reports and managers of people in your organisation.",
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
    "MailboxSettings.Read": Permission(
        "87f447af-9fa4-4c32-9dfa-4a57a73d18ce", "Read your mailbox settings", "Your time zone, language and the like."
    ),
    "Directory.Read.All": Permission(
        "06da0dbc-49e2-44d2-8312-53f166ab848a",
        "Read directory data",
        "People, groups and apps in your organisation.",
        is_for_admins=True,
    ),
}
_BY_LOWER = {name.lower(): name for name in PERMISSIONS}


@dataclass(frozen=True)
class Scopes:
    """What a request asked for, each name spelt as Microsoft spells it."""

    names: tuple[str, ...]
    is_default: bool = False

    @property
    def oidc(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in OIDC)

    @property
    def graph(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in OIDC)


def read(text: str, *, app: str) -> Scopes:
    """Refuses with 70011 what is empty, mixed or foreign, and with 650053 what Graph does not have."""
    names: list[str] = []
    is_default = False
    for word in text.split():
        name = _without_resource(word)
        if name == ".default":
            is_default = True
            continue
        known = _BY_LOWER.get(name.lower())
        if known is None:
            raise Refused(650053, app=app, scope=name)
        if known not in names:
            names.append(known)
    if not names and not is_default:
        raise Refused(70011, scope=text)
    found = Scopes(tuple(names), is_default)
    if is_default and found.graph:
        raise Refused(70011, scope=text)
    return found


def join(*groups: Iterable[str]) -> tuple[str, ...]:
    """All of them, each once, in the order they came."""
    return tuple(dict.fromkeys(name for group in groups for name in group))


def _without_resource(word: str) -> str:
    for resource in GRAPH_RESOURCES:
        if word.lower().startswith(resource + "/"):
            # `https://graph.microsoft.com//.default` is what some libraries make of a resource with a slash.
            return word[len(resource) + 1 :].lstrip("/")
    if "://" in word:
        raise Refused(70011, scope=word)
    return word
