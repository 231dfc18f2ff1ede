"""What Microsoft publishes to check its id_tokens by: its keys, and the issuer's name (OpenID Connect Discovery).

Kept by the process for a day. A key id nobody knows is looked up anew, for Microsoft rolls its keys: once a minute for
each, and a few times a minute for all together, so that nobody can make us ask without end.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from django.conf import settings

from integrations.contracts import Unreachable
from integrations.failures import NO_ANSWER
from integrations.microsoft import http

KEEP = timedelta(days=1)
UNKNOWN_FOR = timedelta(minutes=1)
LOOK_UPS_A_MINUTE = 10
_TENANT = "{tenantid}"


class UnknownKey(Exception):
    """Nobody publishes a key under this id."""


@dataclass(frozen=True)
class Published:
    """One key, and the issuer that signs with it."""

    key: Any
    issuer: str

    def issuer_of(self, tenant_id: str) -> str:
        """Of an authority for many tenants the name has a place for the tenant's id; of one tenant it is fixed."""
        return self.issuer.replace(_TENANT, tenant_id)


@dataclass
class _Known:
    issuer: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    fetched: float = 0.0
    # By key id, when it was looked up in vain; and when anything was looked up, within the last minute.
    in_vain: dict[str, float] = field(default_factory=dict)
    look_ups: list[float] = field(default_factory=list)

    def clear(self) -> None:
        self.issuer, self.fetched = "", 0.0
        self.keys, self.in_vain, self.look_ups = {}, {}, []


_known = _Known()
_looking = threading.Lock()


def published_for(key_id: str) -> Published:
    """Raises UnknownKey, Unreachable."""
    with _looking:  # of many at once one asks, and the others find what it found
        now = time.monotonic()
        if not _known.keys or now - _known.fetched > KEEP.total_seconds():
            _fetch(now)
        if key_id not in _known.keys:
            _look_again(key_id, now)
        return Published(_known.keys[key_id], _known.issuer)


def forget() -> None:
    """As in a new process."""
    with _looking:
        _known.clear()


def _look_again(key_id: str, now: float) -> None:
    minute = UNKNOWN_FOR.total_seconds()
    _known.in_vain = {name: at for name, at in _known.in_vain.items() if now - at < minute}
    _known.look_ups = [at for at in _known.look_ups if now - at < minute]
    if key_id in _known.in_vain:
        raise UnknownKey
    if len(_known.look_ups) >= LOOK_UPS_A_MINUTE:
        raise Unreachable(NO_ANSWER)  # no judgement: it is looked up when the minute is over
    _known.look_ups.append(now)
    _fetch(now)
    if key_id not in _known.keys:
        _known.in_vain[key_id] = now
        raise UnknownKey


def _fetch(now: float) -> None:
    authority = f"{settings.MICROSOFT_AUTHORITY_HOST}/{settings.MICROSOFT_TENANT}"
    try:
        described = _get(f"{authority}/v2.0/.well-known/openid-configuration")
        issuer, keys_at = str(described["issuer"]), str(described["jwks_uri"])
        _check_host(issuer)
        _check_host(keys_at)
        found = [key for key in _get(keys_at)["keys"] if key["kty"] == "RSA"]
        keys = {str(key["kid"]): jwt.PyJWK(key, algorithm="RS256").key for key in found}
    except (requests.RequestException, ValueError, RecursionError, LookupError, TypeError, jwt.PyJWTError) as problem:
        raise Unreachable(NO_ANSWER) from problem
    if not keys:
        raise Unreachable(NO_ANSWER)
    _known.issuer, _known.keys, _known.fetched = issuer, keys, now


def _get(url: str) -> Any:
    response = http.session().get(url)
    response.raise_for_status()
    return json.loads(response.text)


def _check_host(url: str) -> None:
    """Nobody else speaks for the authority. Raises ValueError."""
    own, other = urlsplit(settings.MICROSOFT_AUTHORITY_HOST), urlsplit(url)
    if (own.scheme, own.netloc) != (other.scheme, other.netloc):
        raise ValueError("another host")
