"""Entra's JSON, with the headers that go with it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from integrations.simulator.entra import errors
from integrations.simulator.entra.errors import Refused, Trace
from integrations.simulator.entra.tenants import as_guid

CONTENT_TYPE = "application/json; charset=utf-8"


def trace(request: HttpRequest) -> Trace:
    """The client's own request id comes back as the correlation id."""
    theirs = request.headers.get("client-request-id") or request.GET.get("client-request-id") or ""
    correlation = theirs if as_guid(theirs) else str(uuid4())
    return Trace(str(uuid4()), correlation, timezone.now())


def refusal(request: HttpRequest, refused: Refused) -> JsonResponse:
    of = trace(request)
    answer = _json(errors.body(refused, of), refused.kind.status)
    if refused.retry_after is not None:
        answer["Retry-After"] = str(refused.retry_after)
    return _with_headers(request, answer, of)


def success(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    return _with_headers(request, _json(body, 200), trace(request))


def preflight(request: HttpRequest) -> HttpResponse:
    """Scripts of single-page applications may ask; whether they get anything, the request itself decides."""
    answer = HttpResponse(status=200)
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    answer["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
    answer["Access-Control-Max-Age"] = "86400"
    return answer


def _json(body: dict[str, Any], status: int) -> JsonResponse:
    compact = {"separators": (",", ":")}
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, json_dumps_params=compact)


def _with_headers(request: HttpRequest, answer: JsonResponse, of: Trace) -> JsonResponse:
    if request.headers.get("Origin"):
        answer["Access-Control-Allow-Origin"] = "*"
        answer["Access-Control-Expose-Headers"] = "Content-Length,Content-Encoding"
    answer["Cache-Control"] = "no-store, no-cache"
    answer["Pragma"] = "no-cache"
    answer["x-ms-request-id"] = of.trace_id
    answer["client-request-id"] = of.correlation_id
    answer["x-ms-ests-server"] = "2.1.0 - simulated"
    return answer
