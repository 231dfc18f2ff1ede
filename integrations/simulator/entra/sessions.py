"""Who is signed in in this browser, on the simulated Microsoft's side."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from integrations.simulator.entra import hashes
from integrations.simulator.models import BrowserSession, Person

COOKIE = "sim_session"
# As of a session that is not kept after the browser closes: a day from each use.
LIFETIME = timedelta(hours=24)
# A use within the same few minutes is not worth a write.
WORTH_A_WRITE = timedelta(minutes=5)


def current(request: HttpRequest, *, now: datetime) -> BrowserSession | None:
    cookie = request.COOKIES.get(COOKIE)
    if not cookie:
        return None
    found = (
        BrowserSession.objects.select_related("person__tenant")
        .filter(digest=hashes.digest(cookie), expires_at__gt=now)
        .first()
    )
    if found is None or not _is_alive(found):
        return None
    if found.expires_at < now + LIFETIME - WORTH_A_WRITE:
        found.expires_at = now + LIFETIME
        BrowserSession.objects.filter(pk=found.pk).update(expires_at=found.expires_at)
    return found


def start(person: Person, *, now: datetime) -> tuple[BrowserSession, str]:
    cookie = hashes.new_cookie()
    session = BrowserSession.objects.create(
        digest=hashes.digest(cookie), sid=uuid4(), person=person, signed_in_at=now, expires_at=now + LIFETIME
    )
    return session, cookie


def add_second_factor(session: BrowserSession) -> None:
    session.has_mfa = True
    BrowserSession.objects.filter(pk=session.pk).update(has_mfa=True)


def remember(response: HttpResponse, cookie: str) -> None:
    """Until the browser closes; Lax, as a person comes here from the application's site."""
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax", path="/")


def end(request: HttpRequest, response: HttpResponse) -> None:
    BrowserSession.objects.filter(digest=hashes.digest(request.COOKIES.get(COOKIE, ""))).delete()
    response.delete_cookie(COOKIE, path="/")


def _is_alive(session: BrowserSession) -> bool:
    person = session.person
    since = max(person.valid_from, person.password_changed_at or person.valid_from)
    return person.is_enabled and person.deleted_at is None and session.signed_in_at >= since
