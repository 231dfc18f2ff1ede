"""What the pages about an account's own Exchange servers show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, QuerySet
from django.urls import reverse

from accounts.models import Account
from integrations import reasons
from integrations.console.tiles import LOOKS, Look
from integrations.exchange import asked, places, server_words, servers
from integrations.exchange.places import Place
from integrations.exchange.server_words import Words
from integrations.models import Connection, ExchangeServer, ServerState, State
from integrations.preferences import Api, Method, Service

_LOOKS = {
    ServerState.UNKNOWN: Look("Not checked yet", "info", "clock", ""),
    ServerState.WORKING: Look("Working", "good", "check", ""),
    ServerState.DEGRADED: Look("Degraded", "warn", "clock", ""),
    ServerState.PAUSED: Look("Paused", "bad", "pause", ""),
}
_WAYS = {Method.PASSWORD: "with their own password", Method.IMPERSONATION: "by the impersonation account"}
# Whom people are counted by, in this order.
_ORDER = (
    State.CONNECTED,
    State.CONNECTING,
    State.DEGRADED,
    State.PAUSED,
    State.NEEDS_REAUTH,
    State.NOT_ELIGIBLE,
    State.BLOCKED_BY_POLICY,
    State.AWAITING_ADMIN,
)

# By state, reason and method, how many there are.
_Numbers = Mapping[tuple[str, str, str], int]


@dataclass(frozen=True)
class Card:
    """One server in the list."""

    server: ExchangeServer
    look: Look
    trouble: Words | None
    connected: int
    others: int
    places: tuple[Place, ...]
    wants_account: bool


@dataclass(frozen=True)
class Group:
    """People in one state, for one reason, connected in one way."""

    look: Look
    way: str
    because: str
    number: int
    href: str


@dataclass(frozen=True)
class Online:
    """Who is connected by EWS at Microsoft, which is no server of the account's own."""

    number: int
    href: str


def cards(account: Account) -> list[Card]:
    """Three queries, however many there are."""
    named = places.deciding(account)
    numbers = _numbers(Connection.objects.filter(account=account, server__isnull=False))
    return [_card(one, named.get(one.address, []), numbers.get(one.pk, {})) for one in servers.of(account)]


def online(account: Account) -> Online:
    """One query."""
    ours = {"service": Service.OFFICE_365.value, "api": Api.EWS.value}
    found = Connection.objects.filter(account=account, **ours).exclude(state=State.DISCONNECTED)
    way = f"{ours['service']}.{ours['api']}"
    return Online(found.count(), f"{reverse('connections')}?{urlencode({'way': way})}")


def page(server: ExchangeServer, *, now: datetime) -> dict[str, Any]:
    """Two queries. `server` comes with its account and whoever set the impersonation account."""
    named = places.deciding(server.account).get(server.address, [])
    numbers = _numbers(Connection.objects.filter(server=server.pk)).get(server.pk, {})
    card = _card(server, named, numbers)
    return {
        "server": server,
        "card": card,
        "check": asked.latest(server, now=now),
        "groups": [_group(server, *key, count) for key, count in sorted(numbers.items(), key=_gravity)],
        "impersonated": sum(count for (*_, method), count in numbers.items() if method == Method.IMPERSONATION),
        "is_unused": not named and not numbers,
    }


def trouble(server: ExchangeServer) -> Words | None:
    is_in_trouble = server.state in (ServerState.DEGRADED, ServerState.PAUSED)
    return server_words.of(server.reason) if is_in_trouble else None


def look_of(server: ExchangeServer) -> Look:
    return _LOOKS[ServerState(server.state)]


def _card(server: ExchangeServer, named: Collection[Place], numbers: _Numbers) -> Card:
    connected = sum(count for (state, *_), count in numbers.items() if state == State.CONNECTED)
    by_impersonation = any(place.method == Method.IMPERSONATION for place in named)
    return Card(
        server=server,
        look=look_of(server),
        trouble=trouble(server),
        connected=connected,
        others=sum(numbers.values()) - connected,
        places=tuple(named),
        wants_account=not server.password and by_impersonation,
    )


def _numbers(connections: QuerySet[Connection]) -> dict[int, dict[tuple[str, str, str], int]]:
    """By server. One query."""
    found: dict[int, dict[tuple[str, str, str], int]] = defaultdict(dict)
    shown = connections.exclude(state=State.DISCONNECTED).order_by()
    rows = shown.values_list("server", "state", "reason", "method").annotate(count=Count("pk"))
    for server, state, reason, method, count in rows:
        found[server][state, reason, method] = count
    return found


def _gravity(one: tuple[tuple[str, str, str], int]) -> tuple[int, int, str, str]:
    (state, reason, method), count = one
    return _ORDER.index(State(state)), -count, reason, method


def _group(server: ExchangeServer, state: str, reason: str, method: str, count: int) -> Group:
    query = {"server": server.pk, "state": state, "method": method} | ({"reason": reason} if reason else {})
    because = f"{reasons.in_words(reason)}." if reason else ""
    way = _WAYS.get(Method(method), "")
    return Group(LOOKS[state], way, because, count, f"{reverse('connections')}?{urlencode(query)}")
