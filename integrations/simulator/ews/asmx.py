"""`/EWS/Exchange.asmx`: every request to Exchange Web Services comes in here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID, uuid4, uuid5
from xml.etree.ElementTree import Element

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator.control import seen
from integrations.simulator.control.resetting import ConnectionBroken
from integrations.simulator.ews import door, elements, mailboxes, operations, refusals, soap
from integrations.simulator.ews.callers import Caller, Server, TurnedAway
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import errors, throttling
from integrations.simulator.models import Person

log = logging.getLogger("simulator")
CONTENT_TYPE = "text/xml; charset=utf-8"
LARGEST = 4 * 1024 * 1024
# How many times as much is read and thrown away before the connection is broken.
_PATIENCE = 8
PAGE = "<html><head><title>Service</title></head><body><p>You have created a service.</p></body></html>"
# Counted apart from what the same application asks of Graph.
_APART = UUID("6f9b1c38-3c7f-5d0b-9a55-2f3f4c1e7d21")


@csrf_exempt
def exchange(request: HttpRequest) -> HttpResponse:
    """Whatever happens, the answer is the web server's or Exchange's own."""
    now, server = timezone.now(), door.server_of(request)
    try:
        return _written(_answer(request, server, now), server)
    except TurnedAway as turned:
        seen.explain(request, why=turned.why, code=turned.status)
        return _headed(HttpResponse(turned.body, status=turned.status, headers=dict(turned.headers)), server)
    except Refused as refused:
        seen.explain(request, why=refused.why or refused.message, code=refused.code)
        return _written(soap.fault(refused), server, status=500)
    except ConnectionBroken:
        raise
    except Exception:
        log.exception("Exchange Web Services failed.")
        seen.explain(request, why="The simulator itself failed; its log says how.", code="ErrorInternalServerError")
        return _written(soap.fault(refusals.own_fault()), server, status=500)


def _answer(request: HttpRequest, server: Server, now: datetime) -> Element:
    caller = door.who(request, now=now)
    _say_who(request, caller)
    if request.method != "POST":
        raise _no_post(request)
    asked = soap.read(_content(request), server)
    name = asked.operation.name
    operation = operations.named(name)
    shown = operations.shown(name)
    seen.explain(request, why=f"{shown} is answered as asked.", operation=shown)
    person = mailboxes.impersonated(caller, asked.impersonated)
    door.meet_faults(request, caller, shown, person, now=now)
    if operation is None:
        raise refusals.unknown_operation(name)
    asking = Asking(caller, person, asked.operation, asked.version, asked.zone, now)
    with _limited(caller, person, now):
        return soap.answer(operation(asking), server)


@contextmanager
def _limited(caller: Caller, person: Person | None, now: datetime) -> Iterator[None]:
    """As much of one mailbox as one application, or whoever signs in themselves, may ask."""
    key = (uuid5(_APART, str(caller.client_id)), person.oid) if person else None
    try:
        with throttling.slot(key, now=now):
            yield
    except errors.Refused as refused:
        if refused.status != 429:
            raise
        seconds = int(refused.headers.get("Retry-After", "1"))
        raise refusals.server_busy(seconds * 1000).because(refused.why) from None


def _content(request: HttpRequest) -> bytes:
    if not request.content_type == "text/xml":
        raise TurnedAway(415, "The body is not said to be text/xml.")
    try:
        content = request.read(LARGEST + 1)
    except UnreadablePostError:
        raise TurnedAway(400, "The body broke off.") from None
    if len(content) <= LARGEST:
        return content
    # A client that is still sending would not see the refusal: the connection would break under it.
    for _ in range(_PATIENCE):
        if not request.read(LARGEST):
            break
    raise TurnedAway(413, "The body is larger than 4 MB.")


def _no_post(request: HttpRequest) -> TurnedAway:
    """A browser that is signed in sees the page about the service's description."""
    if request.method in ("GET", "HEAD"):
        return TurnedAway(200, "A page in a browser, no SOAP.", headers={"Content-Type": "text/html"}, body=PAGE)
    return TurnedAway(405, "Exchange Web Services take POST.", headers={"Allow": "GET, HEAD, POST"})


def _say_who(request: HttpRequest, caller: Caller) -> None:
    seen.explain(
        request,
        who=caller.person.sign_in_name if caller.person else "",
        app=caller.client_id,
        tenant=caller.tenant.name if caller.tenant else "",
    )


def _written(envelope: Element, server: Server, *, status: int = 200) -> HttpResponse:
    response = HttpResponse(elements.written(envelope), content_type=CONTENT_TYPE, status=status)
    # SOAP has 500 for every fault, and most are the client's: Django need not cry in the log about each.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return _headed(response, server)


def _headed(response: HttpResponse, server: Server) -> HttpResponse:
    response.headers.setdefault("Cache-Control", "private")
    response.headers.setdefault("request-id", str(uuid4()))
    response.headers.setdefault("X-FEServer", "SIMULATED" if server is Server.ONLINE else "MAIL01")
    return response
