"""Every request to Graph comes in here: token, faults, route, permission, mailbox, and only then the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator import place
from integrations.simulator.control import faults, seen, tally, usage
from integrations.simulator.control.resetting import ConnectionBroken
from integrations.simulator.control.troubles import WHY, GraphInTrouble
from integrations.simulator.entra import claims, lies
from integrations.simulator.graph import (
    asking,
    batch,
    bearer,
    errors,
    metadata_levels,
    routes,
    scoping,
    throttling,
    wire,
)
from integrations.simulator.graph.asking import Asking, Caller, Inner
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.paths import Found, Route
from integrations.simulator.graph.replies import Reply
from integrations.simulator.graph.wire import Call
from integrations.simulator.models import Application, Fault, Person

log = logging.getLogger("simulator")


@csrf_exempt
def graph(request: HttpRequest, version: str, path: str | None = None) -> HttpResponse:
    return _let_in(wire.read(request, version, path or "", now=timezone.now()), outcome)


@csrf_exempt
def userinfo(request: HttpRequest) -> HttpResponse:
    return _let_in(wire.read(request, "v1.0", "", now=timezone.now()), _userinfo)


def _let_in(call: Call, answer: Callable[[Call, Caller], Reply]) -> HttpResponse:
    """Whatever happens, the answer is Graph's JSON."""
    if call.method == "OPTIONS":
        return wire.write(call, wire.PREFLIGHT)
    try:
        caller = bearer.read(call.request.META.get("HTTP_AUTHORIZATION", ""), now=call.now)
        _say_who(call, caller)
        return wire.write(call, answer(call, caller))
    except Refused as refused:
        tally.count_graph("unknown", refused.status)
        return wire.write(call, _refuse(call, refused))
    except ConnectionBroken:
        raise
    except Exception:
        log.exception("%s failed at the door.", call.method)
        return wire.write(call, _refuse(call, _own_fault()))


def _userinfo(call: Call, caller: Caller) -> Reply:
    if caller.person is None or "openid" not in caller.granted:
        raise errors.directory_denied().because("The token lacks “openid”.")
    return Reply(_about(caller.person, caller, call))


def outcome(call: Call, caller: Caller) -> Reply:
    """The answer or the refusal to one request, alone or in a batch: always Graph's JSON, even when we fail."""
    found = routes.find(call.path)
    try:
        reply = _answer(call, caller, found)
    except Refused as refused:
        reply = _refuse(call, refused)
    except ConnectionBroken:
        raise
    except Exception:
        log.exception("%s %s failed.", call.method, found.path)
        reply = _refuse(call, _own_fault())
    tally.count_graph(found.path, reply.status)
    return reply


def _answer(call: Call, caller: Caller, found: Found) -> Reply:
    route = found.routes.get(call.method) if call.version == "v1.0" else None
    person = scoping.about(caller, found) if route else None
    mailbox = (caller.client_id, person.oid) if person and route and route.is_outlook else None
    with throttling.slot(mailbox, now=call.now):
        _meet_faults(call, caller)
        if route is None:
            raise _no_route(call, found)
        opening = scoping.check(route, found, caller, person)
        seen.explain(call.request, why=opening.why)
        _note_use(call, caller, route)
        asked = _asking(call, replace(caller, granted=opening.granted), route, person)
        answer = route.answer(asked, *found.ids)
    reply = answer if isinstance(answer, Reply) else Reply(answer)
    # What is in a batch has asked for itself.
    if route.answer is not batch.answer and metadata_levels.is_unwanted(call.headers.get("accept", ""), asked.options):
        reply = metadata_levels.without(reply)
    return _with_headers(reply, route, asked)


def _meet_faults(call: Call, caller: Caller) -> None:
    trouble = faults.meet(
        Fault.Target.GRAPH,
        tenant=caller.tenant.pk,
        person=caller.person.pk if caller.person else None,
        application=lambda: caller.application.pk,
        method=call.method,
        path=call.path,
        now=timezone.now(),
    )
    if trouble:
        raise GraphInTrouble(trouble).because(WHY)


def _note_use(call: Call, caller: Caller, route: Route) -> None:
    on_its_own = caller.person is None
    enough = route.application if on_its_own else route.delegated
    usage.used(call.request, caller.client_id, held=caller.granted, enough=enough, on_its_own=on_its_own)


def _no_route(call: Call, found: Found) -> Refused:
    if call.version != "v1.0":
        return errors.no_such_version(call.version).because("Only v1.0 is simulated.")
    if not found.routes:
        return errors.no_such_segment(found.unknown_segment).because("Graph has no such path, or it is not simulated.")
    return errors.wrong_method()


def _asking(call: Call, caller: Caller, route: Route, person: Person | None) -> Asking:
    return Asking(
        caller=caller,
        about=person,
        base=call.base,
        path=call.quoted_path,
        options=asking.options_of(call.query),
        prefer=asking.preferences_of(call.headers.get("prefer", "")),
        now=call.now,
        body=wire.payload(call, is_needed=route.needs_body) if route.method in ("POST", "PATCH", "PUT") else {},
        if_match=call.headers.get("if-match"),
        client_request_id=call.client_request_id,
        is_eventual=call.headers.get("consistencylevel", "").lower() == "eventual",
        **_batching(call, caller),
    )


def _batching(call: Call, caller: Caller) -> dict[str, Callable[[Inner], Reply]]:
    """A batch within a batch is refused."""
    return {} if call.is_batched else {"again": lambda inner: outcome(wire.within(call, inner), caller)}


def _with_headers(reply: Reply, route: Route, asked: Asking) -> Reply:
    more = {} if route.is_outlook else {"x-ms-resource-unit": "1"}
    if asked.prefer.applied:
        more["Preference-Applied"] = ", ".join(asked.prefer.applied)
    return replace(reply, headers={**more, **reply.headers}) if more else reply


def _own_fault() -> Refused:
    return errors.own_fault().because("The simulator itself failed; its log says how.")


def _refuse(call: Call, refused: Refused) -> Reply:
    where = "Within the batch: " if call.is_batched else ""
    seen.explain(call.request, why=where + (refused.why or refused.message), code=refused.code)
    if refused.remark:
        seen.remark(call.request, refused.remark)
    return wire.refusal(call, refused)


def _say_who(call: Call, caller: Caller) -> None:
    seen.explain(
        call.request,
        who=caller.person.sign_in_name if caller.person else "",
        app=caller.client_id,
        tenant=caller.tenant.name,
    )


def _about(person: Person, caller: Caller, call: Call) -> dict[str, str]:
    about = {
        # The same as in the id_token (OpenID Connect Core §5.3.2), not as in the access token.
        "sub": claims.pairwise(person, str(caller.client_id)),
        "name": person.name,
        "family_name": person.surname,
        "given_name": person.given_name,
        "picture": f"{place.here().machine_origin(call.request.get_host())}/v1.0/me/photo/$value",
    }
    if "email" in caller.granted and person.mail and not _lacks_address(person, caller):
        about["email"] = person.mail
    return about


def _lacks_address(person: Person, caller: Caller) -> bool:
    """On order: what the id_token keeps to itself, this must not tell."""
    application = Application.objects.filter(client_id=caller.client_id).first()
    return application is not None and lies.of(application, person.tenant).without_email
