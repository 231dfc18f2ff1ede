"""What is inside a `SyncState`: sealed, so that nobody reads or makes one."""

from __future__ import annotations

import json
from typing import Any

from integrations.simulator.ews import refusals
from integrations.simulator.graph import delta_tokens


def seal(kind: str, content: dict[str, Any]) -> str:
    return delta_tokens.seal_text(json.dumps({"kind": kind, **content}, separators=(",", ":")))


def unseal(kind: str, text: str | None) -> dict[str, Any] | None:
    """None for the first round; refuses what is none of this kind."""
    if not text:
        return None
    kept = delta_tokens.unseal_text(text.replace("/", "_").replace("+", "-"))
    try:
        content = json.loads(kept) if kept is not None else None
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.pop("kind", None) != kind:
        raise refusals.bad_sync_state().because("The sync state was not issued by this simulator for this operation.")
    return content
