"""Whose access token this is, if it is still good."""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from uuid import UUID

import jwt

from integrations.simulator.entra import keys
from integrations.simulator.entra.claims import GENERATION, GRAPH_AUDIENCE
from integrations.simulator.entra.hashes import digest
from integrations.simulator.entra.resources import EXCHANGE
from integrations.simulator.graph import errors
from integrations.simulator.graph.asking import Caller
from integrations.simulator.graph.errors import Refused
from integrations.simulator.models import Person, ServicePrincipal, Tenant
from integrations.simulator.models.applications import GRAPH_APP_ID
from integrations.simulator.prepared import Prepared

AUDIENCES = (GRAPH_AUDIENCE, f"{GRAPH_AUDIENCE}/", GRAPH_APP_ID)
# Every resource that tokens are issued for.
_ANY = (*AUDIENCES, EXCHANGE.audience)
# Checking a signature costs more than the rest of the way in; a token that was checked once stays checked.
REMEMBERED = 1024


@dataclass(frozen=True)
class Token:
    """What was signed, and cannot change."""

    audience: str
    expires: int
    oid: UUID
    tid: UUID
    client_id: UUID
    is_app_only: bool
    granted: frozenset[str]
    generation: int
    aged: int
    """By how many seconds the tenant had been aged when it was issued."""
    issued: float
    """To the microsecond, in seconds."""
    handles_challenges: bool
    """The client declared `cp1`: it can be told before the end that the token is good no more."""


def read(authorization: str, *, audiences: Collection[str] = AUDIENCES, now: datetime) -> Caller:
    """Who calls; refuses with 401 as Graph does. `audiences`: by which names the resource is called."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise errors.no_token().because("There is no “Authorization: Bearer …” header.")
    token = _verified(text.strip())
    if token.audience not in audiences:
        raise errors.wrong_audience().because("The token was issued for another resource than this one.")
    caller, tenant = (_application if token.is_app_only else _person)(token)
    _check_age(token, tenant, now)
    return caller


def forget() -> None:
    with _lock:
        _known.clear()


def _person(token: Token) -> tuple[Caller, Tenant]:
    person = _BY_OID.first(token.oid)
    if person is None or person.tenant.tid != token.tid:
        raise errors.bad_token().because("Nobody with this object id is in the tenant any more.")
    if token.generation != person.generation:
        raise errors.expired().because(f"{person.name}’s access tokens were expired on order.")
    if token.handles_challenges:
        _challenge(token, person)
    return Caller(token.client_id, person.tenant, person, token.granted), person.tenant


def _challenge(token: Token, person: Person) -> None:
    """Continuous access evaluation: what ends a session ends such tokens, too."""
    if not person.is_enabled or person.deleted_at:
        raise _challenged("UserAccountDisabled", since=person.valid_from).because(
            f"{person.name}’s account is disabled or deleted, and the client can handle claims challenges."
        )
    # Ageing moves what is stored.
    if person.valid_from.timestamp() > token.issued - _aged_by(token, person.tenant):
        raise _challenged("TokenIssuedBeforeRevocationTimestamp", since=person.valid_from).because(
            f"{person.name}’s sessions were revoked since, and the client can handle claims challenges."
        )


def _challenged(code: str, *, since: datetime) -> Refused:
    """A claims challenge: the client is to get a token that is newer than `since`."""
    claims = {"access_token": {"nbf": {"essential": True, "value": str(int(since.timestamp()))}}}
    encoded = base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
    return Refused(
        401,
        "InvalidAuthenticationToken",
        f"Continuous access evaluation resulted in challenge with result: InteractionRequired and code: {code}",
        headers={"WWW-Authenticate": f'error="insufficient_claims", claims="{encoded}"'},
    )


def _application(token: Token) -> tuple[Caller, Tenant]:
    tenant = _BY_TID.first(token.tid)
    if tenant is None:
        raise errors.bad_token().because("The token’s tenant is no more.")
    principal = _PRINCIPAL.first(tenant.pk, token.client_id)
    if principal and principal.created_at.timestamp() > token.issued - _aged_by(token, tenant):
        raise errors.expired().because(f"{tenant.name} was put back since the token was issued, and it with it.")
    return Caller(token.client_id, tenant, None, token.granted), tenant


def _check_age(token: Token, tenant: Tenant, now: datetime) -> None:
    older = _aged_by(token, tenant)
    ends = token.expires - older
    if ends <= now.timestamp():
        when = f"{datetime.fromtimestamp(token.expires, UTC):%H:%M:%S}"
        aged = f", and {tenant.name} has been aged since it was issued" if older else ""
        raise errors.expired().because(f"The access token was good until {when} UTC{aged}.")


def _aged_by(token: Token, tenant: Tenant) -> int:
    return max(0, tenant.aged_seconds - token.aged)


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
        key = keys.find(str(jwt.get_unverified_header(text).get("kid")))
        if key is None:
            raise errors.bad_token().because("This simulator has no key of the name that the token gives.")
        return jwt.decode(text, key.public, algorithms=["RS256"], audience=_ANY)
    except jwt.ExpiredSignatureError:
        raise errors.expired().because("The access token’s “exp” is past.") from None
    except jwt.InvalidAudienceError:
        raise errors.wrong_audience().because("The token was issued for a resource that is not here.") from None
    except jwt.InvalidTokenError:
        raise errors.bad_token().because("This simulator did not sign the token.") from None


def _token(claims: dict[str, Any]) -> Token:
    is_app_only = claims.get("idtyp") == "app"
    granted = claims.get("roles", []) if is_app_only else str(claims.get("scp", "")).split()
    try:
        generation, aged, issued = map(int, str(claims[GENERATION]).split("."))
        return Token(
            audience=str(claims["aud"]),
            expires=int(claims["exp"]),
            oid=UUID(str(claims["oid"])),
            tid=UUID(str(claims["tid"])),
            client_id=UUID(str(claims["appid"])),
            is_app_only=is_app_only,
            granted=frozenset(granted),
            generation=generation,
            aged=aged,
            issued=issued / 1_000_000,
            handles_challenges="cp1" in [str(one).lower() for one in claims.get("xms_cc") or ()],
        )
    except (KeyError, ValueError):
        raise errors.bad_token().because("The token lacks claims that every access token has.") from None


_known: OrderedDict[str, Token] = OrderedDict()
_lock = Lock()
_BY_TID = Prepared(lambda tid: Tenant.objects.filter(tid=tid), UUID)
_BY_OID = Prepared(lambda oid: Person.objects.select_related("tenant").filter(oid=oid), UUID)
_PRINCIPAL = Prepared(
    lambda tenant, client_id: ServicePrincipal.objects.filter(tenant=tenant, application__client_id=client_id),
    int,
    UUID,
)
