"""Servers of an organization's own, and connections there, without a server."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import Account, User
from integrations import states
from integrations.exchange import servers
from integrations.models import Connection, ExchangeServer
from integrations.preferences import Api, Method, Service, ServicePolicy
from tests.cast import FOUNDED
from tests.integrations.tied import connect

ADDRESS = "https://mail.kestrel.example/EWS/Exchange.asmx"
PASSWORD = "s3cret-of-it"


def by_ews(method: Method, address: str = ADDRESS) -> ServicePolicy:
    """The settings that connect people there."""
    return ServicePolicy(
        default_service=Service.EXCHANGE,
        authorize_with=Api.EWS,
        who_can_set_up=method,
        calendar_write=False,
        contacts_write=False,
        ews_url=address,
    )


def served(account: Account, by: User, *, address: str = ADDRESS, now: datetime = FOUNDED) -> ExchangeServer:
    """With an impersonation account, and working."""
    made = servers.at(account, address, now=now)
    servers.set_impersonation(made, user_name="KESTREL\\reader", password=PASSWORD, actor=by, now=now)
    states.server_works(read(made), now=now)
    return read(made)


def tied_to(server: ExchangeServer, method: Method, people: list[User], **more: Any) -> list[Connection]:
    way = {"service": Service.EXCHANGE.value, "api": Api.EWS.value, "method": method.value, "server": server}
    return connect(people, **{**way, "refresh_token": "", "access_token": "", "tenant_id": "its", **more})


def read(server: ExchangeServer) -> ExchangeServer:
    return ExchangeServer.objects.select_related("account").get(pk=server.pk)
