"""The person's way to a server of their organization's own: nobody travels anywhere, a worker asks the server.

By password: what was typed waits, sealed, until a worker has tried it. By impersonation nothing is typed: that account
opens every mailbox, so it is let into the one of the person's own proved address, and into no other.
"""

from __future__ import annotations

import json
import secrets
import uuid
from datetime import datetime, timedelta
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts import vault
from accounts.cascade.read import effective
from accounts.models import User
from accounts.nudging import nudge
from accounts.sign_in import addresses
from integrations import connecting
from integrations.exchange import server_checks, servers
from integrations.failures import Reason
from integrations.models import Connection, ConsentRequest, Ending, ExchangeServer, Step
from integrations.policy import Obstacle, may_connect
from integrations.preferences import Integrations, Method, Service
from integrations.ways import Way, own_way

REDEEM = "integrations.redeem"  # the task
# The portal is no place to find somebody's password out, nor to have their account locked: of one person, and of one
# user name at one server, whoever types it. Four are fewer than servers let pass.
TRIES = 5
TRIES_OF_A_NAME = 4
WITHIN = timedelta(minutes=15)
# What a server said of a name and its password; and what was taken back, for it may have been tried already.
_TRIED = (
    Reason.PASSWORD_REFUSED.value,
    Reason.PASSWORD_EXPIRED.value,
    Reason.ACCOUNT_LOCKED.value,
    Reason.ACCOUNT_DISABLED.value,
    Ending.SUPERSEDED.value,
)


class NotReady(Exception):
    """No impersonation account works there: an admin of the account has to see to it."""


class NotProved(Exception):
    """Nobody has shown yet that the address the person signs in with is theirs."""


class TooManyRefused(Exception):
    """What was typed has led nowhere again and again: by this person, or with this user name."""


def way_of(person: User) -> Way | None:
    """The person's way, where it leads to such a server; else None."""
    way = own_way(effective(Integrations, person).services)
    return way if way.service is Service.EXCHANGE else None


def by_password(person: User, *, user_name: str, password: str, address: str, now: datetime) -> ConsentRequest:
    """Raises `connecting.NotAllowed`, TooManyRefused."""
    way = _checked(person, Method.PASSWORD)
    typed = {"user_name": user_name, "password": password, "address": address}
    return _begun(person, way, typed, now=now)


def by_impersonation(person: User, *, now: datetime) -> ConsentRequest:
    """Raises `connecting.NotAllowed`, NotReady, NotProved."""
    way = _checked(person, Method.IMPERSONATION)
    if not is_ready(person, way):
        raise NotReady
    if not addresses.is_proved(person):
        raise NotProved
    return _begun(person, way, {"address": person.email}, now=now)


def is_ready(person: User, way: Way) -> bool:
    """Whether an impersonation account is there that can open mailboxes, as far as anybody knows."""
    server = ExchangeServer.objects.filter(account=person.account_id, address=way.server).first()
    return server is not None and server_checks.is_ready(server)


def suggested(person: User, connection: Connection | None, way: Way) -> dict[str, str]:
    """What a form begins with: what was used before, else the person's own address. Never a password."""
    if connection and connecting.is_bound(connection, way):
        return {"user_name": connection.user_name, "address": connection.address}
    return {"user_name": person.email, "address": person.email}


def _checked(person: User, method: Method) -> Way:
    preferences, existing = effective(Integrations, person), connecting.current(person)
    if obstacle := connecting.obstacle_to(preferences, existing):
        raise connecting.NotAllowed(obstacle)
    way = own_way(preferences.services)
    if way.service is not Service.EXCHANGE or way.method is not method:
        wish = Way(Service.EXCHANGE, way.api, method, way.server).wish()
        raise connecting.NotAllowed(may_connect(preferences, wish) or Obstacle.ANOTHER_SERVICE)
    return way


def _may_try(person: User, name: str, *, now: datetime) -> bool:
    tried = Q(reason__in=_TRIED) | Q(ended_at=None)
    recent = ConsentRequest.objects.filter(tried, created_at__gt=now - WITHIN).exclude(user_name_digest="")
    by_person, of_name = recent.filter(user=person).count(), recent.filter(user_name_digest=name).count()
    return by_person < TRIES and of_name < TRIES_OF_A_NAME


def _name_digest(server: ExchangeServer, user_name: str) -> str:
    """Keyed: a name that people sign in with is not to be read from the table."""
    place = f"{server.address} {user_name.strip().casefold()}"
    return salted_hmac("integrations.exchange.user_name", place, algorithm="sha256").hexdigest()


def _begun(person: User, way: Way, typed: dict[str, str], *, now: datetime) -> ConsentRequest:
    """Raises TooManyRefused."""
    server = servers.at(person.account, way.server, now=now)
    request = ConsentRequest(
        id=uuid.uuid4(),
        user=person,
        # There is no state that anybody could bring back.
        state_digest=connecting.digest(secrets.token_urlsafe(32)),
        browser_digest="",
        service=way.service.value,
        api=way.api.value,
        method=way.method.value,
        server=server,
        user_name_digest=_name_digest(server, typed["user_name"]) if "user_name" in typed else "",
        calendar_write=False,
        contacts_write=False,
        is_renewal=connecting.is_bound(connecting.current(person), way),
        created_at=now,
        expires_at=now + connecting.LASTS,
        step=Step.ANSWERED,
        answered_at=now,
    )
    request.answer = vault.seal(json.dumps(typed), bound_to=connecting.place(request, "answer"))
    with transaction.atomic():
        # Two at once would not see each other's tries. The person first, as everywhere.
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        if request.user_name_digest:
            ExchangeServer.objects.select_for_update(no_key=True).get(pk=server.pk)
            if not _may_try(person, request.user_name_digest, now=now):
                raise TooManyRefused
        connecting.give_up(person, now=now)
        request.save()
        transaction.on_commit(partial(nudge, current_app.signature(REDEEM), consent_id=str(request.pk)))
    return request
