"""Somebody who goes by EWS, for the tests of the way from there to Graph."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import Account, Group, User
from integrations.models import Connection
from integrations.preferences import Api, Method, Service, ServicePolicy
from tests.integrations import tied
from tests.integrations.wired import connected
from tests.simulated import Simulator

EWS = ServicePolicy(authorize_with=Api.EWS)
EWS_BY_APP = ServicePolicy(authorize_with=Api.EWS, who_can_set_up=Method.APPLICATION_PERMISSIONS)
GRAPH = ServicePolicy()
GRAPH_BY_APP = ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)


def on_premises(address: str, method: Method = Method.PASSWORD) -> ServicePolicy:
    return ServicePolicy(
        default_service=Service.EXCHANGE, authorize_with=Api.EWS, who_can_set_up=method, ews_url=address
    )


def say(policy: ServicePolicy, *, at: Account | Group, by: User, is_locked: bool = False) -> None:
    tied.set_to("services", policy, at=at, by=by, now=timezone.now(), is_locked=is_locked)


def by_ews(person: User, microsoft: Simulator, *, by: User, agrees_to_graph: bool = True) -> Connection:
    """Connected in Exchange Online by EWS; before that, they or somebody for them had agreed to Graph, or not."""
    if agrees_to_graph:
        say(GRAPH, at=person.account, by=by)
        connected(person, microsoft)
        Connection.objects.filter(user=person).delete()
    say(EWS, at=person.account, by=by)
    return connected(person, microsoft)


def tied_by_ews(people: list[User], **more: Any) -> list[Connection]:
    """Without Microsoft."""
    return tied.connect(people, **{"api": Api.EWS.value, **more})
