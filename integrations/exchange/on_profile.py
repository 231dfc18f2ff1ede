"""What the profile, and the page about a person, tell of a calendar that is read by EWS, and of the way to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from accounts.cascade.facts import Held
from accounts.cascade.read import held
from accounts.models import User
from integrations import connecting
from integrations.capabilities import Capabilities, capabilities_of
from integrations.ews_addresses import host_of
from integrations.exchange import joining, retirement
from integrations.exchange import words as ews
from integrations.models import Connection, ConsentRequest, Move, State
from integrations.preferences import Api, Integrations, Method, Service
from integrations.ways import GRAPH, own_way

_STOPPED = (State.PAUSED, State.NOT_ELIGIBLE, State.NEEDS_REAUTH)


@dataclass(frozen=True)
class Shown:
    capabilities: Capabilities
    # Of a server of the organization's own; "" of Exchange Online.
    server: str
    user_name: str
    is_by_impersonation: bool
    # Of Exchange Online: when it ends.
    dates: str


def shown(connection: Connection) -> Shown | None:
    """None: it does not go by EWS."""
    if connection.api != Api.EWS.value or connection.state == State.DISCONNECTED:
        return None
    can = capabilities_of(Service(connection.service), Api.EWS, Method(connection.method))
    return Shown(
        can,
        host_of(connection.server.address) if connection.server else "",
        connection.user_name,
        connection.method == Method.IMPERSONATION.value,
        retirement.sentence(timezone.localdate()) if can.is_retired else "",
    )


def way_shown(person: User, values: Integrations, connection: Connection | None) -> dict[str, Any]:
    """By which way the person would connect now, where the button leads, and what is missing on the way. One query
    more where an impersonation account opens mailboxes, and nothing is connected."""
    way = own_way(values.services)
    needs_account = way.method is Method.IMPERSONATION
    is_connected = connection is not None and connection.state != State.DISCONNECTED
    is_ready = is_connected or not needs_account or joining.is_ready(person, way)
    return {
        "way": way,
        "way_server": host_of(way.server) if way.server else "",
        "configure": reverse("permissions" if way.is_at_microsoft else "exchange_sign_in"),
        "is_not_ready": not is_ready,
        "asks_to_move": {"says": ews.ASKED, "explains": ews.ASKED_ONCE},
    }


def may_move(holding: Held[Integrations], connection: Connection | None) -> bool:
    """Whether the person can go from EWS to Graph alone: the settings say Graph, or EWS has stopped and they do not
    mind."""
    if connection is None or connection.api != Api.EWS.value or connection.is_by_organization:
        return False
    if own_way(holding.values.services) == GRAPH:
        return connecting.obstacle_to(holding.values, connection) is None
    return connecting.may_go_to_graph(holding, connection, connection.reason)


def may_move_of(person: User, connection: Connection | None) -> bool:
    """The same, for pages that do not know the settings. A query for whoever goes by EWS, and none for others."""
    if connection is None or connection.api != Api.EWS.value:
        return False
    return may_move(held(Integrations, person), connection)


def may_move_after(holding: Held[Integrations], connection: Connection | None, consent: ConsentRequest | None) -> bool:
    """The same, where the last attempt to connect has met EWS that is shut off."""
    existing = connection if connection and connection.state != State.DISCONNECTED else None
    if consent is None or existing is not None:
        return False
    return connecting.may_go_to_graph(holding, None, connecting.why_ews_stopped(None, consent))


def is_asked(connection: Connection | None) -> bool:
    """It works, and only its person's consent takes it to Graph."""
    if connection is None or connection.api != Api.EWS.value or connection.move != Move.ASKED:
        return False
    return connection.is_alive or connection.state in _STOPPED
