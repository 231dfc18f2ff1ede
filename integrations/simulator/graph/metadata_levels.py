"""How much an answer says about itself: all but links and counts goes where `odata.metadata=none` was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integrations.simulator.graph.replies import Reply, text_of

CONTENT_TYPE = "application/json;odata.metadata={level};odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
# A client cannot go on without these, whatever it asked for.
_KEPT = ("nextLink", "deltaLink", "count")
_LEVEL = re.compile(r"\bmetadata\s*=\s*(\w+)", re.IGNORECASE)


def is_unwanted(accept: str, options: Mapping[str, str]) -> bool:
    """`$format` wins over the header, as everywhere in OData."""
    found = _LEVEL.search(options.get("$format") or accept)
    return found is not None and found[1].lower() == "none"


def without(reply: Reply) -> Reply:
    if reply.body is None:
        return reply
    body = _stripped(json.loads(text_of(reply.body)))
    return replace(reply, body=body, headers={**reply.headers, "Content-Type": CONTENT_TYPE.format(level="none")})


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(one) for one in value]
    if isinstance(value, dict):
        return {name: _stripped(one) for name, one in value.items() if _stays(name)}
    return value


def _stays(name: str) -> bool:
    _, mark, annotation = name.partition("@odata.")
    return not mark or annotation in _KEPT
