"""Who is signed in in this browser, on the simulated Microsoft's side."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from integrations.simulator.entra import hashes
from integrations.simulator.models import BrowserSession, Person

COOKIE = "sim_session"
LIFETIME = timedelta(hours=12)


def current(request: HttpRequest, *, now: datetime) -> BrowserSession | None:
    cookie = request.COOKIES.get(COOKIE)
    if not cookie:
        return None
    found = (
        BrowserSession.objects.select_related("person__tenant")
        .filter(digest=hashes.digest(cookie), expires_at__gt=now)
        .first()
    )
    if found is None or not found.person.is_enabled or found.signed_in_at < found.person.valid_from:
        return None
    return found


def start(person: Person, *, now: datetime) -> tuple[BrowserSession, str]:
    cookie = hashes.new_cookie()
    session = BrowserSession.objects.create(
        digest=hashes.digest(cookie), sid=uuid4(), person=person, signed_in_at=now, expires_at=now + LIFETIME
    )
    return session, cookie


def remember(response: HttpResponse, cookie: str) -> None:
    """Until the browser closes; Lax, as a person comes here from the application's site."""
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax", path="/")


def end(request: HttpRequest, response: HttpResponse) -> None:
    BrowserSession.objects.filter(digest=hashes.digest(request.COOKIES.get(COOKIE, ""))).delete()
    response.delete_cookie(COOKIE, path="/")
