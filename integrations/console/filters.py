"""What somebody looks for on the console, as it stands in the address bar: there nonsense filters nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Lower

from accounts.domain_names import listed
from accounts.doors import number_in
from accounts.models import Account, Group, User
from integrations.console import people, tiles
from integrations.console.tiles import LOOKS, Tiles
from integrations.models import Connection, State, TenantLink
from integrations.preferences import Api, Method, Service

M = TypeVar("M", User, Connection)
LONGEST = 200
NO_GROUP = "none"
# The gravest first.
_GRAVITY = (
    State.NEEDS_REAUTH,
    State.NOT_ELIGIBLE,
    State.BLOCKED_BY_POLICY,
    State.AWAITING_ADMIN,
    State.PAUSED,
    State.DEGRADED,
    State.CONNECTING,
    State.CONNECTED,
)
_WAYS = tuple(f"{service}.{api}" for service in Service for api in Api)
_SORTS = ("name", "answer", "state")
_FIELDS = ("state", "q", "group", "reason", "way", "method", "organization", "server")


@dataclass(frozen=True)
class Offered:
    """What can be filtered by: groups in their order, and what connections of the account have."""

    groups: tuple[tuple[int, str], ...]
    reasons: tuple[str, ...]
    methods: tuple[str, ...]
    # At Microsoft, those that consented to Application Permissions: key and name.
    organizations: tuple[tuple[int, str], ...] = ()
    # Service and API of connections, as `way_of` writes them; and the servers of one's own that they are at.
    ways: tuple[str, ...] = ()
    servers: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Chosen:
    q: str = ""
    state: str = ""
    # A key, or NO_GROUP.
    group: str = ""
    reason: str = ""
    # As `way_of` writes it.
    way: str = ""
    method: str = ""
    # The key of a TenantLink: whom its consent connects, or could not.
    organization: str = ""
    # The key of an ExchangeServer: whom it connects.
    server: str = ""
    sort: str = "name"
    is_descending: bool = False

    @property
    def query(self) -> str:
        """For a link: what differs from nothing, with its question mark."""
        return f"?{urlencode(self.fields)}"

    @property
    def fields(self) -> dict[str, str]:
        """As an address or a form carries them."""
        sort = f"-{self.sort}" if self.is_descending else self.sort
        sent = {name: str(getattr(self, name)) for name in _FIELDS}
        sent["sort"] = "" if sort == "name" else sort
        return {name: value for name, value in sent.items() if value}

    @property
    def is_narrow(self) -> bool:
        """By something besides the state."""
        return any(getattr(self, name) for name in _FIELDS if name != "state")

    def in_state(self, state: str) -> Chosen:
        """Another tile; the reasons of one state are not those of another."""
        return dataclasses.replace(self, state=state, reason="")

    def by(self, sort: str) -> Chosen:
        """Sorted by a heading; once more by the same turns it round."""
        return dataclasses.replace(self, sort=sort, is_descending=self.sort == sort and not self.is_descending)


def offered(account: Account) -> Offered:
    """Three queries."""
    groups = Group.objects.filter(account=account).order_by("rank").values_list("pk", "name")
    of_account = Connection.objects.filter(account=account).exclude(state=State.DISCONNECTED)
    columns = ("reason", "method", "service", "api", "server", "server__address")
    found = list(of_account.order_by().values_list(*columns).distinct())
    return Offered(
        groups=tuple(groups),
        reasons=_sorted(reason for reason, *_ in found if reason),
        methods=_sorted(method for _, method, *_ in found),
        organizations=_organizations(account),
        ways=_sorted(way_of(service, api) for _, _, service, api, *_ in found),
        servers=tuple(sorted({(pk, address) for *_, pk, address in found if pk}, key=lambda one: one[1])),
    )


def way_of(service: str, api: str) -> str:
    """As an address carries it."""
    return f"{service}.{api}"


def read(sent: Mapping[str, str], account: Account, known: Offered | None = None) -> Chosen:
    """From an address or a form; `known` says what may be named, if it is at hand."""
    known = known or offered(account)
    q, sort = sent.get("q", "").strip()[:LONGEST], sent.get("sort", "")
    return Chosen(
        q="" if "\x00" in q else q,
        state=_one_of(sent.get("state", ""), LOOKS),
        group=_group(sent.get("group", ""), known),
        reason=_one_of(sent.get("reason", ""), known.reasons),
        way=_one_of(sent.get("way", ""), _WAYS),
        method=_one_of(sent.get("method", ""), [method.value for method in Method]),
        organization=_known(sent.get("organization", ""), known.organizations),
        server=_known(sent.get("server", ""), known.servers),
        sort=_one_of(sort.removeprefix("-"), _SORTS) or "name",
        is_descending=sort.startswith("-") and sort.removeprefix("-") in _SORTS,
    )


def apply(chosen: Chosen, account: Account) -> QuerySet[User]:
    """Everybody who is looked for, in order. One query of its own."""
    found = _narrowed(people.of(account, chosen.state), chosen)
    if chosen.reason:
        found = found.filter(connection__reason=chosen.reason, connection__state__in=people.SHOWN)
    return in_order(found, chosen)


def in_order(found: QuerySet[User], chosen: Chosen) -> QuerySet[User]:
    return found.order_by(*_order(chosen))


def count(chosen: Chosen, account: Account) -> Tiles:
    """How many of each state are found, whatever state and reason are chosen. Three queries."""
    # Seen from the connections: without a filter people need not be looked at.
    shown = Connection.objects.filter(account=account, state__in=people.SHOWN)
    connections = _narrowed(shown, chosen, person="user__", connection="")
    return tiles.count(connections, _narrowed(people.not_yet(account), chosen))


def _narrowed(found: QuerySet[M], chosen: Chosen, *, person: str = "", connection: str = "connection__") -> QuerySet[M]:
    """`person`, `connection`: how the fields of each are reached."""
    texts = (f"{person}name", f"{person}email", f"{connection}address")
    for word in chosen.q.split():
        is_it = Q()
        for text in texts:
            is_it |= Q(**{f"{text}__icontains": word})
        found = found.filter(is_it)
    if chosen.group == NO_GROUP:
        found = found.filter(**{f"{person}memberships__isnull": True})
    elif chosen.group:
        found = found.filter(**{f"{person}memberships__group": int(chosen.group)})
    if chosen.organization:
        of_it = {f"{connection}link": int(chosen.organization), f"{connection}state__in": people.SHOWN}
        found = found.filter(**of_it)
    if chosen.method:
        found = found.filter(**{f"{connection}method": chosen.method, f"{connection}state__in": people.SHOWN})
    return _by_way(found, chosen, connection)


def _by_way(found: QuerySet[M], chosen: Chosen, connection: str) -> QuerySet[M]:
    wanted: dict[str, Any] = {}
    if chosen.way:
        wanted["service"], _, wanted["api"] = chosen.way.partition(".")
    if chosen.server:
        wanted["server"] = int(chosen.server)
    if not wanted:
        return found
    of_it = {f"{connection}{name}": value for name, value in wanted.items()}
    return found.filter(**of_it, **{f"{connection}state__in": people.SHOWN})


def _order(chosen: Chosen) -> list[Any]:
    by_name: list[Any] = [Lower("name"), "pk"]
    if chosen.sort == "answer":
        answered = Case(When(connection__state__in=people.SHOWN, then=F("connection__last_good_at")))
        # The newest first, as a log; whoever never had one comes last either way.
        return [
            answered.asc(nulls_last=True) if chosen.is_descending else answered.desc(nulls_last=True),
            *by_name,
        ]
    if chosen.sort == "state":
        ranks = [When(connection__state=state, then=Value(rank)) for rank, state in enumerate(_GRAVITY)]
        gravity = Case(*ranks, default=Value(len(_GRAVITY)), output_field=IntegerField())
        return [gravity.desc() if chosen.is_descending else gravity.asc(), *by_name]
    return [Lower("name").desc(), "-pk"] if chosen.is_descending else by_name


def _group(sent: str, known: Offered) -> str:
    if sent == NO_GROUP:
        return sent
    return next((str(pk) for pk, _ in known.groups if pk == number_in(sent)), "")


def _known(sent: str, named: Iterable[tuple[int, str]]) -> str:
    return next((str(pk) for pk, _ in named if pk == number_in(sent)), "")


def _organizations(account: Account) -> tuple[tuple[int, str], ...]:
    links = TenantLink.objects.filter(account=account, ended_at=None).order_by("linked_at")
    return tuple(
        (pk, listed(domains) or tenant) for pk, domains, tenant in links.values_list("pk", "domains", "tenant_id")
    )


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def _one_of(sent: str, words: Collection[str]) -> str:
    return sent if sent in words else ""
