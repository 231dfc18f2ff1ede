"""Whose access token this is, if it is still good."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from uuid import UUID

import jwt

from integrations.simulator.entra import keys
from integrations.simulator.entra.claims import GENERATION, GRAPH_AUDIENCE
from integrations.simulator.entra.hashes import digest
from integrations.simulator.graph import errors
from integrations.simulator.graph.asking import Caller
from integrations.simulator.models import Person, Tenant
from integrations.simulator.models.applications import GRAPH_APP_ID

AUDIENCES = (GRAPH_AUDIENCE, f"{GRAPH_AUDIENCE}/", GRAPH_APP_ID)
# Checking a signature costs more than the rest of the way in; a token that was checked once stays checked.
REMEMBERED = 4096


@dataclass(frozen=True)
class Token:
    """What was signed, and cannot change."""

    expires: int
    oid: UUID
    tid: UUID
    client_id: UUID
    is_app_only: bool
    granted: frozenset[str]
    generation: int
    aged: int
    """By how many seconds the tenant had been aged when it was issued."""


def read(authorization: str, *, now: datetime) -> Caller:
    """Who calls; refuses with 401 as Graph does."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise errors.no_token().because("There is no “Authorization: Bearer …” header.")
    token = _verified(text.strip())
    caller, tenant = (_application if token.is_app_only else _person)(token)
    _check_age(token, tenant, now)
    return caller


def forget() -> None:
    with _lock:
        _known.clear()


def _person(token: Token) -> tuple[Caller, Tenant]:
    person = Person.objects.select_related("tenant").filter(oid=token.oid).first()
    if person is None or person.tenant.tid != token.tid:
        raise errors.bad_token().because("Nobody with this object id is in the tenant any more.")
    if token.generation != person.generation:
        raise errors.expired().because(f"{person.name}’s access tokens were expired on order.")
    return Caller(token.client_id, person.tenant, person, token.granted), person.tenant


def _application(token: Token) -> tuple[Caller, Tenant]:
    tenant = Tenant.objects.filter(tid=token.tid).first()
    if tenant is None:
        raise errors.bad_token().because("The token’s tenant is no more.")
    return Caller(token.client_id, tenant, None, token.granted), tenant


def _check_age(token: Token, tenant: Tenant, now: datetime) -> None:
    older = max(0, tenant.aged_seconds - token.aged)
    ends = token.expires - older
    if ends <= now.timestamp():
        when = f"{datetime.fromtimestamp(token.expires, UTC):%H:%M:%S}"
        aged = f", and {tenant.name} has been aged since it was issued" if older else ""
        raise errors.expired().because(f"The access token was good until {when} UTC{aged}.")


def _verified(text: str) -> Token:
    key = digest(text)
    with _lock:
        token = _known.get(key)
        if token is not None:
            _known.move_to_end(key)
            return token
    token = _token(_claims(text))
    with _lock:
        _known[key] = token
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)
    return token


def _claims(text: str) -> dict[str, Any]:
    if text.count(".") != 2:
        raise errors.malformed_token().because("What came as access token is no JWT.")
    try:
        return jwt.decode(text, keys.current().public, algorithms=["RS256"], audience=AUDIENCES)
    except jwt.ExpiredSignatureError:
        raise errors.expired().because("The access token’s “exp” is past.") from None
    except jwt.InvalidAudienceError:
        raise errors.wrong_audience().because("The token was issued for another resource than Graph.") from None
    except jwt.InvalidTokenError:
        raise errors.bad_token().because("This simulator did not sign the token.") from None


def _token(claims: dict[str, Any]) -> Token:
    is_app_only = claims.get("idtyp") == "app"
    granted = claims.get("roles", []) if is_app_only else str(claims.get("scp", "")).split()
    generation, _, aged = str(claims.get(GENERATION, "")).partition(".")
    try:
        return Token(
            expires=int(claims["exp"]),
            oid=UUID(str(claims["oid"])),
            tid=UUID(str(claims["tid"])),
            client_id=UUID(str(claims["appid"])),
            is_app_only=is_app_only,
            granted=frozenset(granted),
            generation=int(generation or 0),
            aged=int(aged or 0),
        )
    except (KeyError, ValueError):
        raise errors.bad_token().because("The token lacks claims that every access token has.") from None


_known: OrderedDict[str, Token] = OrderedDict()
_lock = Lock()
