"""The steps of a test where the settings lead to a server of the organization's own: nothing there is Microsoft's."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from accounts.cascade.read import effective
from accounts.models import User
from integrations.exchange import server_checks, server_words, servers
from integrations.models import ExchangeServer, ServerState
from integrations.models import Step as Stage
from integrations.preferences import Integrations, Method, Service, ServicePolicy
from integrations.trials import advice
from integrations.trials.model import Mark, Name, Step
from integrations.trials.trip import Going, connected, traced_by

_ANSWERS = "The Exchange server answers"
_WENT = "{name} has asked for the calendar there"
_OPENED = "The mailbox opens"
_NO_ACCOUNT = "The impersonation account is not set."
_SET_IT = "An admin of this account sets it under Account Management, Exchange servers."


def policy_of(person: User) -> ServicePolicy | None:
    """The settings of now, where they lead to such a server. One query."""
    policy = effective(Integrations, person).services
    return policy if is_the_way(policy) else None


def is_the_way(policy: ServicePolicy) -> bool:
    return policy.default_service is Service.EXCHANGE


def ask(person: User, policy: ServicePolicy, *, now: datetime) -> dict[str, Any]:
    """Whether the server answers, and lets its impersonation account in where that is the way."""
    began = time.monotonic()
    server = server_checks.check(servers.for_policy(person.account, policy, now=now).pk, now=now)
    mark, says, code = _found(server, policy.who_can_set_up)
    took = round((time.monotonic() - began) * 1000)
    return {"mark": mark.value, "says": says, "reason": "", "code": code, "trace_id": "", "took": took, "wait": 0}


def server_step(found: dict[str, Any] | None) -> Step:
    if found is None:
        return Step(Name.SERVER, Mark.NOW, _ANSWERS)
    mark = Mark(found["mark"])
    todo = _SET_IT if mark is Mark.FAILED and found["says"] == _NO_ACCOUNT else ""
    return Step(Name.SERVER, mark, _ANSWERS, traced_by(found["says"], found["code"], ""), todo, took=found["took"])


def way(going: Going) -> list[Step]:
    """What the person does on the profile, until the mailbox opens."""
    went, opened = _WENT.format(name=going.name), _OPENED
    trip = going.trip
    if trip is None and going.is_connected:
        steps = [Step(Name.WENT, Mark.SKIPPED, went, "Connected already."), Step(Name.OPENED, Mark.SKIPPED, opened)]
    elif trip is None:
        mark = Mark.NOW if going.is_clear else Mark.NEXT
        steps = [Step(Name.WENT, mark, went), Step(Name.OPENED, Mark.NEXT, opened)]
    elif trip.step == Stage.FAILED:
        traced = traced_by(advice.why(trip.reason), trip.code, trip.trace_id)
        failed = Step(Name.OPENED, Mark.FAILED, opened, traced, advice.at_server(trip.reason, going.name))
        steps = [Step(Name.WENT, Mark.DONE, went), failed]
    else:
        mark = Mark.DONE if trip.step == Stage.DONE else Mark.NOW
        steps = [Step(Name.WENT, Mark.DONE, went), Step(Name.OPENED, mark, opened)]
    return [*steps, connected(going)]


def _found(server: ExchangeServer | None, method: Method) -> tuple[Mark, str, str]:
    if server is None:
        return Mark.FAILED, "It is no longer there.", ""
    if server.state in (ServerState.DEGRADED, ServerState.PAUSED):
        words = server_words.of(server.reason)
        return Mark.FAILED, f"{words.says} {words.helps}", server.code
    if method is Method.IMPERSONATION and not servers.has_account(server):
        return Mark.FAILED, _NO_ACCOUNT, ""
    return Mark.DONE, f"Exchange {server.build}." if server.build else "", ""
