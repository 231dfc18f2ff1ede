"""Authorization codes: for one redemption, within ten minutes, by the application that asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from integrations.simulator.entra import hashes, particulars, standing
from integrations.simulator.entra.clients import Client
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, AuthorizationCode, Person

LIFETIME = timedelta(minutes=10)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def issue(
    *,
    application: Application,
    person: Person,
    sid: UUID,
    redirect_uri: str,
    scopes: Sequence[str],
    nonce: str | None,
    challenge: str | None,
    challenge_method: str,
    has_mfa: bool = False,
    auth_time: datetime | None = None,
    now: datetime,
) -> str:
    code = hashes.new_code()
    AuthorizationCode.objects.create(
        digest=hashes.digest(code),
        application=application,
        person=person,
        sid=sid,
        redirect_uri=redirect_uri,
        scopes=list(scopes),
        nonce=nonce,
        challenge=challenge,
        challenge_method=challenge_method,
        has_mfa=has_mfa,
        auth_time=auth_time,
        issued_at=now,
        expires_at=now + LIFETIME,
    )
    return code


def find(code: str, application: Application) -> AuthorizationCode:
    """One that was issued to this application, dead or alive."""
    if not code:
        raise Refused(900144, parameter="code")
    found = AuthorizationCode.objects.select_related("person__tenant").filter(digest=hashes.digest(code)).first()
    if found is None:
        raise Refused(70000)
    if found.application_id != application.pk:
        raise Refused(70000, why="The code was issued to another application.")
    found.application = application
    return found


def check(code: AuthorizationCode, form: Mapping[str, str], client: Client, where: Directory, *, now: datetime) -> None:
    """Everything it is bound to is as it was asked for. A refusal uses nothing up."""
    if code.redeemed_at is not None:
        raise Refused(54005)
    if code.expires_at <= now:
        raise Refused(70008)
    if not where.holds(code.person.tenant_id):
        raise Refused(700005)
    if form.get("redirect_uri", "") != code.redirect_uri:
        about = particulars.of_application(client.application)
        raise Refused(50011, redirect_uri=form.get("redirect_uri", ""), **about)
    client.check_kind(is_spa=is_spa(code))
    check_verifier(form.get("code_verifier", ""), code.challenge, code.challenge_method)
    standing.check_person(code.person, client.application, where, issued_at=code.issued_at)


def is_spa(code: AuthorizationCode) -> bool:
    return code.redirect_uri in code.application.spa_redirect_uris


def redeem(code: AuthorizationCode, *, now: datetime) -> None:
    """Of several callers at once exactly one wins it."""
    if not AuthorizationCode.objects.filter(pk=code.pk, redeemed_at=None).update(redeemed_at=now):
        raise Refused(54005)


def check_verifier(verifier: str, challenge: str | None, method: str) -> None:
    """RFC 7636. A verifier without a challenge is refused too: the client believes in a protection it has not."""
    if not challenge and not verifier:
        return
    if not challenge or not verifier:
        raise Refused(50147)
    if not _VERIFIER.fullmatch(verifier):
        raise Refused(501491)
    if not hmac.compare_digest(_challenge_of(verifier, method), challenge):
        raise Refused(501481)


def _challenge_of(verifier: str, method: str) -> str:
    if method == "plain":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
