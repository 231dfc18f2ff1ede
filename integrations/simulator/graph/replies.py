"""What a route answers, before it is put on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    body: Mapping[str, Any] | list[Any] | str | None
    """A text is JSON already; None has no body at all."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Reply(None, 204)


def created(body: Mapping[str, Any] | str, *, location: str = "", etag: str = "") -> Reply:
    headers = {"Location": location, "ETag": etag}
    return Reply(body, 201, {name: value for name, value in headers.items() if value})


def text_of(body: Mapping[str, Any] | list[Any] | str) -> str:
    """As JSON; surrogates that stand alone (no UTF-8 has them) become question marks."""
    if isinstance(body, str):
        return body
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()
