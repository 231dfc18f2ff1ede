"""What is written together whenever a connection becomes well, is let go, or gives its lease back."""

from __future__ import annotations

from typing import Any

from integrations.models import Trouble

NO_TOKENS: dict[str, Any] = {
    "refresh_token": "",
    "access_token": "",
    "access_expires_at": None,
    "refresh_due_at": None,
    "kept_until": None,
    "password": "",
}
RELEASED: dict[str, Any] = {"lease_until": None, "lease_holder": None}
CALM: dict[str, Any] = {"code": "", "trace_id": "", "trouble": Trouble.NONE, "refused_since": None, "attempts": 0}
WELL: dict[str, Any] = {"reason": "", **CALM}
GONE: dict[str, Any] = {"granted": [], "claims": "", "user_name": "", **CALM, **NO_TOKENS}
