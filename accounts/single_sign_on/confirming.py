"""Somebody whom an address alone does not prove: what was vouched for waits in the session for the own password."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest

from accounts.models import IdentityProvider, Protocol, User
from accounts.single_sign_on.vouched import Vouched

LASTS = timedelta(minutes=10)
TRIES = 5
_KEY = "single_sign_on_to_confirm"


@dataclass(frozen=True)
class Waiting:
    provider: IdentityProvider
    vouched: Vouched
    going_to: str
    # The person whose password was given, where a code of the second factor is to follow.
    proved: int | None = None


def keep(request: HttpRequest, provider: IdentityProvider, vouched: Vouched, *, going_to: str, now: datetime) -> None:
    request.session[_KEY] = {
        "provider": provider.pk,
        "vouched": asdict(vouched),
        "going_to": going_to,
        "at": now.timestamp(),
        "tries": 0,
    }


def waiting(request: HttpRequest, *, now: datetime) -> Waiting | None:
    """None: nothing waits, or it waited for too long."""
    kept = request.session.get(_KEY)
    if not kept or now.timestamp() > kept["at"] + LASTS.total_seconds():
        return None
    provider = IdentityProvider.objects.select_related("account").filter(pk=kept["provider"], is_on=True).first()
    if provider is None:
        return None
    said = dict(kept["vouched"])
    # JSON knows no tuples.
    lists = {name: None if said[name] is None else tuple(said[name]) for name in ("groups", "roles")}
    vouched = Vouched(**{**said, **lists, "protocol": Protocol(said["protocol"])})
    return Waiting(provider, vouched, kept["going_to"], kept.get("proved"))


def note_password(request: HttpRequest, person: User) -> None:
    """It was right; the code of the second factor is next."""
    request.session[_KEY] = {**request.session[_KEY], "proved": person.pk}


def note_wrong(request: HttpRequest) -> int:
    """How many tries are left."""
    kept = {**request.session[_KEY], "tries": request.session[_KEY]["tries"] + 1}
    if kept["tries"] >= TRIES:
        forget(request)
        return 0
    request.session[_KEY] = kept
    return int(TRIES - kept["tries"])


def forget(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)
