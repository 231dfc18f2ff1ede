"""What the tokens say."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt

from integrations.simulator.entra import keys
from integrations.simulator.entra.scopes import OIDC
from integrations.simulator.models import Application, Person

GRAPH_AUDIENCE = "https://graph.microsoft.com"
# The claim by which this simulator can expire access tokens at once; real ones have opaque claims like it.
GENERATION = "xms_idrel"
_random = random.SystemRandom()


def lifetime() -> int:
    """60 to 90 minutes at random, as documented for access tokens without a lifetime policy."""
    return _random.randint(3600, 5399)


def access_token(
    person: Person, application: Application, *, scopes: Sequence[str], sid: str, seconds: int, now: datetime
) -> str:
    """For Graph: the v1 shape, opaque to clients."""
    tid = str(person.tenant.tid)
    claims: dict[str, Any] = {
        "aud": GRAPH_AUDIENCE,
        "iss": f"https://sts.windows.net/{tid}/",
        **_times(now, seconds),
        "acct": 1 if person.is_guest else 0,
        "acr": "1",
        "aio": _opaque(),
        "amr": ["pwd"],
        "app_displayname": application.name,
        "appid": str(application.client_id),
        "appidacr": "1",
        "family_name": person.surname,
        "given_name": person.given_name,
        "idtyp": "user",
        "name": person.name,
        "oid": str(person.oid),
        "rh": _opaque(),
        "scp": " ".join(name for name in scopes if name != "offline_access"),
        "sid": sid,
        "sub": pairwise(person, GRAPH_AUDIENCE),
        "tid": tid,
        "unique_name": person.sign_in_name,
        "upn": person.upn,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
        "wids": ["62e90394-69f5-4237-9190-012177145e10"] if person.is_admin else [],
        GENERATION: str(person.generation),
    }
    return _signed(claims, with_x5t=True)


def app_token(application: Application, *, tid: str, oid: str, seconds: int, now: datetime) -> str:
    """For Graph, of the application itself: `oid` is its service principal; without roles there is no such claim."""
    claims: dict[str, Any] = {
        "aud": GRAPH_AUDIENCE,
        "iss": f"https://sts.windows.net/{tid}/",
        **_times(now, seconds),
        "aio": _opaque(),
        "app_displayname": application.name,
        "appid": str(application.client_id),
        "appidacr": "1",
        "idtyp": "app",
        "oid": oid,
        "rh": _opaque(),
        "sub": oid,
        "tid": tid,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
    }
    return _signed(claims, with_x5t=True)


def id_token(
    person: Person,
    application: Application,
    *,
    scopes: Sequence[str],
    sid: str,
    nonce: str | None,
    issuer: str,
    now: datetime,
) -> str:
    """The v2 shape. A nonce that was not sent is left out: a null one is an error to some clients."""
    claims: dict[str, Any] = {
        "aud": str(application.client_id),
        "iss": issuer,
        **_times(now, 3600),
        "aio": _opaque(),
        "oid": str(person.oid),
        "rh": _opaque(),
        "sid": sid,
        "sub": pairwise(person, str(application.client_id)),
        "tid": str(person.tenant.tid),
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
    }
    if "profile" in scopes:
        claims |= {"name": person.name, "preferred_username": person.sign_in_name}
    if "email" in scopes and person.mail:
        claims["email"] = person.mail
    if nonce:
        claims["nonce"] = nonce
    return _signed(claims, with_x5t=False)


def client_info(person: Person) -> str:
    about = {"uid": str(person.oid), "utid": str(person.tenant.tid)}
    return _base64url(json.dumps(about, separators=(",", ":")).encode())


def granted(graph: Sequence[str], oidc: Sequence[str]) -> str:
    """The `scope` of a token answer: never `offline_access`."""
    return " ".join([*graph, *(name for name in OIDC if name in oidc and name != "offline_access")])


def _signed(claims: dict[str, Any], *, with_x5t: bool) -> str:
    key = keys.current()
    headers = {"kid": key.kid, **({"x5t": key.kid} if with_x5t else {})}
    return jwt.encode(claims, key.private, algorithm="RS256", headers=headers)


def _times(now: datetime, seconds: int) -> dict[str, int]:
    issued = int(now.timestamp())
    # Microsoft's clocks differ a little, so `nbf` and `iat` are the moment itself and `exp` counts from there.
    return {"iat": issued, "nbf": issued, "exp": issued + int(timedelta(seconds=seconds).total_seconds())}


def pairwise(person: Person, audience: str) -> str:
    """The same person is a different `sub` to every application."""
    return _base64url(hashlib.sha256(f"{person.oid}|{audience}".encode()).digest())


def _opaque() -> str:
    return "AXQ" + secrets.token_urlsafe(48)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
