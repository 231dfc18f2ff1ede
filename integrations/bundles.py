"""What support needs to know of one connection: a file without secrets."""

from __future__ import annotations

from typing import Any

from integrations.models import Connection


def bundle(connection: Connection) -> dict[str, Any]:
    return {"connection": {"id": connection.pk, "state": connection.state, "reason": connection.reason}}
