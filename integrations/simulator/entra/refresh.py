"""Refresh tokens: 90 days from each use, a new one every time, the old one alive until its own end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from integrations.simulator.entra import hashes
from integrations.simulator.entra.errors import Refused, moment
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, Person, RefreshToken

LIFETIME = timedelta(days=90)


def issue(*, application: Application, person: Person, sid: UUID, scopes: Sequence[str], now: datetime) -> str:
    token = hashes.new_refresh_token()
    RefreshToken.objects.create(
        digest=hashes.digest(token),
        application=application,
        person=person,
        sid=sid,
        scopes=list(scopes),
        issued_at=now,
        expires_at=now + LIFETIME,
    )
    return token


def check(token: str, application: Application, where: Directory, *, now: datetime) -> RefreshToken:
    if not token:
        raise Refused(900144, parameter="refresh_token")
    found = (
        RefreshToken.objects.select_related("person__tenant")
        .filter(digest=hashes.digest(token), application=application)
        .first()
    )
    if found is None:
        raise Refused(70000)
    check_person(found.person, application, where)
    if found.issued_at < found.person.valid_from:
        raise Refused(50173, issued_at=moment(found.issued_at), valid_from=moment(found.person.valid_from))
    if found.expires_at <= now:
        # Counted back from its end, which a trainer may have brought forward.
        raise Refused(700082, issued_at=moment(found.expires_at - LIFETIME))
    return found


def check_person(person: Person, application: Application, where: Directory) -> None:
    """Still there, still allowed to sign in, and in the directory that was asked."""
    if where.tenant is not None and not where.holds(person.tenant_id):
        raise Refused(
            50020,
            user=person.sign_in_name,
            tenant=where.tenant.name,
            client_id=str(application.client_id),
        )
    if not person.is_enabled:
        raise Refused(50057)
