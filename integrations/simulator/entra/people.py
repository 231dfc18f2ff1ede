"""Finding a person and checking a password, with Entra's refusals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password
from django.db.models import F, Q

from integrations.simulator.entra import particulars
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, Person, Tenant

# Smart lockout: the tenth wrong password locks for a minute, and so does every further one after that.
WRONG_PASSWORDS = 10
LOCKED_FOR = timedelta(minutes=1)
# Organizations may have thousands of people; the page offers the first of each, others type their name.
PICKABLE_PER_TENANT = 30


def by_name(name: str, where: Directory) -> Person:
    """Somebody who is there, of whichever organization."""
    name = name.strip().lower()
    person = (
        Person.objects.select_related("tenant")
        .filter(Q(sign_in_name=name) | Q(upn__iexact=name), deleted_at=None)
        .first()
    )
    if person is None:
        raise Refused(50034, user=name, tenant=where.name)
    return person


def sign_in(name: str, password: str, application: Application, where: Directory, *, now: datetime) -> Person:
    """The person, or 50034 unknown, 50053 locked, 50126 wrong, 50057 disabled, 50020 elsewhere, 50055 expired.

    What is wrong with an account is told only to who knows its password.
    """
    person = by_name(name, where)
    about = {**particulars.of_application(application), **particulars.of_person(person)}
    prove(person, password, now=now)
    if not person.is_enabled:
        raise Refused(50057, **about)
    if not where.holds(person.tenant_id):
        raise Refused(50020, **{**about, "tenant": where.name})
    if person.password_is_expired:
        raise Refused(50055, **about)
    return person


def prove(
    person: Person,
    password: str,
    *,
    now: datetime,
    most: int = WRONG_PASSWORDS,
    locked_for: timedelta = LOCKED_FOR,
) -> None:
    """The password is theirs; the account is not locked."""
    if person.locked_until is not None and person.locked_until > now:
        raise Refused(50053, **particulars.of_person(person))
    row = Person.objects.filter(pk=person.pk)
    if check_password(password, person.password):
        if person.wrong_passwords or person.locked_until:
            row.update(wrong_passwords=0, locked_until=None)
        return
    # Counted in the database: guesses come in parallel.
    row.filter(wrong_passwords__lt=most).update(wrong_passwords=F("wrong_passwords") + 1)
    row.filter(wrong_passwords__gte=most).update(locked_until=now + locked_for)
    raise Refused(50126, **particulars.of_person(person))


def to_pick_from(application: Application, where: Directory, domain_hint: str = "") -> Sequence[Person]:
    """People of the organizations that may use the application; only those of the hinted one, if it is such."""
    tenants = Tenant.objects.order_by("pk")
    if where.tenant:
        tenants = tenants.filter(pk=where.tenant.pk)
    if not application.is_multi_tenant:
        tenants = tenants.filter(pk=application.publisher_id)
    hinted = tenants.filter(domains__name=domain_hint)
    chosen = list(hinted if domain_hint and hinted.exists() else tenants)
    return [person for tenant in chosen for person in _first_of(tenant)]


def _first_of(tenant: Tenant) -> Sequence[Person]:
    """Those who were there first, by name."""
    people = Person.objects.select_related("tenant").filter(tenant=tenant, deleted_at=None)
    return sorted(people.order_by("pk")[:PICKABLE_PER_TENANT], key=lambda person: person.name)
