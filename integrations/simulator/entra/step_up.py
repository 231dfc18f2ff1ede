"""Does the `claims` parameter of an authorization request ask for a second factor? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.simulator.entra import wishes


def demands_mfa(claims: str) -> bool:
    """An authentication context, policies to meet, or `amr` `mfa` do.

    Other claims (client capabilities, say) ask nothing of the person. What is no JSON object is refused with 9000410.
    """
    return any(_is_step_up(of_token) for of_token in wishes.read(claims).values() if isinstance(of_token, dict))


def _is_step_up(of_token: Mapping[str, Any]) -> bool:
    amr = of_token.get("amr")
    methods = [amr.get("value"), *_list(amr.get("values"))] if isinstance(amr, dict) else []
    return "acrs" in of_token or "capolids" in of_token or "mfa" in methods


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
