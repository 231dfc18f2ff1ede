"""Refresh tokens: 90 days from each use, a new one every time, the old one alive until its own end.

Of a single-page application: 24 hours from the sign-in, however often it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from integrations.simulator.entra import hashes, standing
from integrations.simulator.entra.clients import Client
from integrations.simulator.entra.errors import Refused, moment
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, AuthorizationCode, Person, RefreshToken
from integrations.simulator.prepared import Prepared

LIFETIME = timedelta(days=90)
SPA_LIFETIME = timedelta(hours=24)


def first(code: AuthorizationCode, scopes: Sequence[str], *, is_spa: bool, now: datetime) -> str:
    """That of a sign-in."""
    expires_at = now + (SPA_LIFETIME if is_spa else LIFETIME)
    return _issue(code, code.application, code.person, scopes, is_spa=is_spa, expires_at=expires_at, now=now)


def next_one(old: RefreshToken, scopes: Sequence[str], *, now: datetime) -> str:
    expires_at = old.expires_at if old.is_spa else now + LIFETIME
    return _issue(old, old.application, old.person, scopes, is_spa=old.is_spa, expires_at=expires_at, now=now)


def find(token: str, application: Application) -> RefreshToken:
    """One that was issued to this application, dead or alive."""
    if not token:
        raise Refused(900144, parameter="refresh_token")
    found = _BY_DIGEST.first(hashes.digest(token))
    if found is None:
        raise Refused(70000)
    if found.application_id != application.pk:
        raise Refused(70000, why="The refresh token was issued to another application.")
    found.application = application
    return found


def check(token: RefreshToken, client: Client, where: Directory, *, now: datetime) -> None:
    """It is good for new tokens, or a refusal that says why it is not."""
    client.check_kind(is_spa=token.is_spa)
    standing.check_person(token.person, client.application, where, issued_at=token.issued_at)
    _check_age(token, now=now)


def use_up(token: RefreshToken, *, now: datetime) -> None:
    """Under strict rotation, which Entra has not: exactly one caller may use it, once."""
    if not token.person.tenant.strict_rotation:
        return
    unused = RefreshToken.objects.filter(pk=token.pk, replaced_at=None)
    if token.replaced_at is not None or not unused.update(replaced_at=now):
        raise Refused(70000, why="The refresh token was used before, and rotation is strict in this tenant.")


def _check_age(token: RefreshToken, *, now: datetime) -> None:
    if token.expires_at > now:
        return
    # Counted back from its end, which a trainer may have brought forward.
    if token.is_spa:
        raise Refused(700084, issued_at=moment(token.expires_at - SPA_LIFETIME))
    raise Refused(700082, issued_at=moment(token.expires_at - LIFETIME))


def _issue(
    source: AuthorizationCode | RefreshToken,
    application: Application,
    person: Person,
    scopes: Sequence[str],
    *,
    is_spa: bool,
    expires_at: datetime,
    now: datetime,
) -> str:
    token = hashes.new_refresh_token()
    sid: UUID = source.sid
    RefreshToken.objects.create(
        digest=hashes.digest(token),
        application=application,
        person=person,
        sid=sid,
        scopes=list(scopes),
        has_mfa=source.has_mfa,
        is_spa=is_spa,
        issued_at=now,
        expires_at=expires_at,
    )
    return token


_BY_DIGEST = Prepared(
    lambda digest: RefreshToken.objects.select_related("person__tenant").filter(digest=digest),
    str,
)
