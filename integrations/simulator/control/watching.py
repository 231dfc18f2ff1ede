"""Closes the log entry of each request: what it was, who, why, and what the client could do better."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils.http import parse_http_date_safe

from integrations.simulator.control import basic, habits, paths, resetting, seen, tally
from integrations.simulator.control.seen import Notes
from integrations.simulator.entra.tenants import as_guid

GRAPH = re.compile(r"^/(v1\.0|beta|v2\.0|oidc)(/|$)")
EWS = re.compile(r"^/ews/", re.IGNORECASE)
TOKEN = "/oauth2/v2.0/token"  # noqa: S105
# The console and the control API are the trainer's; what they do is logged as actions.
UNWATCHED = re.compile(r"^/($|healthz$|log|console|control|static|favicon)")
CREDENTIALS = ("client_secret", "password", "refresh_token", "access_token", "client_assertion", "code_verifier")
SHORTEST_SECRET = 6
_AADSTS = re.compile(r"AADSTS(\d{5,8})")
_TRACE = re.compile(r" (Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)


def close(request: HttpRequest, response: HttpResponseBase, *, took_ms: int, now: datetime) -> None:
    if UNWATCHED.match(request.path):
        return
    kind = kind_of(request)
    notes = seen.notes_of(request)
    status = 0 if _was_reset(request, response) else response.status_code
    if kind == "token":
        _complete_token(request, response, notes, now=now)
    elif kind == "graph":
        _complete_graph(request, response, notes)
    elif kind == "ews":
        tally.count_ews(notes.operation, status)
    else:
        _complete_page(request, response, notes)
    _remark_on_waiting(request, response, kind, now=now)
    if any(name in request.GET for name in CREDENTIALS):
        seen.remark(
            request, "Sent a credential in the query. Addresses end up in logs: send it in the body or a header."
        )
    operation = _form(request, "grant_type") if kind == "token" else notes.operation
    carried = _carried(request)
    for name in ("why", "who", "app", "tenant", "code"):
        setattr(notes, name, _without(carried, getattr(notes, name)))
    seen.record(
        at=now,
        kind=kind,
        method=request.method or "",
        path=_without(carried, paths.shown(request)),
        operation=_without(carried, operation),
        status=status,
        notes=notes,
        took_ms=took_ms,
    )


def _carried(request: HttpRequest) -> frozenset[str]:
    """The secrets that came with the request, and what came where no secret belongs but may have been put."""
    given = {_form(request, name) for name in (*CREDENTIALS, "code")}
    given |= {str(request.GET.get(name, "")) for name in (*CREDENTIALS, "code")}
    sent = request.headers.get("Authorization", "").partition(" ")[2].strip()
    given |= {sent, basic.read(sent)[1]}
    claimed = {_form(request, "client_id"), str(request.GET.get("client_id", ""))}
    given |= {one for one in claimed if as_guid(one) is None}
    return frozenset(value for value in given if len(value) >= SHORTEST_SECRET)


def _without(carried: frozenset[str], text: str) -> str:
    for value in carried:
        text = text.replace(value, "…")
    return paths.clean(text)


def kind_of(request: HttpRequest) -> str:
    if request.scheme != "https":
        return "sign_in"
    if request.path.endswith(TOKEN):
        return "token"
    if EWS.match(request.path_info):
        return "ews"
    return "graph" if GRAPH.match(request.path_info) else "other"


def _was_reset(request: HttpRequest, response: HttpResponseBase) -> bool:
    if not resetting.is_reset(response):
        return False
    seen.explain(request, why="A fault that was ordered in the console broke the connection.")
    return True


def _complete_token(request: HttpRequest, response: HttpResponseBase, notes: Notes, *, now: datetime) -> None:
    notes.app = notes.app or _form(request, "client_id")[: seen.LONGEST_NAME]
    body = _json(response)
    if response.status_code >= 400:
        _explain_refusal(notes, body)
        if "54005" in notes.code:
            seen.remark(request, "Redeemed an authorisation code twice. It works once: keep the tokens it brought.")
        return
    claims = _claims(str(body.get("access_token", "")))
    _say_who(notes, claims)
    notes.why = notes.why or "All that was asked for is allowed."
    # Only where tokens were given: who was refused, or got no answer, must come again with the same token.
    if _form(request, "grant_type") == "refresh_token" and "access_token" in body:
        _remark_on_refreshing(request, body, claims, now=now)


def _remark_on_refreshing(
    request: HttpRequest, body: Mapping[str, Any], claims: Mapping[str, Any], *, now: datetime
) -> None:
    if text := habits.used_refresh_token(_form(request, "refresh_token")):
        seen.remark(request, text)
    app, who, seconds = str(claims.get("appid", "")), str(claims.get("oid", "")), int(body.get("expires_in", 0))
    if text := habits.refreshed(app, who, _form(request, "scope"), seconds=seconds, now=now):
        seen.remark(request, text)


def _complete_graph(request: HttpRequest, response: HttpResponseBase, notes: Notes) -> None:
    token = request.headers.get("Authorization", "").partition(" ")[2].strip()
    if response.status_code == 401:
        # The signature may be wrong: nobody is named by it. But whose it claims to be gets a new one by right.
        claims = _claims(token)
        habits.was_refused(str(claims.get("appid", "")), str(claims.get("oid", "")))
        if token and (text := habits.refused_token(token)):
            seen.remark(request, text)
    elif not notes.app:
        _say_who(notes, _claims(token))
    if response.status_code >= 400:
        _explain_refusal(notes, _json(response))
    else:
        notes.why = notes.why or "The permissions of the token suffice."


def _complete_page(request: HttpRequest, response: HttpResponseBase, notes: Notes) -> None:
    notes.app = notes.app or str(request.GET.get("client_id", ""))[: seen.LONGEST_NAME]
    location = response.headers.get("Location", "")
    sent = parse_qs(urlsplit(location).query or urlsplit(location).fragment)
    text = " ".join(sent.get("error_description", []))
    if "error" in sent:
        found = _AADSTS.search(text)
        notes.code = notes.code or (f"AADSTS{found[1]}" if found else sent["error"][0])[: seen.LONGEST_NAME]
        notes.why = notes.why or _TRACE.sub("", text)[: seen.LONGEST_SENTENCE]
    elif response.status_code >= 400 and isinstance(response, HttpResponse):
        found = _AADSTS.search(response.content.decode(errors="replace"))
        notes.code = notes.code or (f"AADSTS{found[1]}" if found else "")
    notes.why = notes.why or _of_page(response.status_code)
    if request.path.endswith("/authorize") and "response_type" in request.GET and "step" not in request.GET:
        _remark_on_authorizing(request)


def _of_page(status: int) -> str:
    if status >= 400:
        return "It cannot be answered."
    return "The person is sent on." if 300 <= status < 400 else "It is answered as asked."


def _remark_on_authorizing(request: HttpRequest) -> None:
    if not request.GET.get("state"):
        seen.remark(request, "Sent no state: the application cannot tell an answer to itself from a forged one.")
    if "code" in request.GET["response_type"].split() and not request.GET.get("code_challenge"):
        seen.remark(request, "Sent no code_challenge: with PKCE a stolen code is worth nothing.")


def _remark_on_waiting(request: HttpRequest, response: HttpResponseBase, kind: str, *, now: datetime) -> None:
    notes = seen.notes_of(request)
    mailbox = request.path.split("/")[3] if kind == "graph" and request.path.count("/") > 2 else ""
    who = notes.who or mailbox or (notes.tenant if kind == "token" else "")
    if not who:
        # Whoever comes next may be somebody else.
        return
    key = f"{kind}|{notes.app}|{who}"
    early = seen.too_early(key, now=now)
    if early is not None:
        seen.remark(request, f"Came back {early.total_seconds():.1f} s before the time that Retry-After named.")
    until = _wait(response, now)
    if until is not None:
        seen.told_to_wait(key, until)


def _wait(response: HttpResponseBase, now: datetime) -> datetime | None:
    told = response.headers.get("Retry-After", "")
    if told.isdecimal():
        return now + timedelta(seconds=int(told))
    at = parse_http_date_safe(told) if told else None
    return datetime.fromtimestamp(at, tz=now.tzinfo) if at is not None else None


def _explain_refusal(notes: Notes, body: Mapping[str, Any]) -> None:
    """Entra's or Graph's own words, where nobody has said it plainer."""
    error = body.get("error")
    if isinstance(error, dict):
        notes.code = notes.code or str(error.get("code", ""))[: seen.LONGEST_NAME]
        notes.why = notes.why or str(error.get("message", ""))[: seen.LONGEST_SENTENCE]
        return
    codes = body.get("error_codes") or [""]
    aadsts = f"AADSTS{codes[0]}" if codes[0] else ""
    notes.code = notes.code or f"{aadsts} {error or ''}".strip()[: seen.LONGEST_NAME]
    text = _TRACE.sub("", str(body.get("error_description", "")))
    notes.why = notes.why or text.partition(": ")[2][: seen.LONGEST_SENTENCE] or text[: seen.LONGEST_SENTENCE]


def _say_who(notes: Notes, claims: Mapping[str, Any]) -> None:
    """From a token that was accepted, or has just been made."""
    notes.app = notes.app or str(claims.get("appid", ""))
    notes.tenant = notes.tenant or str(claims.get("tid", ""))
    if claims.get("idtyp") != "app":
        notes.who = notes.who or str(claims.get("oid", ""))


def _claims(token: str) -> Mapping[str, Any]:
    """Unverified: for the log only."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > 20_000:
        return {}
    try:
        read = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _json(response: HttpResponseBase) -> Mapping[str, Any]:
    if not isinstance(response, HttpResponse):
        return {}
    try:
        read = json.loads(response.content)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _form(request: HttpRequest, name: str) -> str:
    try:
        return str(request.POST.get(name, ""))
    except (SuspiciousOperation, BadRequest, UnreadablePostError):
        return ""
