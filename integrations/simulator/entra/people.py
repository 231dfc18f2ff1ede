"""Finding a person and checking a password, with Entra's refusals."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.hashers import check_password
from django.db.models import Q

from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Person


def by_name(name: str, where: Directory) -> Person:
    name = name.strip().lower()
    person = Person.objects.select_related("tenant").filter(Q(sign_in_name=name) | Q(upn__iexact=name)).first()
    if person is None or not where.holds(person.tenant_id):
        raise Refused(50034, user=name, tenant=where.tenant.name if where.tenant else "Microsoft")
    return person


def sign_in(name: str, password: str, where: Directory) -> Person:
    person = by_name(name, where)
    if not check_password(password, person.password):
        raise Refused(50126)
    if not person.is_enabled:
        raise Refused(50057)
    return person


def to_pick_from(where: Directory) -> Sequence[Person]:
    people = Person.objects.select_related("tenant").order_by("tenant__pk", "name")
    return list(people.filter(tenant=where.tenant) if where.tenant else people)
