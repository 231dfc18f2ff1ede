"""From a seed to rows: at the first start, at every start for applications and calendars, and on reset."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from integrations.simulator.entra import principals
from integrations.simulator.entra.hashes import digest
from integrations.simulator.models import Application, AppSecret, Calendar, Domain, Person, Tenant
from integrations.simulator.seeds import fortnight, reading
from integrations.simulator.seeds.reading import BadSeed, Seed, SeedApplication, SeedPerson, SeedTenant

__all__ = ["BadSeed", "password", "plant", "reset", "top_up", "use"]

SECRET_LIVES = timedelta(days=180)
log = logging.getLogger("simulator")


def use(path: Path) -> None:
    """The seed of this process, read once: a reset brings back what the start began with."""
    global _seed
    _seed = reading.read(path)


def password() -> str:
    """What all people of the seed sign in with at first; the pages tell."""
    return _current().password


def plant(*, now: datetime) -> None:
    """People only where there are none yet; applications as the environment says now; calendars carried on."""
    with transaction.atomic():
        if not Tenant.objects.exists():
            for tenant in _current().tenants:
                _plant_tenant(tenant, now=now)
        for application in _current().applications:
            _plant_application(application, now=now)
    top_up(now=now)


def reset(*, now: datetime) -> None:
    with transaction.atomic():
        _empty()
        plant(now=now)


def top_up(*, now: datetime) -> int:
    """Daily: a fortnight stays a lively fortnight however long this runs."""
    calendars = {
        calendar.person.mail or calendar.person.upn: calendar
        for calendar in Calendar.objects.filter(is_default=True).select_related("person")
    }
    return fortnight.fill(calendars, _current().meetings, now=now)


def _empty() -> None:
    """All rows at once: Django's own cascade would first read each of them."""
    with connection.cursor() as cursor:
        for model in apps.get_app_config("simulator").get_models():
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


def _plant_tenant(seed: SeedTenant, *, now: datetime) -> None:
    tenant = Tenant.objects.create(tid=seed.tid, name=seed.name)
    Domain.objects.bulk_create([Domain(tenant=tenant, name=name) for name in seed.domains])
    for person in seed.people:
        _plant_person(person, tenant, now=now)


def _plant_person(seed: SeedPerson, tenant: Tenant, *, now: datetime) -> None:
    person = Person.objects.create(
        tenant=tenant,
        oid=seed.oid,
        upn=seed.upn,
        sign_in_name=seed.sign_in_name,
        mail=seed.mail,
        name=seed.name,
        given_name=seed.given_name,
        surname=seed.surname,
        job_title=seed.job_title,
        office=seed.office,
        phone=seed.phone,
        time_zone=seed.time_zone,
        password=make_password(_current().password),
        is_guest=seed.is_guest,
        is_admin=seed.is_admin,
        is_enabled=seed.is_enabled,
        mailbox=Person.Mailbox.CLOUD if seed.has_mailbox else Person.Mailbox.NONE,
        valid_from=now,
        # Another number than before a reset, so that access tokens from then are dead as well.
        generation=secrets.randbelow(2**30),
    )
    if seed.has_mailbox:
        calendar_id = fortnight.graph_id(seed.oid, "calendar")
        Calendar.objects.create(person=person, graph_id=calendar_id, change_key=fortnight.change_key(calendar_id))


def _plant_application(seed: SeedApplication, *, now: datetime) -> None:
    domain = Domain.objects.select_related("tenant").filter(name=seed.publisher).first()
    if domain is None:
        raise BadSeed(f"The application {seed.name} is published by {seed.publisher}, which no tenant has verified.")
    application, _ = Application.objects.update_or_create(
        client_id=seed.client_id,
        defaults={
            "name": seed.name,
            "publisher": domain.tenant,
            "is_multi_tenant": seed.is_multi_tenant,
            "redirect_uris": list(seed.redirect_uris),
            "permissions": list(seed.permissions),
        },
    )
    principals.ensure(application, domain.tenant, now=now)
    _plant_secret(application, seed.secret, now=now)


def _plant_secret(application: Application, secret: str, *, now: datetime) -> None:
    """One that is kept from the last start keeps its age, so that an expired one stays expired."""
    if not secret:
        log.warning(
            "The application %s has no secret and will get no tokens: set SIMULATOR_APP_CLIENT_SECRET and start again.",
            application.name,
        )
        return
    application.secrets.filter(from_environment=True).exclude(digest=digest(secret)).delete()
    AppSecret.objects.get_or_create(
        application=application,
        digest=digest(secret),
        defaults={"expires_at": now + SECRET_LIVES, "from_environment": True},
    )


def _current() -> Seed:
    if _seed is None:
        raise RuntimeError("No seed has been read yet: `serve` does so.")
    return _seed


_seed: Seed | None = None
