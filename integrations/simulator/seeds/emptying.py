"""Taking away what a tenant holds, in whole sets: Django's own cascade would read every row first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q, QuerySet

from integrations.simulator.models import (
    AccessPolicy,
    AppCertificate,
    Application,
    AppRole,
    AppSecret,
    AuthorizationCode,
    BrowserSession,
    Calendar,
    Contact,
    Domain,
    Event,
    Fault,
    Grant,
    Person,
    RefreshToken,
    ScopedRole,
    SeriesVersion,
    ServicePrincipal,
    Subscription,
    Tenant,
    TextRecord,
    Tombstone,
)


def sweep(tenant: Tenant, *, keep_events_of: Collection[int] = ()) -> None:
    """All that happened in a tenant. Its people, calendars and applications stay; `keep_events_of` are calendars."""
    of_people = Q(person__tenant=tenant)
    _delete_each((AuthorizationCode, RefreshToken, BrowserSession, Contact), of_people)
    delete(_rows(Subscription).filter(of_people | Q(creator__tenant=tenant)))
    delete(_rows(Fault).filter(of_people | Q(tenant=tenant)))
    _delete_principals(Q(tenant=tenant))
    of_calendars = Q(calendar__person__tenant=tenant)
    _delete_each((SeriesVersion, Tombstone), of_calendars)
    delete(_rows(Event).filter(of_calendars).exclude(calendar__in=keep_events_of))
    delete(_rows(TextRecord).filter(domain__tenant=tenant))
    delete(_rows(Domain).filter(tenant=tenant))


def trim(tenant: Tenant, *, people: Collection[UUID], calendars: Collection[str], client_ids: Collection[UUID]) -> None:
    """Whom and what the seed does not name. `calendars` are Graph's ids."""
    gone = _rows(Calendar).filter(person__tenant=tenant).exclude(graph_id__in=calendars)
    delete(_rows(Event).filter(calendar__in=gone))
    delete(gone)
    for application in _rows(Application).filter(publisher=tenant).exclude(client_id__in=client_ids):
        _delete_application(application)
    delete(_rows(Person).filter(tenant=tenant).exclude(oid__in=people))


def remove(tenant: Tenant) -> None:
    sweep(tenant)
    trim(tenant, people=(), calendars=(), client_ids=())
    delete(_rows(Tenant).filter(pk=tenant.pk))


def delete(rows: QuerySet[Any]) -> None:
    """In one statement, and only these: what refers to them must have gone before the transaction ends."""
    sql, parameters = rows.order_by().values("pk").query.sql_with_params()
    table = connection.ops.quote_name(rows.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE id IN ({sql})", parameters)  # noqa: S608


def _delete_application(application: Any) -> None:
    held = (AuthorizationCode, RefreshToken, Subscription, Fault, AppSecret, AppCertificate)
    _delete_each(held, Q(application=application))
    _delete_principals(Q(application=application))
    delete(_rows(Application).filter(pk=application.pk))


def _delete_principals(which: Q) -> None:
    principals = _rows(ServicePrincipal).filter(which)
    theirs = Q(service_principal__in=principals)
    delete(AccessPolicy.people.through._default_manager.filter(accesspolicy__in=_rows(AccessPolicy).filter(theirs)))
    delete(ScopedRole.people.through._default_manager.filter(scopedrole__in=_rows(ScopedRole).filter(theirs)))
    _delete_each((AccessPolicy, ScopedRole, Grant, AppRole), theirs)
    delete(ServicePrincipal.assigned.through._default_manager.filter(serviceprincipal__in=principals))
    delete(principals)


def _delete_each(models: Sequence[type[Model]], which: Q) -> None:
    for model in models:
        delete(_rows(model).filter(which))


def _rows(model: type[Model]) -> QuerySet[Any]:
    return model._default_manager.all()
