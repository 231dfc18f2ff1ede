"""What a client wishes of its tokens: the `claims` parameter of a request."""

from __future__ import annotations

import json
from collections.abc import Sequence

from integrations.simulator.entra.errors import Refused

# The one capability there is: the client can answer a claims challenge.
KNOWN = ("cp1",)


def read(claims: str) -> dict[str, object]:
    """By token. What is no JSON object is refused with 9000410."""
    if not claims:
        return {}
    try:
        wanted = json.loads(claims)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise Refused(9000410)
    return wanted


def capabilities(claims: str) -> Sequence[str]:
    """`{"access_token":{"xms_cc":{"values":["CP1"]}}}` → ("cp1",). Refuses as `read`."""
    values = _inside(_inside(read(claims), "access_token"), "xms_cc").get("values")
    declared = {str(value).lower() for value in values} if isinstance(values, list) else set()
    return tuple(name for name in KNOWN if name in declared)


def names(claims: str, claim: str) -> bool:
    """Of the id_token: whether this claim is asked for. Refuses as `read`."""
    return claim in _inside(read(claims), "id_token")


def _inside(outer: dict[str, object], name: str) -> dict[str, object]:
    inner = outer.get(name)
    return inner if isinstance(inner, dict) else {}
