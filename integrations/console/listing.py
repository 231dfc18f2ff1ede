"""One line of the console: a person, and the connection if there is one, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from accounts import doors, groups
from accounts.cascade.across import held_by_each
from accounts.models import Membership, User
from integrations import reasons
from integrations.console.people import NOT_YET
from integrations.console.tiles import LOOKS, Look
from integrations.models import Connection, State
from integrations.organization.needs import READ_CONTACTS, contained
from integrations.preferences import API_NAMES, SERVICE_NAMES, Api, Integrations, Method, Service

METHOD_NAMES = {
    Method.OAUTH: "OAuth",
    Method.APPLICATION_PERMISSIONS: "Application permissions",
    Method.PASSWORD: "Own password",
    Method.IMPERSONATION: "Impersonation account",
}
_WITHHELD = {
    "calendar_write": "writing the calendar",
    "contacts_read": "reading contacts",
    "contacts_write": "writing contacts",
}
# From the largest; the number of days of each.
_AGES = ((365, "year"), (30, "month"), (7, "week"), (1, "day"))


@dataclass(frozen=True)
class Row:
    person: User
    # None: there is none, or it was ended.
    connection: Connection | None
    state: str
    look: Look
    way: str
    permissions: str
    withheld: str
    reason: str
    # “14 months old”.
    age: str
    # What stands where the address of the account would.
    no_address: str
    # May the reader open the person, and do what only those may who manage the person?
    may_manage: bool


def rows(people: QuerySet[User], reader: User, *, now: datetime) -> list[Row]:
    """Two queries, however many people; a third where an organization connects some of them."""
    places = Prefetch("memberships", queryset=groups.placed(Membership.objects.all()), to_attr="places")
    return rows_of(with_connections(people).prefetch_related(places), reader, now=now)


def rows_of(people: Iterable[User], reader: User, *, now: datetime) -> list[Row]:
    """Of people with their connections. One query, or none."""
    found = list(people)
    read = _contacts_read(found)
    return [row(person, reader, now=now, reads_contacts=person.pk in read) for person in found]


def with_connections(people: QuerySet[User]) -> QuerySet[User]:
    """Without what is secret and long."""
    return people.select_related("connection").defer(
        "password", "connection__refresh_token", "connection__access_token", "connection__claims"
    )


def row(person: User, reader: User, *, now: datetime, reads_contacts: bool = False) -> Row:
    """`reads_contacts`: of one by the organization, whether the settings tick contacts."""
    known: Connection | None = getattr(person, "connection", None)
    connection = known if known and known.state != State.DISCONNECTED else None
    state = connection.state if connection else NOT_YET
    return Row(
        person=person,
        connection=connection,
        state=state,
        look=LOOKS[state],
        way=way(connection) if connection else "",
        permissions=permissions(connection, reads_contacts=reads_contacts) if connection else "",
        withheld=withheld(connection) if connection else "",
        reason=reason(connection) if connection else "",
        age=age(connection.connected_at, now=now) if connection else "",
        no_address="No mailbox found" if connection and connection.is_by_organization else "Not known yet",
        may_manage=doors.can_manage(reader, person),
    )


def way(connection: Connection) -> str:
    return f"{way_in_words(connection.service, connection.api)} · {METHOD_NAMES[Method(connection.method)]}"


def way_in_words(service: str, api: str) -> str:
    return f"{SERVICE_NAMES[Service(service)]} · {API_NAMES[Api(api)]}"


def permissions(connection: Connection, *, reads_contacts: bool = False) -> str:
    """What Meridian uses; by EWS that is less than what it is given."""
    if connection.api == Api.EWS.value:
        return "Calendar: read · Access to the full mailbox"
    calendar = "write" if connection.calendar_write else "read"
    return f"Calendar: {calendar} · Contacts: {_contacts(connection, reads_contacts=reads_contacts)}"


def withheld(connection: Connection) -> str:
    """What was asked for and not given at Microsoft."""
    return ", ".join(_WITHHELD[one] for one in connection.withheld if one in _WITHHELD)


def reason(connection: Connection) -> str:
    return in_words(connection.reason) if connection.reason else ""


def in_words(why: str) -> str:
    try:
        return reasons.in_words(why)
    except KeyError:
        return "Meridian does not know this reason"


def age(connected_at: datetime | None, *, now: datetime) -> str:
    """How old it is since it first worked, in the largest unit of which there are two, or in days."""
    if connected_at is None:
        return ""
    days = max((now - connected_at).days, 0)
    if days == 0:
        return "less than a day old"
    length, unit = next(((length, unit) for length, unit in _AGES if days >= 2 * length), (1, "day"))
    number = days // length
    return f"{number} {unit if number == 1 else unit + 's'} old"


def _contacts(connection: Connection, *, reads_contacts: bool) -> str:
    if connection.is_by_organization:
        return "read" if reads_contacts and READ_CONTACTS in contained(connection.granted) else "none"
    return "write" if connection.contacts_write else "none" if "contacts_read" in connection.withheld else "read"


def _contacts_read(people: Iterable[User]) -> set[int]:
    """Of those whom an organization connects, for whom the settings tick contacts."""
    connections: Iterable[Connection | None] = (getattr(person, "connection", None) for person in people)
    served = {one.user_id for one in connections if one and one.is_by_organization}
    if not served:
        return set()
    holding = held_by_each(Integrations, served)
    return {person for person in served if holding[person].values.services.organization_contacts}
