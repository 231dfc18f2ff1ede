"""Microsoft’s AADSTS numbers, by the reason they give: pure. One that is not listed gives none.

They choose the words, never the outcome: which of them fit what `error` says is decided in `failures`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# By the value of a `Reason`.
NUMBERS: dict[str, tuple[int, ...]] = {
    "sessions_revoked": (50173, 50132, 50133),
    "inactive": (700082,),
    "grant_expired": (70008, 700084),
    "grant_unknown": (70000,),
    "sign_in_too_old": (70043,),
    "consent_withdrawn": (65001,),
    "declined": (65004,),
    "admin_approval": (90093, 90094, 90095, 900941),
    "password_expired": (50055,),
    "account_disabled": (50057,),
    "account_gone": (50034, 50020, 51004, 16000),
    "account_locked": (50053,),
    "mfa_needed": (50076, 50079, 50072, 50074),
    "conditional_access": (53003, 530032, 53000, 53001),
    "not_assigned": (50105,),
    "code_spent": (54005,),
    "code_refused": (700005, 501481, 50147, 501491),
    "app_removed": (700016, 7000112, 7000229),
    "service_absent": (500011, 500014),
    "tenant_gone": (90002,),
    "tenant_blocked": (5000224,),
    "credential_expired": (7000222,),
    "credential_wrong": (7000215, 7000216, 7000218, 700027, 700025, 700038),
    "request_rejected": (50011, 900971),
}
_NUMBER = re.compile(r"\s*AADSTS([0-9]{1,9}):")


def first_number(body: Mapping[str, Any]) -> int:
    """Of an answer of /token; 0 where it has none."""
    codes = body.get("error_codes")
    if isinstance(codes, list) and codes and type(codes[0]) is int and codes[0] > 0:
        return codes[0]
    description = body.get("error_description")
    return number_in(description) if isinstance(description, str) else 0


def number_in(description: str) -> int:
    """That with which it begins; 0 where it does not."""
    found = _NUMBER.match(description)
    return int(found[1]) if found else 0
