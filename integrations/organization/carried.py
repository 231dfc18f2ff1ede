"""What the consent of an organization means for one person: who carries the calendar, or whom to ask if nobody does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from accounts.cascade.facts import Held
from accounts.domain_names import domain_of, shown
from accounts.models import User
from integrations.models import Connection, Move, State, TenantLink
from integrations.organization import mailbox_rights
from integrations.organization.needs import READ_CONTACTS, Asked, Said, contained
from integrations.policy import api_of, is_by_organization, is_served_by_organization
from integrations.preferences import Api, Integrations


class Kind(StrEnum):
    # The organization carries the connection.
    CARRIED = "carried"
    # It does so for now; the person is asked to sign in.
    ASKED = "asked"
    # It looked, and there is no mailbox that is the person's and open.
    UNMATCHED = "unmatched"
    # The person's own connection is about to be carried by it, or cannot be.
    MOVING = "moving"
    KEPT = "kept"
    # Nobody is connected yet: about to be looked up; the address is of no domain of theirs; nobody has authorized.
    WAITING = "waiting"
    OUTSIDE = "outside"
    NOT_AUTHORIZED = "not_authorized"


@dataclass(frozen=True)
class Contacts:
    is_read: bool
    # Why not.
    says: str = ""


@dataclass(frozen=True)
class Carried:
    kind: Kind
    link: TenantLink | None = None
    # Of those who are not connected: in a sentence each.
    says: str = ""
    explains: str = ""
    contacts: Contacts | None = None

    @property
    def is_carried(self) -> bool:
        return self.kind in (Kind.CARRIED, Kind.ASKED)


def of(person: User, held: Held[Integrations], connection: Connection | None) -> Carried | None:
    """None: it means nothing for the person. One query where it does."""
    values = held.values
    if connection and connection.is_by_organization and connection.state != State.DISCONNECTED:
        return _of_carried(connection, values)
    if not is_served_by_organization(values):
        return None
    if connection and connection.is_alive:
        return Carried(Kind.MOVING if connection.move == Move.READY else Kind.KEPT)
    return _of_unconnected(person, api_of(values.services))


def may_be_deleted(connection: Connection, values: Integrations) -> bool:
    """By its person. What the organization connects would be connected again."""
    return not connection.is_by_organization or not is_by_organization(values)


def _of_carried(connection: Connection, values: Integrations) -> Carried:
    if connection.state == State.NOT_ELIGIBLE:
        return Carried(Kind.UNMATCHED)
    link = connection.link
    is_asked = connection.is_alive and not is_by_organization(values)
    return Carried(Kind.ASKED if is_asked else Kind.CARRIED, link, contacts=_contacts(link, values))


def _of_unconnected(person: User, api: Api) -> Carried:
    domain = domain_of(person.email)
    found = TenantLink.objects.filter(account=person.account_id, ended_at=None, api=api.value)
    links = list(found.order_by("linked_at"))
    link = next((one for one in links if domain in one.domains), None)
    if link is not None:
        return Carried(
            Kind.WAITING,
            link,
            "Your organization connects your calendar; you need not do anything.",
            "Meridian is about to look up the mailbox of your address at Microsoft.",
        )
    if links:
        return Carried(
            Kind.OUTSIDE,
            None,
            f"Your organization connects calendars, but not those of {shown(domain)}.",
            "An admin of your account can add the domain of your address, if it is your organization’s own.",
        )
    return Carried(
        Kind.NOT_AUTHORIZED,
        None,
        "Your organization connects calendars for everybody, once an Office 365 admin has authorized it.",
        "Nobody has yet. An admin of your account can see to it.",
    )


def _contacts(link: TenantLink | None, values: Integrations) -> Contacts:
    if link is not None and link.is_by_ews:
        return Contacts(is_read=False, says="Not read: with EWS, Meridian reads calendars alone.")
    if not values.services.organization_contacts:
        return Contacts(is_read=False, says="Not read: that is not chosen in the settings.")
    is_given = link is not None and (
        READ_CONTACTS in contained(link.roles) or mailbox_rights.known(link).get(Asked.CONTACTS) == Said.OK
    )
    return Contacts(is_given, "" if is_given else "Not read: Microsoft does not give Meridian Contacts.Read.")
