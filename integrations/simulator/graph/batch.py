"""`$batch`: up to twenty requests in one. Each goes through the same door as if it came alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.simulator.graph import errors
from integrations.simulator.graph.asking import Asking, Inner
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.replies import Reply, text_of
from integrations.simulator.graph.wire import CONTENT_TYPE

MOST = 20
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def answer(asking: Asking) -> Reply:
    """One after the other, as their order says: what a request depends on has been answered before it."""
    items = [_read(item) for item in _items(asking.body)]
    _check(items)
    replies: dict[str, Reply] = {}
    for item in items:
        failed = next((one for one in item.depends_on if replies[one].status >= 400), None)
        replies[item.id] = _dependent(asking, item, failed) if failed else asking.again(item)
    return Reply('{"responses":[' + ",".join(_written(name, reply) for name, reply in replies.items()) + "]}")


def _items(body: Mapping[str, Any]) -> Sequence[object]:
    items = body.get("requests")
    if not isinstance(items, list) or not items:
        raise _malformed("A batch is {“requests”: […]} with at least one request.")
    if len(items) > MOST:
        raise Refused(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MOST}.").because(
            f"The batch has {len(items)} requests."
        )
    return items


def _read(item: object) -> Inner:
    if not isinstance(item, dict):
        raise _malformed("Each request of a batch is an object.")
    name, method, url = item.get("id"), item.get("method"), item.get("url")
    headers, depends_on = item.get("headers") or {}, item.get("dependsOn") or []
    if not (isinstance(name, str) and name and isinstance(url, str) and url and isinstance(method, str)):
        raise _malformed("Each request of a batch has the texts id, method and url.")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise _malformed(f"The headers of request {name[:40]} are no object of texts.")
    if not isinstance(depends_on, list) or not all(isinstance(one, str) for one in depends_on):
        raise _malformed(f"“dependsOn” of request {name[:40]} is no list of ids.")
    if method.upper() not in METHODS:
        raise _malformed(f"Request {name[:40]} has no method that Graph knows.")
    return Inner(
        id=name,
        method=method.upper(),
        url=url,
        headers={key.lower(): value for key, value in headers.items()},
        body=item.get("body"),
        depends_on=tuple(depends_on),
    )


def _check(items: Sequence[Inner]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise Refused(400, "BadRequest", f"Request Id: {item.id[:40]} is duplicated in the batch.")
        unknown = next((one for one in item.depends_on if one not in seen), None)
        if unknown is not None:
            raise Refused(400, "BadRequest", f"Invalid dependency for request Id: {item.id[:40]}.").because(
                "A request may depend only on those that stand before it in the batch."
            )
        seen.add(item.id)


def _dependent(asking: Asking, item: Inner, failed: str) -> Reply:
    refused = Refused(424, "FailedDependency", f"Failed dependency: request {failed[:40]} has failed.")
    return Reply(
        errors.body(
            refused,
            request_id=asking.client_request_id,
            client_request_id=asking.client_request_id,
            now=asking.now,
        ),
        424,
    )


def _written(name: str, reply: Reply) -> str:
    """As JSON; the body of an answer is JSON already, or text in a string."""
    headers = dict(reply.headers)
    if reply.body is None:
        return _joined(name, reply.status, headers, "")
    headers.setdefault("Content-Type", CONTENT_TYPE)
    text = text_of(reply.body)
    return _joined(name, reply.status, headers, text if "json" in headers["Content-Type"] else json.dumps(text))


def _joined(name: str, status: int, headers: Mapping[str, str], body: str) -> str:
    head = json.dumps({"id": name, "status": status, "headers": headers}, ensure_ascii=False)
    return f'{head[:-1]},"body":{body}}}' if body else head


def _malformed(why: str) -> Refused:
    return Refused(400, "BadRequest", "Invalid batch payload format.").because(why)
