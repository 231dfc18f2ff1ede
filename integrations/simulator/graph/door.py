"""Every request to Graph comes in here: token, faults, route, permission, mailbox, and only then the answer."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator import place
from integrations.simulator.control import faults, tally
from integrations.simulator.entra import claims
from integrations.simulator.graph import asking, bearer, errors, permissions
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.errors import Refused
from integrations.simulator.models import Fault, Person

CONTENT_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


@csrf_exempt
def graph(request: HttpRequest, version: str, path: str | None = None) -> HttpResponse:
    route = "unknown"
    try:
        person, scopes = bearer.read(request)
        _meet_faults(person)
        found = _routes(version, path or "")
        route = found.routes[0].path
        asked = Asking(
            person=person,
            scopes=scopes,
            base=f"{place.here().machine_origin(request.get_host())}/{version}",
            path=(path or "").strip("/"),
            options=asking.options_of(request),
            prefer=asking.preferences_of(request),
        )
        response = _json(request, _answer(request, found, asked), 200)
        if asked.prefer.applied:
            response["Preference-Applied"] = ", ".join(asked.prefer.applied)
    except Refused as refused:
        response = _refusal(request, refused)
    tally.count_graph(route, response.status_code)
    return response


@csrf_exempt
def userinfo(request: HttpRequest) -> HttpResponse:
    try:
        person, scopes = bearer.read(request)
        if "openid" not in scopes:
            raise errors.directory_denied()
    except Refused as refused:
        return _refusal(request, refused)
    about = {
        "sub": claims.pairwise(person, claims.GRAPH_AUDIENCE),
        "name": person.name,
        "family_name": person.surname,
        "given_name": person.given_name,
        "picture": f"{place.here().machine_origin(request.get_host())}/v1.0/me/photo/$value",
    }
    if "email" in scopes and person.mail:
        about["email"] = person.mail
    return _json(request, about, 200)


class _InTrouble(Refused):
    def __init__(self, trouble: faults.Trouble) -> None:
        like = errors.throttled() if trouble.status == 429 else errors.unavailable()
        super().__init__(like.status, like.code, like.message)
        self.retry_after = trouble.retry_after


def _meet_faults(person: Person) -> None:
    trouble = faults.meet(Fault.Target.GRAPH, lambda: person.tenant_id, now=timezone.now())
    if trouble:
        raise _InTrouble(trouble)


def _routes(version: str, path: str) -> permissions.Found:
    if version != "v1.0":
        raise errors.no_such_version(version)
    found = permissions.find(path)
    if not found.routes:
        raise errors.no_such_segment(found.unknown_segment)
    return found


def _answer(request: HttpRequest, found: permissions.Found, asked: Asking) -> dict[str, Any]:
    route = next((route for route in found.routes if route.method == request.method), None)
    if route is None:
        raise errors.wrong_method()
    if not permissions.allows(route, asked):
        raise errors.outlook_denied() if route.is_outlook else errors.directory_denied()
    if route.is_outlook and not asked.person.has_mailbox:
        raise errors.no_mailbox()
    return route.answer(asked, *found.ids)


def _refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    request_id = str(uuid4())
    theirs = request.headers.get("client-request-id", "") or request_id
    body = errors.body(refused, request_id=request_id, client_request_id=theirs, now=timezone.now())
    response = _json(request, body, refused.status, request_id=request_id)
    if refused.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="", authorization_uri="' + _authorization_uri(request) + '"'
    if isinstance(refused, _InTrouble):
        response["Retry-After"] = str(refused.retry_after)
    return response


def _json(request: HttpRequest, body: dict[str, Any], status: int, *, request_id: str = "") -> HttpResponse:
    request_id = request_id or str(uuid4())
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    response = HttpResponse(content, status=status, content_type=CONTENT_TYPE)
    response["OData-Version"] = "4.0"
    response["Cache-Control"] = "no-store, no-cache"
    response["Date"] = http_date(timezone.now().timestamp())
    response["request-id"] = request_id
    # What a client sent comes back as it was, but never with a line break in it.
    theirs = request.headers.get("client-request-id", "")
    response["client-request-id"] = theirs if theirs.isprintable() and theirs else request_id
    response["x-ms-ags-diagnostic"] = '{"ServerInfo":{"DataCenter":"Simulated","Ring":"0"}}'
    return response


def _authorization_uri(request: HttpRequest) -> str:
    return f"{place.here().human_origin(request.get_host())}/common/oauth2/authorize"
