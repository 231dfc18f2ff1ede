"""The control API, described from the declarations of its actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integrations.simulator.control.acts import index
from integrations.simulator.control.acts.declaring import Action, Parameter

PLACES = {
    "service": "",
    "tenants": "tenants/{domain or id}/",
    "people": "people/{sign-in name or object id}/",
    "events": "people/{sign-in name or object id}/events/{event id}/",
    "applications": "applications/{client id}/",
    "principals": "applications/{client id}/tenants/{domain or id}/",
    "subscriptions": "subscriptions/{id}/",
    "recipes": "recipes/",
}
FAULT = {
    "target": "token, graph, ews, sign_in or dns (the name server)",
    "seconds": "how long, at most 86400 (default 300)",
    "tenant": "a domain or id; left out: any",
    "person": "a sign-in name; left out: anybody",
    "application": "a client id; left out: any",
    "method": "GET, POST, PATCH, PUT or DELETE; left out: any",
    "path": "a shell pattern for the path after the version, such as me/calendarView*; at the token endpoint: for the "
    "grant type; of Exchange Web Services: for the operation, such as GetItem; at the name server: for the name that "
    "is asked for, such as *.kestrel.example; left out: any",
    "percent": "of a hundred requests that fit, how many it hits (default 100)",
    "count": "how many requests it hits in all; left out: no limit",
    "steps": "what happens, one step per hit and then from the start again; each step has any of the following",
    "status": "the HTTP status of the answer",
    "code": "the error code (Graph), the response code (Exchange Web Services), the OAuth error (token endpoint), or "
    "SERVFAIL, REFUSED, NXDOMAIN (name server)",
    "message": "the error message",
    "aadsts": "an AADSTS code (token endpoint and sign-in pages)",
    "retry_after": "seconds; left out: 429 and 503 say when the fault is over",
    "retry_after_as": "seconds, date or none",
    "latency_ms": "how late the answer comes, at most 60000",
    "reset": "true: the TCP connection is reset, without an answer; the name server stays silent",
}


def everything() -> dict[str, Any]:
    return {
        "guard": "Authorization: Bearer <the control token>",
        "look": [
            _look("state", "Everything that is there, without secrets."),
            _look("requests", "How often which endpoint was asked, and how it answered."),
            _look("log", "The request log. ?since= (an entry’s number), ?person=, ?app=, ?status=, ?remarks=1."),
            _look("faults", "The faults that are on."),
            _look("throttling", "The limits of Graph."),
            _look("tenants/{domain or id}", "One organization."),
            _look("people/{sign-in name or object id}", "One person."),
            _look("people/{sign-in name or object id}/events", "Their calendar. ?from= and ?to= (dates)."),
            _look("applications/{client id}", "One application, with what each organization allows it."),
            _look("subscriptions", "All subscriptions."),
        ],
        "faults": [
            {"method": "POST", "path": "/control/faults", "parameters": FAULT},
            {"method": "DELETE", "path": "/control/faults", "effect": "All faults end."},
            {"method": "DELETE", "path": "/control/faults/{id}", "effect": "One fault ends."},
        ],
        "actions": list(_actions()),
        "besides": [
            {"method": "DELETE", "path": "/control/people/{name}/grants", "is": "withdraw-consent (?client_id=)"},
            {"method": "POST", "path": "/control/people/{name}/events", "is": "create-event"},
            {"method": "PATCH", "path": "/control/people/{name}/events/{id}", "is": "change"},
            {"method": "DELETE", "path": "/control/people/{name}/events/{id}", "is": "delete"},
            {"method": "DELETE", "path": "/control/subscriptions/{id}", "is": "drop"},
            {"method": "DELETE", "path": "/control/log", "effect": "The log is emptied; its numbers go on."},
        ],
    }


def _actions() -> Iterator[dict[str, Any]]:
    for action in index.ALL:
        yield {
            "method": "POST",
            "path": f"/control/{PLACES[action.on]}{action.name}",
            "label": action.label,
            "effect": action.effect,
            "is_harmful": action.is_harmful,
            "parameters": [_parameter(one) for one in _in_order(action)],
        }


def _in_order(action: Action) -> Iterator[Parameter]:
    yield from (one for one in action.parameters if one.is_required)
    yield from (one for one in action.parameters if not one.is_required)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "label": parameter.label,
        "kind": parameter.kind.value,
        "is_required": parameter.is_required,
    }
    if not parameter.is_required:
        described["default"] = parameter.default
    if parameter.choices:
        described["choices"] = dict(parameter.choices)
    return described | ({"hint": parameter.hint} if parameter.hint else {})


def _look(path: str, what: str) -> dict[str, str]:
    return {"method": "GET", "path": f"/control/{path}", "what": what}
