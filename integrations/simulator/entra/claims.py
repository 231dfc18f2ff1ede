"""What the tokens say."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import jwt

from integrations.simulator import handed_out
from integrations.simulator.entra import keys, lies, memberships, resources
from integrations.simulator.entra.keys import SigningKey
from integrations.simulator.entra.lies import Lies
from integrations.simulator.entra.resources import GRAPH, Resource
from integrations.simulator.entra.scopes import OIDC
from integrations.simulator.models import Application, Person, Tenant

GRAPH_AUDIENCE = GRAPH.audience
# The claim by which this simulator can expire access tokens at once; real ones have opaque claims like it.
GENERATION = "xms_idrel"
# Directory roles, as `wids` names them: global administrator, any member, any guest.
ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"
GUEST = "10dae51f-b6af-4016-8d66-8c2a99b929b3"
APPLICATION = "0997a1d0-0d1d-4acb-b408-d5ca73121e90"
_random = random.SystemRandom()


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """On what an access token is issued."""

    application: Application
    acr: str
    """How the application proved who it is: `appidacr`."""
    resource: Resource = GRAPH
    capabilities: Sequence[str] = ()
    """What the client declared with `claims`: `cp1` when it can handle claims challenges."""
    sid: str = ""
    has_mfa: bool = False


def lifetime(*, handles_challenges: bool = False) -> int:
    """60 to 90 minutes at random, as documented for access tokens without a lifetime policy; 20 to 28 hours for
    clients that can be told meanwhile that a token is good no more."""
    if handles_challenges:
        return _random.randint(20 * 3600, 28 * 3600 - 1)
    return _random.randint(3600, 5399)


def access_token(person: Person, grounds: Grounds, *, scopes: Sequence[str], seconds: int, now: datetime) -> str:
    """For Graph: the v1 shape, opaque to clients."""
    claims = {
        **_common(grounds, person.tenant, seconds, now),
        "acct": 1 if person.is_guest else 0,
        "acr": "1",
        "amr": ["pwd", "mfa"] if grounds.has_mfa else ["pwd"],
        "family_name": person.surname,
        "given_name": person.given_name,
        "idtyp": "user",
        "name": person.name,
        "oid": str(person.oid),
        "scp": " ".join(resources.short(name) for name in scopes if name != "offline_access"),
        "sid": grounds.sid,
        "sub": pairwise(person, grounds.resource.audience),
        "unique_name": person.sign_in_name,
        "upn": person.upn,
        "wids": _directory_roles(person),
        "xms_st": {"sub": pairwise(person, str(grounds.application.client_id))},
        GENERATION: _provenance(person.generation, person.tenant, now),
    }
    if grounds.capabilities:
        claims["xms_cc"] = list(grounds.capabilities)
    return _signed(claims, with_x5t=True)


def app_token(tenant: Tenant, grounds: Grounds, *, oid: str, roles: Sequence[str], seconds: int, now: datetime) -> str:
    """Of the application itself: `oid` is its service principal; without roles there is no such claim."""
    claims = {
        **_common(grounds, tenant, seconds, now),
        "idp": f"https://sts.windows.net/{tenant.tid}/",
        "idtyp": "app",
        "oid": oid,
        "sub": oid,
        "wids": [APPLICATION],
        GENERATION: _provenance(0, tenant, now),
    }
    if roles:
        claims["roles"] = list(roles)
    return _signed(claims, with_x5t=True)


def _provenance(generation: int, tenant: Tenant, now: datetime) -> str:
    """For Graph's door: under which number, at which age of the tenant, and at which microsecond it was issued."""
    return f"{generation}.{tenant.aged_seconds}.{int(now.timestamp() * 1_000_000)}"


def id_token(
    person: Person,
    application: Application,
    *,
    scopes: Sequence[str],
    sid: str,
    nonce: str | None,
    issuer: str,
    now: datetime,
    code: str | None = None,
    access_token: str | None = None,
    auth_time: datetime | None = None,
) -> str:
    """The v2 shape. A nonce that was not sent is left out: a null one is an error to some clients.

    What travels beside it through a browser is bound to it: a code by `c_hash`, an access token by `at_hash`.
    """
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
    if person.is_guest:
        claims["idp"] = f"https://sts.windows.net/{_home(person)}/"
    if nonce:
        claims["nonce"] = nonce
    if code:
        claims["c_hash"] = _half(code)
    if access_token:
        claims["at_hash"] = _half(access_token)
    if auth_time:
        claims["auth_time"] = int(auth_time.timestamp())
    claims |= memberships.claims(person, application)
    return _as_ordered(claims, lies.of(application, person.tenant))


def client_info(person: Person) -> str:
    about = {"uid": str(person.oid), "utid": str(person.tenant.tid)}
    return _base64url(json.dumps(about, separators=(",", ":")).encode())


def granted(scopes: Sequence[str], oidc: Sequence[str]) -> str:
    """The `scope` of a token answer: never `offline_access`."""
    return " ".join([*scopes, *(name for name in OIDC if name in oidc and name != "offline_access")])


def _home(person: Person) -> UUID:
    """The tenant of a guest's own organization, which is not simulated."""
    return uuid5(NAMESPACE_DNS, person.address.rpartition("@")[2])


def pairwise(person: Person, audience: str) -> str:
    """The same person is a different `sub` to every application."""
    return _base64url(hashlib.sha256(f"{person.oid}|{audience}".encode()).digest())


def _common(grounds: Grounds, tenant: Tenant, seconds: int, now: datetime) -> dict[str, Any]:
    return {
        "aud": grounds.resource.audience,
        "iss": f"https://sts.windows.net/{tenant.tid}/",
        **_times(now, seconds),
        "aio": _opaque(),
        "app_displayname": grounds.application.name,
        "appid": str(grounds.application.client_id),
        "appidacr": grounds.acr,
        "rh": _opaque(),
        "tenant_region_scope": "EU",
        "tid": str(tenant.tid),
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
    }


def _as_ordered(claims: dict[str, Any], ordered: Lies) -> str:
    """The id_token, with what is ordered to be wrong with it."""
    told = ordered.on_claims(claims)
    if ordered.signature == lies.NONE:
        token = jwt.encode(told, "", algorithm="none")
    else:
        is_unknown = ordered.certificate == lies.UNPUBLISHED
        token = _signed(told, with_x5t=False, key=keys.unpublished() if is_unknown else None)
    if ordered.signature == lies.BROKEN:
        content, _, signature = token.rpartition(".")
        token = f"{content}.{signature[-2::-1]}{signature[-1]}"
    return lies.once_more(ordered, ("id_token", claims["tid"], claims["aud"]), token)


def _directory_roles(person: Person) -> list[str]:
    everybodys = GUEST if person.is_guest else MEMBER
    return [ADMINISTRATOR, everybodys] if person.is_admin else [everybodys]


def _signed(claims: dict[str, Any], *, with_x5t: bool, key: SigningKey | None = None) -> str:
    key = key or keys.current()
    headers = {"kid": key.kid, **({"x5t": key.kid} if with_x5t else {})}
    return handed_out.note(jwt.encode(claims, key.private, algorithm="RS256", headers=headers))


def _times(now: datetime, seconds: int) -> dict[str, int]:
    issued = int(now.timestamp())
    # Microsoft's clocks differ a little, so `nbf` and `iat` are the moment itself and `exp` counts from there.
    return {"iat": issued, "nbf": issued, "exp": issued + int(timedelta(seconds=seconds).total_seconds())}


def _half(value: str) -> str:
    """OpenID Connect Core §3.3.2.11: the left half of the SHA-256."""
    return _base64url(hashlib.sha256(value.encode()).digest()[:16])


def _opaque() -> str:
    return "AXQ" + secrets.token_urlsafe(48)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
