"""What an action is done to, found by the names that people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from integrations.simulator.control.acts.declaring import Unfit
from integrations.simulator.graph import recurrence, zones
from integrations.simulator.models import Application, Event, Person, ServicePrincipal, Subscription, Tenant


@dataclass(frozen=True)
class Enrolment:
    """An application in a tenant, where it may not be (yet)."""

    application: Application
    tenant: Tenant
    principal: ServicePrincipal | None

    @property
    def there(self) -> ServicePrincipal:
        if self.principal is None:
            raise Unfit(f"{self.application.name} is not in {self.tenant.name}. Add it, or let somebody consent.", 409)
        return self.principal

    def own(self, people: Sequence[Person]) -> Sequence[Person]:
        """The same people, who must all be of this tenant."""
        for stranger in (person for person in people if person.tenant_id != self.tenant.pk):
            raise Unfit(f"{stranger.name} is not in {self.tenant.name}.")
        return people


@dataclass(frozen=True)
class Appointment:
    """An event of somebody's calendar, or (with a day) one ordinary occurrence of a series."""

    owner: Person
    event: Event
    day: date | None
    starts_at: datetime
    ends_at: datetime

    @property
    def subject(self) -> str:
        return self.event.subject

    @property
    def show_as(self) -> str:
        return self.event.show_as

    @property
    def location(self) -> str:
        return str(self.event.locations[0].get("displayName", "")) if self.event.locations else ""

    @property
    def local_start(self) -> str:
        """As an input of the type datetime-local wants it."""
        zone = zones.find(self.owner.time_zone) or ZoneInfo("UTC")
        return f"{self.starts_at.astimezone(zone):%Y-%m-%dT%H:%M}"

    @property
    def minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds() // 60)


def person(name: str) -> Person:
    """By sign-in name, user principal name or object id; deleted people as well."""
    name = name.strip().lower()
    known = Q(sign_in_name=name) | Q(upn__iexact=name)
    if (oid := _guid(name)) is not None:
        known |= Q(oid=oid)
    found = Person.objects.select_related("tenant").filter(known).first()
    if found is None:
        raise Unfit("Nobody signs in by that name.", 404)
    return found


def tenant(name: str) -> Tenant:
    """By one of its domains, or its id."""
    known = Q(domains__name=name.strip().lower())
    if (tid := _guid(name)) is not None:
        known |= Q(tid=tid)
    found = Tenant.objects.filter(known).first()
    if found is None:
        raise Unfit("No tenant has that domain.", 404)
    return found


def application(client_id: str) -> Application:
    guid = _guid(client_id)
    found = Application.objects.select_related("publisher").filter(client_id=guid).first() if guid else None
    if found is None:
        raise Unfit("No application has that client id.", 404)
    return found


def enrolment(client_id: str, tenant_name: str) -> Enrolment:
    app, where = application(client_id), tenant(tenant_name)
    found = ServicePrincipal.objects.select_related("application", "tenant").filter(application=app, tenant=where)
    return Enrolment(app, where, found.first())


def appointment(owner_name: str, graph_id: str) -> Appointment:
    owner = person(owner_name)
    events = Event.objects.select_related("calendar__person__tenant", "master").filter(
        calendar__person=owner, is_removed=False
    )
    found = events.filter(Q(graph_id=graph_id) | Q(immutable_id=graph_id)).first()
    if found is not None:
        return Appointment(owner, found, None, found.starts_at, found.ends_at)
    master_id, day = recurrence.split_id(graph_id) or ("", None)
    master = events.filter(Q(graph_id=master_id) | Q(immutable_id=master_id), kind=Event.Kind.MASTER).first()
    usual = recurrence.occurrence_on(recurrence.series_of(master), day) if master and day else None
    if master is None or usual is None:
        raise Unfit("There is no such event in this mailbox (any more).", 404)
    return Appointment(owner, master, usual.day, usual.starts_at, usual.ends_at)


def subscription(graph_id: str) -> Subscription:
    guid = _guid(graph_id)
    known = Subscription.objects.select_related("application", "person__tenant")
    found = known.filter(graph_id=guid).first() if guid else None
    if found is None:
        raise Unfit("There is no such subscription (any more).", 404)
    return found


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
