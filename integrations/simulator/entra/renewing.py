"""A new password in place of an expired one, chosen by the person."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.hashers import make_password

from integrations.simulator.entra import password_rules, people
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, Person


def renew(name: str, current: str, new: str, application: Application, where: Directory, *, now: datetime) -> Person:
    """Signs in with the old password, and really changes it.

    The refresh tokens of confidential clients outlive a change by the person; those of public clients and sessions in
    browsers, which stem from the old password, do not.
    """
    person = _signed_in(name, current, application, where, now=now)
    password_rules.check(new, current=current, name=person.sign_in_name)
    hashed = make_password(new)
    Person.objects.filter(pk=person.pk).update(
        password=hashed, password_changed_at=now, password_is_expired=False, wrong_passwords=0, locked_until=None
    )
    person.refresh_from_db()
    return person


def _signed_in(name: str, current: str, application: Application, where: Directory, *, now: datetime) -> Person:
    try:
        return people.sign_in(name, current, application, where, now=now)
    except Refused as refused:
        if refused.code == 50126:
            raise Refused(120000) from None
        if refused.code != 50055:
            raise
    return people.by_name(name, where)
