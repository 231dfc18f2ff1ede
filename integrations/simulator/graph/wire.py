"""Between HTTP and the routes: reading a request, its JSON, and writing an answer with Graph's headers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import quote, unquote
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date

from integrations.simulator import place
from integrations.simulator.graph import errors, metadata_levels
from integrations.simulator.graph.asking import Inner
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.replies import Reply, text_of

CONTENT_TYPE = metadata_levels.CONTENT_TYPE.format(level="minimal")
DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"SIMULATED0000"}}'
)
# Pages in browsers may call Graph from anywhere: what protects it is the token, and no cookie.
PREFLIGHT = Reply(
    None,
    200,
    {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "7200",
    },
)
_EXPOSED = (
    "ETag, Location, Preference-Applied, Retry-After, request-id, client-request-id, WWW-Authenticate, "
    "x-ms-ags-diagnostic, x-ms-resource-unit"
)
LARGEST_BODY = 4 * 1024 * 1024
# How many times as much is read and thrown away before the connection is broken.
_PATIENCE = 8
_HEADERS = {
    "accept": "HTTP_ACCEPT",
    "prefer": "HTTP_PREFER",
    "if-match": "HTTP_IF_MATCH",
    "consistencylevel": "HTTP_CONSISTENCYLEVEL",
    "content-type": "CONTENT_TYPE",
}


@dataclass(frozen=True)
class Call:
    """One request to Graph, on its own or in a batch."""

    request: HttpRequest
    method: str
    version: str
    path: str
    query: str
    headers: Mapping[str, str]
    """By names in lower case."""
    base: str
    request_id: str
    client_request_id: str
    now: datetime
    batched: object = None
    """The body of a request in a batch, read already."""
    is_batched: bool = False

    @property
    def quoted_path(self) -> str:
        return quote(self.path.strip("/"), safe="/()',$@=!*:;~")


def read(request: HttpRequest, version: str, path: str, *, now: datetime) -> Call:
    request_id = str(uuid4())
    theirs = request.META.get("HTTP_CLIENT_REQUEST_ID", "")
    return Call(
        request=request,
        method=request.method or "",
        version=version,
        path=path,
        query=request.META.get("QUERY_STRING", ""),
        headers={name: request.META[key] for name, key in _HEADERS.items() if key in request.META},
        base=f"{place.here().machine_origin(request.get_host())}/{version}",
        request_id=request_id,
        # What a client sent comes back as it was, but never with a line break in it.
        client_request_id=theirs if theirs and theirs.isprintable() and theirs.isascii() else request_id,
        now=now,
    )


def within(call: Call, inner: Inner) -> Call:
    """One request of a batch: its address is relative to the version, its headers are its own."""
    path, _, query = inner.url.partition("?")
    return replace(
        call,
        method=inner.method,
        path=unquote(path),
        query=query,
        headers=inner.headers,
        request_id=str(uuid4()),
        batched=inner.body,
        is_batched=True,
    )


def payload(call: Call, *, is_needed: bool) -> Mapping[str, Any]:
    """The JSON object that was sent; empty where none was and none is needed."""
    if call.is_batched:
        body = call.batched
        if body is not None and "json" not in call.headers.get("content-type", "").lower():
            raise errors.not_json()
    else:
        text = _text(call.request)
        if not text.strip():
            body = None
        elif "json" not in call.headers.get("content-type", "").lower():
            raise errors.not_json()
        else:
            body = _parsed(text)
    if body is None:
        if is_needed:
            raise errors.empty_payload()
        return {}
    if not isinstance(body, dict):
        raise errors.unreadable_payload().because("The body is JSON, but no object.")
    return body


def refusal(call: Call, refused: Refused) -> Reply:
    body = errors.body(refused, request_id=call.request_id, client_request_id=call.client_request_id, now=call.now)
    headers = dict(refused.headers)
    if refused.status == 401:
        where = f"{place.here().human_origin(call.request.get_host())}/common/oauth2/authorize"
        parts = [f'Bearer realm="", authorization_uri="{where}"', headers.get("WWW-Authenticate", "")]
        headers["WWW-Authenticate"] = ", ".join(part for part in parts if part)
    return Reply(body, refused.status, headers)


def write(call: Call, reply: Reply) -> HttpResponse:
    content = b"" if reply.body is None else text_of(reply.body).encode()
    response = HttpResponse(content, status=reply.status, content_type=CONTENT_TYPE)
    if reply.body is None:
        del response["Content-Type"]
    response["OData-Version"] = "4.0"
    response["Cache-Control"] = "no-store, no-cache"
    response["Date"] = http_date(call.now.timestamp())
    response["request-id"] = call.request_id
    response["client-request-id"] = call.client_request_id
    response["x-ms-ags-diagnostic"] = DIAGNOSTIC
    for name, value in reply.headers.items():
        response[name] = value
    if "HTTP_ORIGIN" in call.request.META:
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = _EXPOSED
    return response


def _text(request: HttpRequest) -> bytes:
    """Also of a body that comes in chunks, whose length nobody said."""
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    stream = request.META["wsgi.input"] if is_chunked else request
    text: bytes = stream.read(LARGEST_BODY + 1)
    if len(text) <= LARGEST_BODY:
        return text
    # A client that is still sending would not see the refusal: the connection would break under it.
    for _ in range(_PATIENCE):
        if not stream.read(LARGEST_BODY):
            break
    raise errors.payload_too_large()


def _parsed(text: bytes) -> object:
    """Strict: no NaN, no bytes that are not UTF-8, no half characters, nothing nested without end."""
    try:
        body: object = json.loads(text.decode("utf-8-sig"), parse_constant=_no_number)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise errors.unreadable_payload().because("The body is no valid JSON.") from None
    return body


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
