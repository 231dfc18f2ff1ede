"""The shortest ways to calendars by Exchange Web Services: the settings that lead there, and people who go."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import Account, User
from integrations.exchange import joining, servers
from integrations.models import Connection, ConsentRequest, ExchangeServer
from integrations.preferences import Api, Method, Service, ServicePolicy
from tests.cast import joined
from tests.integrations.tied import set_to
from tests.integrations.wired import redeemed
from tests.simulated import PASSWORD, Simulator

IMPERSONATOR = "svc-calendar@kestrel.example"
OFFICE_BY_EWS = ServicePolicy(authorize_with=Api.EWS)


def at_exchange(microsoft: Simulator, method: Method = Method.PASSWORD, *, address: str = "") -> ServicePolicy:
    return ServicePolicy(
        default_service=Service.EXCHANGE,
        authorize_with=Api.EWS,
        who_can_set_up=method,
        ews_url=address or microsoft.exchange_url,
    )


def lead(account: Account, policy: ServicePolicy, *, by: User, is_locked: bool = False) -> None:
    set_to("services", policy, at=account, by=by, is_locked=is_locked)


def ingrid_of(account: Account) -> User:
    """Her mailbox is on the server of the warehouse."""
    return joined(account, name="Ingrid", email="ingrid@kestrel.example")


def hugo_of(account: Account) -> User:
    return joined(account, name="Hugo", email="hugo@kestrel.example")


def with_impersonation(account: Account, microsoft: Simulator, *, by: User, password: str = PASSWORD) -> ExchangeServer:
    server = servers.at(account, microsoft.exchange_url, now=timezone.now())
    servers.set_impersonation(server, user_name=IMPERSONATOR, password=password, actor=by, now=timezone.now())
    server.refresh_from_db()
    return server


def signed_in_by(person: User, *, password: str = PASSWORD, **typed: Any) -> ConsentRequest:
    """By password, and a worker has tried it."""
    said = {"user_name": person.email, "address": person.email, **typed}
    return redeemed(joining.by_password(person, password=password, **said, now=timezone.now()))


def impersonated(person: User) -> ConsentRequest:
    return redeemed(joining.by_impersonation(person, now=timezone.now()))


def connection_of(person: User) -> Connection:
    return Connection.objects.select_related("user__account", "server").get(user=person)
