"""Whose access token this is, if it is still good."""

from __future__ import annotations

from typing import Any

import jwt
from django.http import HttpRequest

from integrations.simulator.entra import keys
from integrations.simulator.entra.claims import GENERATION, GRAPH_AUDIENCE
from integrations.simulator.entra.tenants import as_guid
from integrations.simulator.graph import errors
from integrations.simulator.models import Person


def read(request: HttpRequest) -> tuple[Person, frozenset[str]]:
    """The person and the scopes of the token; refuses with 401 as Graph does."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise errors.no_token()
    claims = _claims(token.strip())
    if claims.get("idtyp") == "app":
        raise errors.only_delegated()
    oid = as_guid(str(claims.get("oid")))
    person = Person.objects.select_related("tenant").filter(oid=oid).first() if oid else None
    if person is None:
        raise errors.bad_token()
    if claims.get(GENERATION) != str(person.generation):
        raise errors.expired()
    return person, frozenset(str(claims.get("scp", "")).split())


def _claims(token: str) -> dict[str, Any]:
    if token.count(".") != 2:
        raise errors.malformed_token()
    try:
        return jwt.decode(token, keys.current().public, algorithms=["RS256"], audience=GRAPH_AUDIENCE)
    except jwt.ExpiredSignatureError:
        raise errors.expired() from None
    except jwt.InvalidAudienceError:
        raise errors.wrong_audience() from None
    except jwt.InvalidTokenError:
        raise errors.bad_token() from None
