"""From a seed's tenant to rows. Who is there already keeps the row: what is being answered meanwhile refers to it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db.models import CharField, Model
from django.db.models.functions import Cast

from integrations.simulator.models import Calendar, Contact, Domain, Person, Tenant
from integrations.simulator.seeds import ids
from integrations.simulator.seeds.seed import SeedCalendar, SeedContact, SeedPerson, SeedTenant


def tenant(seed: SeedTenant) -> Tenant:
    found = Tenant(
        pk=Tenant.objects.filter(tid=seed.tid).values_list("pk", flat=True).first(),
        tid=seed.tid,
        name=seed.name,
        user_consent=seed.user_consent,
        has_consent_workflow=seed.has_consent_workflow,
        strict_rotation=seed.strict_rotation,
        ews_enabled=seed.ews.enabled,
        ews_allowed_app_ids=None if seed.ews.allowed_app_ids is None else list(seed.ews.allowed_app_ids),
        ews_policy_date=seed.ews.policy_date,
    )
    found.save()
    Domain.objects.bulk_create(Domain(tenant=found, name=one.name, is_verified=one.is_verified) for one in seed.domains)
    return found


def people(seed: SeedTenant, tenant: Tenant, *, now: datetime) -> Mapping[UUID, Person]:
    # Names that were given to somebody else meanwhile must be free again before the rows are put back one by one.
    own = Cast("oid", CharField())
    Person.objects.filter(tenant=tenant).update(upn=own, sign_in_name=own)
    passwords = {password: make_password(password) for password in {one.password for one in seed.people}}
    made = [_person(one, tenant, passwords[one.password], now=now) for one in seed.people]
    Person.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["oid"], update_fields=_all_but(Person, "id", "oid")
    )
    return {person.oid: person for person in Person.objects.filter(tenant=tenant)}


def mailboxes(seed: SeedTenant, people: Mapping[UUID, Person], *, now: datetime) -> None:
    calendars = [one for person in seed.people for one in _calendars(person, people[person.oid])]
    Calendar.objects.bulk_create(
        calendars, update_conflicts=True, unique_fields=["graph_id"], update_fields=_all_but(Calendar, "id", "graph_id")
    )
    Contact.objects.bulk_create(
        _contact(one, people[person.oid], number, now=now)
        for person in seed.people
        for number, one in enumerate(person.contacts)
    )


def calendar_ids(seed: SeedPerson) -> list[str]:
    """Of the default calendar, then of the others; nobody without a mailbox has any."""
    if seed.mailbox == Person.Mailbox.NONE:
        return []
    return [
        ids.graph_id(seed.oid, "calendar"),
        *(ids.graph_id(seed.oid, "calendar", one.name) for one in seed.calendars),
    ]


def _person(seed: SeedPerson, tenant: Tenant, password: str, *, now: datetime) -> Person:
    return Person(
        tenant=tenant,
        oid=seed.oid,
        upn=seed.upn,
        sign_in_name=seed.sign_in_name,
        mail=seed.mail,
        aliases=list(seed.aliases),
        name=seed.name,
        given_name=seed.given_name,
        surname=seed.surname,
        job_title=seed.job_title,
        office=seed.office,
        phone=seed.phone,
        time_zone=seed.time_zone,
        password=password,
        is_guest=seed.is_guest,
        is_admin=seed.is_admin,
        is_enabled=seed.is_enabled,
        is_licensed=seed.is_licensed,
        mailbox=seed.mailbox,
        needs_mfa=seed.needs_mfa,
        is_blocked=seed.is_blocked,
        ews_enabled=seed.ews_enabled,
        may_impersonate=seed.may_impersonate,
        groups=list(seed.groups),
        valid_from=now,
        # Another number than before a reset, so that access tokens from then are dead as well.
        generation=secrets.randbelow(2**30),
    )


def _calendars(seed: SeedPerson, person: Person) -> Iterator[Calendar]:
    named = [SeedCalendar("Calendar"), *seed.calendars]
    for calendar_id, one in zip(calendar_ids(seed), named, strict=False):
        yield Calendar(
            person=person,
            graph_id=calendar_id,
            name=one.name,
            color=one.color,
            is_default=one is named[0],
            change_key=ids.change_key(calendar_id),
            last_change=1,
            # Another number than before a reset: delta tokens from then are answered with 410.
            sync_generation=secrets.randbelow(2**30),
        )


def _contact(seed: SeedContact, person: Person, number: int, *, now: datetime) -> Contact:
    contact_id = ids.graph_id(person.oid, "contact", number, seed.name)
    return Contact(
        person=person,
        graph_id=contact_id,
        change_key=ids.change_key(contact_id),
        display_name=seed.name,
        given_name=seed.given_name,
        surname=seed.surname,
        company=seed.company,
        job_title=seed.job_title,
        addresses=[{"name": seed.name, "address": address} for address in seed.emails],
        phones=list(seed.phones),
        mobile=seed.mobile,
        created_at=now,
        modified_at=now,
    )


def _all_but(model: type[Model], *names: str) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if field.name not in names]
